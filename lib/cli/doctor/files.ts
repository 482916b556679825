// Small questions about files.

import * as fs from 'node:fs';

/** A directory entry in words, for a message. */
export function describe(where: string, st: fs.Stats): string {
  const kind = st.isDirectory() ? 'directory' : st.isSymbolicLink() ? 'symlink' : st.isFile() ? 'file' : 'special file';
  return `${where} is a ${kind} of uid ${st.uid}, mode ${octal(st.mode)}`;
}

/** Permission bits as `'0755'`. */
export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** The uid that ownership is checked against. */
export function effectiveUid(): number {
  return process.geteuid?.() ?? 0;
}

/** The path with its symlinks resolved, or as it is where that fails. */
export function realPath(where: string): string {
  try {
    return fs.realpathSync(where);
  } catch {
    return where;
  }
}

/** The code of a failed call of node:fs. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
