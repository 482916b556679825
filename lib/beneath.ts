// Files in a directory that is trusted (a home, a log directory) while what lies in it is not: a box may write there.
// Nothing that it puts there is followed, waited for, or taken for a file of ours. Each of these is an operation in both
// forms; run it with runSync or runAsync of twin.ts, or from another one with yield*.

import { PRIVATE_MODE } from './arguments.js';
import { type FileAt, isFailure, type NativeFailure, OPENINGS } from './native/contract.js';
import { type FileType, fileType, notRemoved } from './native/file-errors.js';
import { native } from './native/load.js';
import { toError } from './native/to-error.js';
import { both, type Steps } from './twin.js';

export type { FileAt } from './native/contract.js';

/** What a file holds, or a part of it. */
export interface FilePart {
  bytes: Buffer;
  /** Bytes of the whole file: more than were read where it is larger than what was asked for. */
  size: number;
}

export interface FileStat {
  type: FileType;
  /** Permission bits. */
  mode: number;
  size: number;
  uid: number;
  links: number;
  device: bigint;
  inode: bigint;
}

/** A file in the directory that it lies in. */
export function fileAt(file: string): FileAt {
  const slash = file.lastIndexOf('/');
  return { directory: slash < 0 ? '.' : file.slice(0, slash) || '/', path: file.slice(slash + 1) };
}

const MODE = 0o600;

/**
 * Up to `most` bytes from the beginning of a file, or with `fromEnd` from its end; null where nothing is. A link, a FIFO, a
 * second link or somebody else's is `ERR_BOX_SOCKETS_FILE_UNTRUSTED`, a path that leads out of the directory `EXDEV`.
 */
export function* readFile(file: FileAt, most: number, { fromEnd = false } = {}): Steps<FilePart | null> {
  const outcome = yield* both(native().readFile, native().readFileAsync, { ...file, most, fromEnd });
  if (isMissing(outcome)) return null;
  const { bytes, size } = unwrapFile(outcome, file);
  return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), size };
}

/** Puts a file with this content in the place of whatever bears the name, at once: never half written, no link followed. */
export function* replaceFile(file: FileAt, content: string | Uint8Array, mode = MODE): Steps<void> {
  const outcome = yield* both(native().replaceFile, native().replaceFileAsync, {
    ...file,
    bytes: typeof content === 'string' ? Buffer.from(content) : content,
    mode,
  });
  unwrapFile(outcome, file);
}

/**
 * A descriptor: for reading, or where it may be missing for writing at the end or into an emptied file. To be closed with
 * {@link closeFile}; it ends with the process or the worker at the latest. Refuses what {@link readFile} does.
 */
export function* openFile(file: FileAt, opening: (typeof OPENINGS)[number], mode = MODE): Steps<number> {
  const outcome = yield* both(native().openFile, native().openFileAsync, {
    ...file,
    opening: OPENINGS.indexOf(opening),
    mode,
  });
  return unwrapFile(outcome, file);
}

export function closeFile(descriptor: number): void {
  native().closeDescriptor(descriptor);
}

/** What is there, the link itself where it is one; null where nothing is. */
export function* lookAt(file: FileAt): Steps<FileStat | null> {
  const outcome = yield* both(native().lookAt, native().lookAtAsync, file);
  const found = unwrapFile(outcome, file);
  return found && { ...found, type: fileType(found.mode), mode: found.mode & 0o7777 };
}

/** The entries of a directory by name; `E2BIG` where there are more than `most`. `.` is the trusted directory itself. */
export function* listDirectory(directory: FileAt, most: number): Steps<{ name: string; type: FileType }[]> {
  const outcome = yield* both(native().listDirectory, native().listDirectoryAsync, { ...directory, most });
  const entries = unwrapFile(outcome, directory).map(({ name, mode }) => ({ name, type: fileType(mode) }));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Makes one directory; false where a directory was there. A link in its place is `EEXIST`. */
export function* makeDirectory(directory: FileAt, mode = PRIVATE_MODE): Steps<boolean> {
  const outcome = yield* both(native().makeDirectory, native().makeDirectoryAsync, { ...directory, mode });
  return unwrapFile(outcome, directory);
}

/** Unlinks anything but a directory; false where nothing was there. */
export function* removeFile(file: FileAt): Steps<boolean> {
  const outcome = yield* both(native().removeFile, native().removeFileAsync, file);
  return unwrapFile(outcome, file);
}

/**
 * Removes a tree, a file or a link, or nothing: each entry relative to its directory, no link followed, no mounted file
 * system entered (`EXDEV`). The first that cannot be removed ends it. The entry `last` goes after all the others, so that
 * what a crash leaves can still be told.
 */
export function* removeTree(tree: FileAt, last = ''): Steps<void> {
  const outcome = yield* both(native().removeTree, native().removeTreeAsync, { ...tree, last });
  if (!isFailure(outcome)) return;
  const { errno, syscall, entry } = outcome;
  const path = `${tree.directory}/${entry === undefined || entry === '' ? tree.path : entry}`;
  throw notRemoved(errno, syscall ?? 'unlinkat', path);
}

function unwrapFile<T>(outcome: T | NativeFailure, { directory, path }: FileAt): T {
  if (isFailure(outcome)) throw toError(outcome, { file: `${directory}/${path}` });
  return outcome;
}

const ENOENT = 2;

function isMissing(outcome: unknown): boolean {
  return isFailure(outcome) && outcome.refusal === 0 && outcome.errno === ENOENT;
}
