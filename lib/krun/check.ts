// The look at a given libkrun: its files found and read, what they show judged.

import { type BoxSocketsError, refusal, systemError } from '../errors.js';
import { closeFile, openFile, readInto, readText, statDescriptor } from '../files.js';
import { statedElfLength } from '../native/whole-file.js';
import type { KrunPin, KrunSourceEvidence } from '../paths/krun-derivation.js';
import type { Steps } from '../twin.js';
import { KrunLibraryScanner } from './library.js';
import { judgeKrunSigns, type KrunSigns, noSigns } from './signs.js';
import { readKrunSource } from './source.js';
import { findKrunSources } from './tree.js';

export { comparePins } from './report.js';

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
