// Calls of node:fs, in both forms, with errors in this package's shape.

import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { systemError } from './errors.js';
import { orNull, type Steps, step } from './twin.js';

const open = promisify(fs.open);
const fstat = promisify<number, fs.Stats>(fs.fstat);
const close = promisify(fs.close);
const readWhole = promisify(fs.readFile);

// So that a FIFO, which would wait for a writer, is opened and then refused.
const READ_ONLY = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

/** Opens a file for reading, never waiting; the result is a descriptor. */
export function openFile(path: string): Steps<number> {
  return call(path, { sync: () => fs.openSync(path, READ_ONLY), async: () => open(path, READ_ONLY) });
}

export function statDescriptor(fd: number, path: string): Steps<fs.Stats> {
  return call(path, { sync: () => fs.fstatSync(fd), async: () => fstat(fd) });
}

export function closeFile(fd: number, path: string): Steps<void> {
  return call(path, { sync: () => fs.closeSync(fd), async: () => close(fd) });
}

export function statPath(path: string): Steps<fs.Stats> {
  return call(path, { sync: () => fs.statSync(path), async: () => fs.promises.stat(path) });
}

/** The entries of a directory, in the order of their names. */
export function* listDirectory(path: string): Steps<fs.Dirent[]> {
  const entries = yield* call(path, {
    sync: () => fs.readdirSync(path, { withFileTypes: true }),
    async: () => fs.promises.readdir(path, { withFileTypes: true }),
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Reads on from where the descriptor stands; the result is the number of bytes, 0 at the end. */
export function readInto(fd: number, into: Uint8Array, path: string): Steps<number> {
  return call(path, {
    sync: () => fs.readSync(fd, into, 0, into.length, null),
    async: async () =>
      new Promise((resolve, reject) => {
        fs.read(fd, into, 0, into.length, null, (error, count) => (error === null ? resolve(count) : reject(error)));
      }),
  });
}

/** One call, its failure in the shape of this package. */
export function* call<T>(path: string, { sync, async }: { sync(): T; async(): Promise<T> }): Steps<T> {
  try {
    return yield* step({ sync, async });
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) throw error;
    throw systemError(errno, syscall, path);
  }
}

/** Makes a directory and those above it; the result is the first one made, undefined where it was there already. */
export function makeDirectory(path: string, mode: number): Steps<string | undefined> {
  const options = { recursive: true, mode } as const;
  return call(path, { sync: () => fs.mkdirSync(path, options), async: () => fs.promises.mkdir(path, options) });
}

export function removeEmptyDirectory(path: string): Steps<void> {
  return call(path, { sync: () => fs.rmdirSync(path), async: () => fs.promises.rmdir(path) });
}

/** What is there, without following a link; null where nothing is. */
export function lookAt(path: string): Steps<fs.Stats | null> {
  return orNull(call(path, { sync: () => fs.lstatSync(path), async: () => fs.promises.lstat(path) }));
}

/** Where a path leads, free of links; null where it leads nowhere. */
export function realPath(path: string): Steps<string | null> {
  return orNull(call(path, { sync: () => fs.realpathSync.native(path), async: () => fs.promises.realpath(path) }));
}

/** All that is left of a file that is open, or all of one by its path. */
export function readText(file: string | number, path = String(file)): Steps<string> {
  return call(path, { sync: () => fs.readFileSync(file, 'utf8'), async: () => readWhole(file, 'utf8') });
}
