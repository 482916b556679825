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

// Two short words, of which every sign has one: Buffer.indexOf finds words of up to seven bytes at memory speed, and longer
// ones at a third of that.
const WORDS = [Buffer.from('krun'), Buffer.from('virtio')];

// At such a word: a numbered name, a call that names a datagram backend, what is appended to the peer's path, and the
// module that a backend's log messages carry, its source file in them, and its mangled symbols.
const SIGN =
  /(?<template>(?<!lib)krun-net-)|krun_(?:add_net_unixgram|set_gvproxy_path)|(?<=-)(?<tail>krun[\w-]{0,24}\.sock)|virtio(?:::net::|\/net\/|3net\d)(?<backend>passt|unixgram|gvproxy)/y;

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
    const bytes = this.#buffer.subarray(0, this.#filled);
    for (const word of WORDS) {
      for (let at = bytes.indexOf(word, this.#next); at >= 0 && at < end; at = bytes.indexOf(word, at + 1))
        this.#read(at);
    }
    this.#next = end;
  }

  #read(at: number): void {
    const from = Math.max(at - BEFORE / 2, 0);
    SIGN.lastIndex = at - from;
    const found = SIGN.exec(this.#text(from, at + AFTER));
    if (found === null) return;
    const { template, tail, backend } = found.groups ?? {};
    if (tail !== undefined) this.#keep(signsOfSuffix(this.#signs, `-${tail}`), at - 1);
    else if (template !== undefined) this.#keep(this.#signs.templates, at);
    else this.#keep(backend === 'passt' ? this.#signs.network : this.#signs.local, at);
  }

  #text(from: number, end: number): string {
    return this.#buffer.toString('latin1', from, Math.min(end, this.#filled));
  }

  #keep(list: KrunLibraryEvidence[], at: number): void {
    if (list.length === MAX_EVIDENCE) return;
    const text = this.#text(Math.max(at - BEFORE / 2, 0), at + AFTER / 2).replace(/[^ -~]/g, '.');
    list.push({ file: this.#file, offset: this.#base + at, text });
  }
}
