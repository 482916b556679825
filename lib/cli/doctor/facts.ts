// Small questions about files, which open nothing and do not wait; and how a path is mounted, which findmnt knows.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

/** What is there, or the code of the call that failed. Most names have no socket yet: an error is not made for each. */
export const lookAt = (where: string): fs.Stats | string =>
  orCode(() => fs.lstatSync(where, { throwIfNoEntry: false }) ?? 'ENOENT');
/** What a path leads to, the same way. */
export const lookThrough = (where: string): fs.Stats | string => orCode(() => fs.statSync(where));
export const listed = (directory: string): fs.Dirent[] | string =>
  orCode(() => fs.readdirSync(directory, { withFileTypes: true }));

function orCode<T>(look: () => T): T | string {
  try {
    return look();
  } catch (error) {
    return errorCode(error);
  }
}

/** A directory entry in words, for a message. */
export function describe(where: string, st: fs.Stats): string {
  const kind = st.isDirectory() ? 'directory' : st.isSymbolicLink() ? 'symlink' : st.isFile() ? 'file' : 'special file';
  return `${where} is a ${kind} of uid ${st.uid}, mode ${octal(st.mode)}`;
}

export const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** The path with its symlinks resolved, or as it is where that fails. */
export function realPath(where: string): string {
  try {
    return fs.realpathSync(where);
  } catch {
    return where;
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first directory on the way to a path that this user may not enter, where it is the user's own. */
export function closedDirectory(where: string): string | null {
  const parts = where.split('/');
  const above = parts.map((_, index) => parts.slice(0, index + 1).join('/') || '/');
  for (const directory of above.slice(0, -1)) {
    try {
      fs.accessSync(directory, fs.constants.X_OK);
    } catch {
      const st = lookAt(directory);
      return typeof st !== 'string' && st.isDirectory() && st.uid === process.geteuid?.() ? directory : null;
    }
  }
  return null;
}

/** Two columns of what findmnt tells of the file system that a path lies on; empty where it is not told. */
export function findmnt(columns: string, where: string): string[] {
  const { stdout } = spawnSync('findmnt', ['-no', columns, '-T', where], { encoding: 'utf8', timeout: 5000 });
  return /^(\S+) +(\S.*)$/m.exec(stdout ?? '')?.slice(1) ?? [];
}

// A base that is private (systemd's PrivateTmp=, snap, a container's own /tmp) holds links that other processes do not
// see: what is mounted there tells, or device and inode of init's own, where it may be looked at; else null.
export function inspectMount(base: string) {
  const [listed = '', root = ''] = findmnt('OPTIONS,FSROOT', base);
  const options = listed.split(',');
  if (/\/(systemd-private-[^/]+|snap-private-tmp\/[^/]+)\/tmp(\/|$)/.test(root)) {
    return { options, isPrivate: true, evidence: `it shows ${root}` };
  }
  try {
    const isAlone = fs.readlinkSync('/proc/self/ns/mnt') !== fs.readlinkSync('/proc/1/ns/mnt');
    const [here, there] = [fs.statSync(base), fs.statSync(`/proc/1/root${base}`)];
    const isPrivate = isAlone && (here.dev !== there.dev || here.ino !== there.ino);
    return { options, isPrivate, evidence: `init sees ${isPrivate ? 'another' : 'the same'} ${base}` };
  } catch {
    return { options, isPrivate: null, evidence: "init's own cannot be looked at" };
  }
}
