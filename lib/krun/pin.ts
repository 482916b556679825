// Which scheme a given libkrun follows: read from its sources, or from what was built of them.

import { type PathLike, toPath } from '../arguments.js';
import { type BoxSocketsError, invalidArgType, invalidArgValue, refusal, systemError } from '../errors.js';
import { closeFile, openFile, readInto, statDescriptor } from '../file-calls.js';
import { runAsync, runSync, type Steps } from '../steps.js';
import { declaredSize } from './binary-size.js';
import type { KrunPin } from './derivation.js';
import { KrunLibraryScanner } from './library.js';
import { comparePins, type KrunPinExpectation } from './report.js';
import { judgeKrunSource, type KrunSourceSigns, readKrunSource } from './source.js';
import { findKrunSources } from './tree.js';

export type { KrunPinExpectation } from './report.js';

/**
 * What to look at: libkrun's sources (its tree, a directory of it, or one file), or a built library or a program that
 * contains it.
 */
export type KrunPinInput = { source: PathLike; library?: undefined } | { library: PathLike; source?: undefined };

const EISDIR = 21;
// libkrun's largest source file has 0.1 MB.
const MAX_SOURCE_BYTES = 8 << 20;

/**
 * Finds out how a given libkrun names the socket that it binds for itself in its unixgram network backend.
 *
 * Of sources, comments, tests and log messages are no evidence. Of a binary, `'none'` is said only where the network
 * code of libkrun up to 1.7.2 is found in it; a binary that shows nothing is `'unknown'`.
 *
 * @param input `{ source }`: libkrun's tree, a directory or a Rust file; `{ library }`: libkrun.so, libkrun.dylib or a
 * program that contains it, of any size (read through one buffer of 1 MiB)
 * @returns the scheme, its suffix, the longest leaf name that it derives (both null where there is none) and at most 16
 * places that show it. Where `scheme` is neither `'ambiguous'` nor `'unknown'`, it can be passed as `krun` to
 * `BoxSockets`
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @throws BoxSocketsError `ERR_BOX_SOCKETS_VENDOR_PIN` where the input is not what it should be (empty, cut short, no
 * text, no file), and the codes of system calls (`ENOENT`, `EACCES`, `EISDIR`)
 * @example
 * const krun = await checkKrunPin({ library: '/usr/lib64/libkrun.so.1' });
 * const box = new BoxSockets(id, realDir, { krun });
 */
export async function checkKrunPin(input: KrunPinInput): Promise<KrunPin> {
  return runAsync(checkSteps(parseInput(input)));
}

/** {@link checkKrunPin}, at once. */
export function checkKrunPinSync(input: KrunPinInput): KrunPin {
  return runSync(checkSteps(parseInput(input)));
}

/**
 * Refuses a libkrun that names its socket in another way than the host relies on. Meant for the host's own tests.
 *
 * @param input as in {@link checkKrunPin}
 * @param expected a scheme (with the names it usually has), or what {@link checkKrunPin} returned earlier
 * @returns what was found
 * @throws BoxSocketsError `ERR_BOX_SOCKETS_VENDOR_PIN`: what was expected, what was found where, and what to do; and
 * what {@link checkKrunPin} throws
 * @example
 * await assertKrunPin({ source: 'vendor/libkrun' }, 'suffix');
 */
export async function assertKrunPin(input: KrunPinInput, expected: KrunPinExpectation): Promise<KrunPin> {
  const target = parseInput(input);
  const compare = comparePins(target.path, expected);
  return compare(await runAsync(checkSteps(target)));
}

/** {@link assertKrunPin}, at once. */
export function assertKrunPinSync(input: KrunPinInput, expected: KrunPinExpectation): KrunPin {
  const target = parseInput(input);
  const compare = comparePins(target.path, expected);
  return compare(runSync(checkSteps(target)));
}

interface Target {
  kind: 'source' | 'library';
  path: string;
}

function parseInput(input: KrunPinInput): Target {
  if (input === null || typeof input !== 'object') {
    throw invalidArgType('input', '{ source } or { library }', input);
  }
  const { source, library } = input;
  if ((source === undefined) === (library === undefined)) {
    throw invalidArgValue('input', input, "must have exactly one of 'source' and 'library'");
  }
  return source === undefined
    ? { kind: 'library', path: toPath('input.library', library) }
    : { kind: 'source', path: toPath('input.source', source) };
}

function checkSteps({ kind, path }: Target): Steps<KrunPin> {
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
