// What a built libkrun, or a program that contains it, says about the socket it binds for itself. Pure: bytes in, signs
// out, in one buffer whatever the size of the file.
//
// Rust's string literals have no terminator, and compiler and linker merge them, so a name has no known beginning or end
// in the file: `-krun.sock` may follow `net.sock` and precede `Ensured`. Hence the searches are anchored in the name.

import type { KrunLibraryEvidence, KrunPin } from '../paths/krun-derivation.js';
import { judgeKrunSigns, MAX_EVIDENCE, noSigns, signsOfSuffix } from './signs.js';

const BUFFER_BYTES = 1 << 20;
// More than the longest name looked for, and what the evidence shows of its neighbourhood.
const BEFORE = 32;
const AFTER = 64;

// Two short words that every name contains: Buffer.indexOf finds words of up to seven bytes at memory speed, and longer
// ones at a third of that.
const KRUN = Buffer.from('krun');
const VIRTIO = Buffer.from('virtio');
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const COLON = 0x3a;
const SLASH = 0x2f;
const DIGIT_THREE = 0x33;

// At the dash before `krun`.
const SUFFIX = /^-krun[A-Za-z0-9_-]{0,24}\.sock/;
const DATAGRAM_CALL = /^krun_(?:add_net_unixgram|set_gvproxy_path)/;
// The module that a backend's log messages carry, its source file in them, and its mangled symbols.
const BACKEND = /^virtio(?:::net::|\/net\/|3net\d)(passt|unixgram|gvproxy)/;

/** Finds the signs in a file that is pushed through {@link space} piece by piece. */
export class KrunLibraryScanner {
  readonly #file: string;
  readonly #buffer: Buffer;
  /** The file offset of the buffer's first byte. */
  #base = 0;
  #filled = 0;
  /** The buffer offset from which on nothing has been looked at. */
  #next = 0;
  readonly #signs = noSigns<KrunLibraryEvidence>();

  /**
   * @param file its name, for the evidence
   * @param bytes of the buffer; more than 96, which it keeps for the next piece
   */
  constructor(file: string, bytes = BUFFER_BYTES) {
    this.#file = file;
    // Not from the pool: it would keep the pool's slab.
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
  }

  /** Where the next bytes of the file belong; never empty. */
  space(): Buffer {
    return this.#buffer.subarray(this.#filled);
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#base + this.#filled;
  }

  /** The bytes in the buffer: from the beginning of the file as long as it has not been filled once. */
  head(): Buffer {
    return this.#buffer.subarray(0, this.#filled);
  }

  /** Looks at the `count` bytes that were put into {@link space}. */
  push(count: number): void {
    this.#filled += count;
    if (this.#filled < this.#buffer.length) return;
    this.#scanUpTo(this.#filled - AFTER);
    const kept = this.#filled - AFTER - BEFORE;
    this.#buffer.copyWithin(0, kept, this.#filled);
    this.#base += kept;
    this.#filled -= kept;
    this.#next = BEFORE;
  }

  /** Looks at the rest, and judges. */
  finish(): KrunPin {
    this.#scanUpTo(this.#filled);
    // Two searches found these, one after the other in each bufferful.
    this.#signs.local.sort((a, b) => a.offset - b.offset);
    return judgeKrunSigns(this.#signs);
  }

  #scanUpTo(end: number): void {
    const bytes = this.head();
    for (let at = bytes.indexOf(KRUN, this.#next); at >= 0 && at < end; at = bytes.indexOf(KRUN, at + 1)) {
      this.#readKrun(at);
    }
    for (let at = bytes.indexOf(VIRTIO, this.#next); at >= 0 && at < end; at = bytes.indexOf(VIRTIO, at + 1)) {
      this.#readVirtio(at);
    }
    this.#next = end;
  }

  #readKrun(at: number): void {
    const isTail = this.#buffer[at - 1] === DASH;
    const next = this.#buffer[at + KRUN.length];
    if (!isTail && next !== DASH && next !== UNDERSCORE) return;
    const text = this.#textAt(at);
    if (text.startsWith('krun-net-')) {
      if (this.#textAt(at - 3, at) !== 'lib') this.#keep(this.#signs.templates, at);
    } else if (DATAGRAM_CALL.test(text)) {
      this.#keep(this.#signs.local, at);
    } else if (isTail) {
      const [suffix] = SUFFIX.exec(`-${text}`) ?? [];
      if (suffix !== undefined) this.#keep(signsOfSuffix(this.#signs, suffix), at - 1);
    }
  }

  #readVirtio(at: number): void {
    const next = this.#buffer[at + VIRTIO.length];
    if (next !== COLON && next !== SLASH && next !== DIGIT_THREE) return;
    const [, backend] = BACKEND.exec(this.#textAt(at)) ?? [];
    if (backend !== undefined) this.#keep(backend === 'passt' ? this.#signs.network : this.#signs.local, at);
  }

  #textAt(at: number, end = at + AFTER): string {
    return this.#buffer.toString('latin1', Math.max(at, 0), Math.min(end, this.#filled));
  }

  #keep(list: KrunLibraryEvidence[], at: number): void {
    if (list.length === MAX_EVIDENCE) return;
    const text = this.#textAt(at - BEFORE / 2, at + AFTER / 2).replace(/[^ -~]/g, '.');
    list.push({ file: this.#file, offset: this.#base + at, text });
  }
}
