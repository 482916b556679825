// Directories of a test's own, and proof that nothing in them was changed.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import { BoxSockets, type BoxSocketsOptions } from '../../dist/index.js';
import { ownUid } from './machine.js';

/** A short directory of the running test's own, removed at its end. */
export function tempDir(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  onTestFinished(() => {
    // Not fs.rm: it goes by absolute paths, and some tests make longer ones than there may be.
    const { status, stderr } = spawnSync('rm', ['-rf', directory], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${directory} could not be removed: ${stderr}`);
  });
  return directory;
}

/** A directory below `above`, made with those above it, whose whole path has exactly that many bytes. */
export function makeDirOfBytes(above: string, bytes: number, component = 50): string {
  const directory = pathOfBytes(above, bytes, component);
  fs.mkdirSync(directory, { recursive: true });
  return directory;
}

export function pathOfBytes(above: string, bytes: number, component = 50): string {
  let directory = above;
  for (let left = bytes - directory.length; left > 0; left = bytes - directory.length) {
    // No last component of a slash alone.
    const size = left - 1 - component === 1 ? component - 1 : Math.min(component, left - 1);
    directory += `/${'d'.repeat(size)}`;
  }
  if (Buffer.byteLength(directory) !== bytes) throw new Error(`${above} leaves no room for a path of ${bytes} bytes`);
  return directory;
}

/** A base of the test's own, and homes of boxes in it. */
export interface World {
  readonly base: string;
  readonly parent: string;
  /** The real directory of a box in a home of that name: `<base>/<home>/<id>/sockets`; made. */
  realDir(id: string, home?: string): string;
  box(id: string, home?: string, options?: BoxSocketsOptions): BoxSockets;
  binding(id: string): string;
}

export function makeWorld(base = tempDir()): World {
  const parent = path.join(base, `bl-${ownUid}`);
  const realDir = (id: string, home = 'home'): string => {
    const directory = path.join(base, home, id, 'sockets');
    fs.mkdirSync(directory, { recursive: true });
    return directory;
  };
  return {
    base,
    parent,
    realDir,
    box: (id, home, options) => new BoxSockets(id, realDir(id, home), { base, ...options }),
    binding: (id) => path.join(parent, id),
  };
}

/** A parent as an earlier ensure has left it, lock file included, so that a refusal changes nothing at all. */
export function usedWorld(): World {
  const world = makeWorld();
  world.box('other').ensureSync();
  // A missing binding is made without the lock, and none is removed without it.
  world.box('none').ensureSync();
  world.box('none').removeSync();
  return world;
}

/**
 * Everything below a directory, itself included: what kind each entry is, its inode, permissions, owner and time of
 * change, a link's target and a file's text. Two equal snapshots mean that nothing was changed between them.
 */
export function snapshot(directory: string): Record<string, string> {
  const entries: Record<string, string> = {};
  const look = (file: string): void => {
    const stat = fs.lstatSync(file, { bigint: true });
    const inside = stat.isSymbolicLink() ? fs.readlinkSync(file) : stat.isFile() ? fs.readFileSync(file, 'latin1') : '';
    entries[file] = [stat.ino, stat.mode.toString(8), stat.uid, stat.nlink, stat.ctimeNs, inside].join(' ');
    if (stat.isDirectory()) for (const name of fs.readdirSync(file)) look(path.join(file, name));
  };
  look(directory);
  return entries;
}

export const modeOf = (file: string): string => (fs.lstatSync(file).mode & 0o7777).toString(8);

/** Every socket file below a directory; links are not followed. */
export function socketsBelow(directory: string): string[] {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return socketsBelow(file);
    return entry.isSocket() ? [file] : [];
  });
}
