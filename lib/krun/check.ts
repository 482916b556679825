// The look at a given libkrun: its files found and read, what they show judged, and what to say where it is not what a host
// relies on.

import { type BoxSocketsError, refusal, systemError } from '../errors.js';
import { closeFile, openFile, readInto, readText, statDescriptor } from '../files.js';
import { statedElfLength } from '../native/whole-file.js';
import {
  type KrunPin,
  type KrunPinNames,
  type KrunScheme,
  type KrunSourceEvidence,
  parseKrunDerivation,
  type ResolvedKrunDerivation,
} from '../paths/krun-derivation.js';
import type { Steps } from '../twin.js';
import { KrunLibraryScanner } from './library.js';
import { judgeKrunSigns, type KrunSigns, noSigns } from './signs.js';
import { readKrunSource } from './source.js';
import { findKrunSources } from './tree.js';

/** What is looked at. */
export interface Target {
  kind: 'source' | 'library';
  path: string;
}

const EISDIR = 21;
// libkrun's largest source file has 0.1 MB.
const MAX_SOURCE_BYTES = 8 << 20;

/** See `checkKrunPin`. */
export function checkSteps({ kind, path }: Target): Steps<KrunPin> {
  return kind === 'source' ? sourceSteps(path) : withFile(path, (fd) => scanLibrary(fd, path));
}

function* sourceSteps(root: string): Steps<KrunPin> {
  const { datagram, other } = yield* findKrunSources(root);
  const signs = noSigns<KrunSourceEvidence>();
  yield* addSigns(signs, datagram);
  const pin = judgeKrunSigns(signs);
  if (hasNames(pin)) return pin;
  // The name may have moved to a file beside the backend; that nothing is bound must be seen in the backend itself.
  yield* addSigns(signs, other);
  const all = judgeKrunSigns(signs);
  return datagram.length > 0 && !hasNames(all) ? pin : all;
}

// A name was found, or more than one.
function hasNames({ scheme }: KrunPin): boolean {
  return scheme !== 'none' && scheme !== 'unknown';
}

function* addSigns(signs: KrunSigns<KrunSourceEvidence>, files: string[]): Steps<void> {
  for (const file of files) {
    readKrunSource(file, yield* withFile(file, (fd, size) => readSource({ fd, size, file })), signs);
  }
}

function* readSource({ fd, size, file }: { fd: number; size: number; file: string }): Steps<string> {
  if (size > MAX_SOURCE_BYTES) {
    throw unfit(file, `has ${size} bytes, and a source file at most ${MAX_SOURCE_BYTES}: pass a binary as { library }`);
  }
  const text = yield* readText(fd, file);
  if (text.includes('\0')) throw unfit(file, 'is not text: pass a binary as { library }');
  return text;
}

function* scanLibrary(fd: number, path: string): Steps<KrunPin> {
  const scanner = new KrunLibraryScanner(path);
  let stated = 0;
  for (;;) {
    const count = yield* readInto(fd, scanner.space(), path);
    if (count === 0) break;
    const { buffer, byteOffset } = scanner.space();
    if (scanner.size === 0) stated = statedElfLength(new DataView(buffer, byteOffset, count));
    scanner.push(count);
  }
  if (scanner.size === 0) throw unfit(path, 'is empty');
  if (scanner.size < stated) {
    throw unfit(path, `is cut short: it has ${scanner.size} bytes, and its ELF header names ${stated}; copy it again`);
  }
  return scanner.finish();
}

function* withFile<T>(path: string, use: (fd: number, size: number) => Steps<T>): Steps<T> {
  const fd = yield* openFile(path);
  try {
    const stats = yield* statDescriptor(fd, path);
    if (stats.isDirectory()) throw systemError(EISDIR, 'read', path);
    if (!stats.isFile()) throw unfit(path, 'is not a regular file');
    return yield* use(fd, stats.size);
  } finally {
    yield* closeFile(fd, path);
  }
}

function unfit(path: string, what: string): BoxSocketsError {
  return refusal('ERR_BOX_SOCKETS_VENDOR_PIN', `Cannot read libkrun's scheme from '${path}': it ${what}.`, { path });
}

/** What a host relies on: a scheme with the names it usually has, or the result of an earlier `checkKrunPin`. */
export type KrunPinExpectation = KrunScheme | KrunPinNames;

const SHOWN_EVIDENCE = 4;

/** Checks the expectation, and makes what refuses a pin that is another: `ERR_BOX_SOCKETS_VENDOR_PIN`. */
export function comparePins(path: string, expected: KrunPinExpectation): (found: KrunPin) => KrunPin {
  const wanted = parseKrunDerivation('expected', expected);
  return (found) => {
    if (isSame(wanted, found)) return found;
    const message = [
      `The libkrun at '${path}' is not the one this host relies on: expected ${describe(wanted)}, found ${describe(found)}.`,
      ...found.evidence.slice(0, SHOWN_EVIDENCE).map(showEvidence),
      advice(found),
    ].join('\n');
    throw refusal('ERR_BOX_SOCKETS_VENDOR_PIN', message, { path });
  };
}

function isSame(wanted: ResolvedKrunDerivation, found: KrunPin): boolean {
  return wanted.scheme === found.scheme && wanted.suffix === found.suffix && wanted.longestName === found.longestName;
}

function describe({ scheme, longestName }: Pick<KrunPin, 'scheme' | 'longestName'>): string {
  const name = longestName === null ? '' : `, ${longestName}, ${longestName.length} bytes`;
  const said = {
    none: 'no socket of its own',
    suffix: `the peer's path and more${name}`,
    'temp-dir': `a file in TMPDIR${name}`,
    ambiguous: 'signs of more than one scheme',
    unknown: 'neither a known scheme nor proof that there is none',
  };
  return `'${scheme}' (${said[scheme]})`;
}

function showEvidence(evidence: KrunPin['evidence'][number]): string {
  const place =
    'line' in evidence ? `${evidence.file}:${evidence.line}` : `${evidence.file} at byte ${evidence.offset}`;
  return `  ${place}: ${evidence.text}`;
}

function advice({ scheme }: KrunPin): string {
  if (scheme === 'ambiguous' || scheme === 'unknown') {
    return (
      "Look at src/devices/src/virtio/net/unixgram.rs of that libkrun for the address it binds, then pass 'none', " +
      "'suffix' or 'temp-dir' as 'krun' to BoxSockets; until that is settled, keep the libkrun you had."
    );
  }
  return (
    "Pass the result of checkKrunPin() as 'krun' to BoxSockets, so that the budget, the probe, the policy and shimEnv() " +
    'follow it, and expect it here; or keep the libkrun you had.'
  );
}
