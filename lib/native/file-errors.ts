// What files and trees that a box may write are refused with.

import { BoxSocketsError, refusal, systemError } from '../errors.js';

/** What is in the place of a file that the host reads or writes, and is no plain file of its user. */
export function fileUntrusted(
  path: string,
  { mode, owner, expected }: { mode: number; owner: number; expected: number },
): BoxSocketsError {
  const kind = fileType(mode);
  const found =
    kind === 'file' ? (owner === expected ? 'has several links' : `belongs to uid ${owner}`) : `is a ${kind}`;
  return refusal(
    'ERR_BOX_SOCKETS_FILE_UNTRUSTED',
    `'${path}' must be a plain file of one link that belongs to uid ${expected}, and ${found}. Whoever may write to that ` +
      'directory can have put it there; it is left as it is. Look at it, and remove it',
    { path, owner, expected },
  );
}

/** An entry of a tree that could not be removed; the rest of the tree may be gone. */
export function notRemoved(errno: number, syscall: string, path: string): BoxSocketsError {
  const { code, message } = systemError(errno, syscall, path);
  const remedies: Record<string, string> = {
    EXDEV: 'A file system is mounted there: unmount it first',
    EPERM: 'See with lsattr whether it or its directory is immutable (chattr -i), and with ls -l whose they are',
    EACCES: 'It belongs to another user, or lies in a directory of another user',
  };
  const whole = [message, remedies[code]].filter(Boolean).join('. ');
  return new BoxSocketsError(code, whole, { errno: -errno, syscall, path });
}

/** What the type bits of a mode say. */
export function fileType(mode: number): FileType {
  return FILE_TYPES[(mode >> 12) & 0xf] ?? 'unknown';
}

export type FileType = 'FIFO' | 'device' | 'directory' | 'file' | 'link' | 'socket' | 'unknown';

const FILE_TYPES: Readonly<Record<number, FileType>> = {
  1: 'FIFO',
  2: 'device',
  4: 'directory',
  6: 'device',
  8: 'file',
  10: 'link',
  12: 'socket',
};
