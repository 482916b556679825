// The look at a given libkrun: its files found and read, what they show judged, and what to say where it is not what a host
// relies on.

import type * as fs from 'node:fs';
import * as path from 'node:path';
import { type BoxSocketsError, refusal, systemError } from '../errors.js';
import { closeFile, listDirectory, openFile, readInto, readText, statDescriptor, statPath } from '../files.js';
import { statedElfLength } from '../native/whole-file.js';
import {
  type KrunPin,
  type KrunPinNames,
  type KrunScheme,
  type KrunSourceEvidence,
  parseKrunDerivation,
} from '../paths/krun-derivation.js';
import { orNull, type Steps } from '../twin.js';
import { KrunLibraryScanner } from './library.js';
import { judgeKrunSigns, type KrunSigns, noSigns } from './signs.js';
import { readKrunSource } from './source.js';

/** What is looked at. */
export interface Target {
  kind: 'source' | 'library';
  path: string;
}

const EISDIR = 21;
// libkrun's largest source file has 0.1 MB.
const MAX_SOURCE_BYTES = 8 << 20;
// libkrun 1.8.0 to 1.14: gvproxy.rs; later: unixgram.rs.
const DATAGRAM_FILES = new Set(['unixgram.rs', 'gvproxy.rs']);
const NET_DIRECTORY = path.join('src', 'devices', 'src', 'virtio', 'net');
// Build output, other people's packages and tests, one of which is called gvproxy.rs too.
const SKIPPED = /^(?:\..*|target|node_modules|tests?|examples|benches)$/;
const MAX_DEPTH = 16;

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

// At `root` is a file, libkrun's own tree, the directory of the backends, or any tree that holds one. The backends that
// talk to a network proxy by datagrams may bind a socket of their own; the others lie beside them.
function* findKrunSources(root: string): Steps<{ datagram: string[]; other: string[] }> {
  const stats = yield* statPath(root);
  if (stats.isFile()) return { datagram: [root], other: [] };
  if (!stats.isDirectory()) {
    const message = `'${root}' is neither a file nor a directory: pass libkrun's sources.`;
    throw refusal('ERR_BOX_SOCKETS_VENDOR_PIN', message, { path: root });
  }
  const usual = path.join(root, NET_DIRECTORY);
  const directories = (yield* isDirectory(usual)) ? [usual] : preferred(yield* netDirectories(root, 0));
  const files: string[] = [];
  for (const directory of directories) files.push(...(yield* rustFiles(directory, 0)));
  const isDatagram = (file: string): boolean => DATAGRAM_FILES.has(path.basename(file));
  return { datagram: files.filter(isDatagram), other: files.filter((file) => !isDatagram(file)) };
}

function* isDirectory(name: string): Steps<boolean> {
  return (yield* orNull(statPath(name)))?.isDirectory() === true;
}

// Directories that libkrun's backends may be in. Nested ones are found with the outermost.
function* netDirectories(directory: string, depth: number): Steps<string[]> {
  const entries = yield* listDirectory(directory);
  if (isUsualName(directory) || entries.some(({ name }) => DATAGRAM_FILES.has(name))) return [directory];
  const found: string[] = [];
  for (const entry of entries) {
    if (isVisited(entry, depth)) found.push(...(yield* netDirectories(path.join(directory, entry.name), depth + 1)));
  }
  return found;
}

function preferred(directories: string[]): string[] {
  const usual = directories.filter(isUsualName);
  return usual.length > 0 ? usual : directories;
}

function isUsualName(directory: string): boolean {
  return path.resolve(directory).endsWith(path.join(path.sep, 'virtio', 'net'));
}

function* rustFiles(directory: string, depth: number): Steps<string[]> {
  const found: string[] = [];
  for (const entry of yield* listDirectory(directory)) {
    const name = path.join(directory, entry.name);
    if (isVisited(entry, depth)) found.push(...(yield* rustFiles(name, depth + 1)));
    else if (/^(?!tests?\.rs$).*\.rs$/.test(entry.name) && !entry.isDirectory()) found.push(name);
  }
  return found;
}

// Links to directories are not followed: they may lead in a circle.
function isVisited(entry: fs.Dirent, depth: number): boolean {
  return entry.isDirectory() && !SKIPPED.test(entry.name) && depth < MAX_DEPTH;
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
    const { scheme, suffix, longestName } = found;
    if (wanted.scheme === scheme && wanted.suffix === suffix && wanted.longestName === longestName) return found;
    const message = [
      `The libkrun at '${path}' is not the one this host relies on: expected ${describe(wanted)}, found ${describe(found)}.`,
      ...found.evidence.slice(0, SHOWN_EVIDENCE).map(showEvidence),
      advice(found),
    ].join('\n');
    throw refusal('ERR_BOX_SOCKETS_VENDOR_PIN', message, { path });
  };
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
