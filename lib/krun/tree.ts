// Where a source tree of libkrun keeps its network backends.

import type * as fs from 'node:fs';
import * as path from 'node:path';
import { refusal } from '../errors.js';
import { listDirectory, statPath } from '../files.js';
import { orNull, type Steps } from '../twin.js';

/** Rust files of network backends. */
export interface KrunSources {
  /** The backends that talk to a network proxy by datagrams: the ones that may bind a socket of their own. */
  datagram: string[];
  /** What lies beside them. */
  other: string[];
}

// libkrun 1.8.0 to 1.14: gvproxy.rs; later: unixgram.rs.
const DATAGRAM_FILES = new Set(['unixgram.rs', 'gvproxy.rs']);
const NET_DIRECTORY = path.join('src', 'devices', 'src', 'virtio', 'net');
// Build output, other people's packages and tests, one of which is called gvproxy.rs too.
const SKIPPED = /^(?:\..*|target|node_modules|tests?|examples|benches)$/;
const MAX_DEPTH = 16;

/** The sources at `root`: a file, libkrun's own tree, the directory of the backends, or any tree that holds one. */
export function* findKrunSources(root: string): Steps<KrunSources> {
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
