// The look at a given libkrun: its files found and read, what they show judged.

import { type BoxSocketsError, refusal, systemError } from '../errors.js';
import { closeFile, openFile, readInto, statDescriptor } from '../files.js';
import type { KrunPin } from '../paths/krun-derivation.js';
import type { Steps } from '../twin.js';
import { declaredSize } from './binary-size.js';
import { KrunLibraryScanner } from './library.js';
import { judgeKrunSource, type KrunSourceSigns, readKrunSource } from './source.js';
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
  const backends = yield* signsOf(datagram);
  const pin = judgeKrunSource(backends);
  if (hasNames(pin)) return pin;
  // The name may have moved to a file beside the backend; that nothing is bound must be seen in the backend itself.
  const neighbours = yield* signsOf(other);
  const all = judgeKrunSource([...backends, ...neighbours]);
  return backends.length > 0 && !hasNames(all) ? pin : all;
}

// A name was found, or more than one.
function hasNames({ scheme }: KrunPin): boolean {
  return scheme !== 'none' && scheme !== 'unknown';
}

function* signsOf(files: string[]): Steps<KrunSourceSigns[]> {
  const signs: KrunSourceSigns[] = [];
  for (const file of files) {
    signs.push(readKrunSource(file, yield* withFile(file, (fd, size) => readSource({ fd, size, file }))));
  }
  return signs;
}

function* readSource({ fd, size, file }: { fd: number; size: number; file: string }): Steps<string> {
  if (size > MAX_SOURCE_BYTES) {
    throw unfit(file, `has ${size} bytes, and a source file at most ${MAX_SOURCE_BYTES}: pass a binary as { library }`);
  }
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const count = yield* readInto(fd, bytes.subarray(filled), file);
    if (count === 0) break;
    filled += count;
  }
  const text = bytes.toString('utf8', 0, filled);
  if (text.includes('\0')) throw unfit(file, 'is not text: pass a binary as { library }');
  return text;
}

function* scanLibrary(fd: number, path: string): Steps<KrunPin> {
  const scanner = new KrunLibraryScanner(path);
  let declared: ReturnType<typeof declaredSize> = null;
  for (;;) {
    const count = yield* readInto(fd, scanner.space(), path);
    if (count === 0) break;
    if (scanner.size === 0) declared = declaredSize(scanner.space().subarray(0, count));
    scanner.push(count);
  }
  if (scanner.size === 0) throw unfit(path, 'is empty');
  if (declared !== null && scanner.size < declared.size) {
    const { format, size } = declared;
    throw unfit(
      path,
      `is cut short: it has ${scanner.size} bytes, and its ${format} header names ${size}; copy it again`,
    );
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
