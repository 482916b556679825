// Which of the errnos of every fault a system call may answer with: by its manual page of Linux, section 2 (Debian 12,
// man-pages 6.03), or POSIX's, section 3p, where that one allows more.

import type { Call } from './calls.js';

export type Errno = 'EACCES' | 'EIO' | 'ENOSPC' | 'EMFILE' | 'ENOMEM' | 'EINTR' | 'EROFS' | 'ELOOP' | 'EPERM';

interface Answers {
  readonly errnos: readonly Errno[];
  readonly page: string;
}

const STAT: Answers = { errnos: ['EACCES', 'ELOOP', 'ENOMEM', 'EIO'], page: 'stat(2); EIO: stat(3p)' };
const OPEN: Answers = {
  errnos: ['EACCES', 'ELOOP', 'EMFILE', 'ENOMEM', 'EINTR', 'EIO'],
  page: 'open(2); EIO: open(3p)',
};
const UNLINK: Answers = { errnos: ['EACCES', 'EIO', 'ELOOP', 'ENOMEM', 'EROFS'], page: 'unlink(2)' };
const CHMOD: Answers = {
  errnos: ['EACCES', 'EIO', 'ELOOP', 'ENOMEM', 'EROFS', 'EINTR'],
  page: 'chmod(2); EINTR: chmod(3p)',
};
const RMDIR: Answers = { errnos: ['EACCES', 'ELOOP', 'ENOMEM', 'EROFS', 'EIO'], page: 'rmdir(2); EIO: rmdir(3p)' };
const MKDIR: Answers = { errnos: ['EACCES', 'ELOOP', 'ENOMEM', 'ENOSPC', 'EROFS'], page: 'mkdir(2)' };
const SYMLINK: Answers = { errnos: ['EACCES', 'EIO', 'ELOOP', 'ENOMEM', 'ENOSPC', 'EROFS'], page: 'symlink(2)' };
const RENAME: Answers = {
  errnos: ['EACCES', 'ELOOP', 'ENOMEM', 'ENOSPC', 'EROFS', 'EIO'],
  page: 'rename(2); EIO: rename(3p)',
};
const READ: Answers = { errnos: ['EINTR', 'EIO'], page: 'read(2)' };
const SEND: Answers = { errnos: ['EACCES', 'EINTR', 'ENOMEM', 'EIO'], page: 'send(2); EIO: send(3p)' };
const RECV: Answers = { errnos: ['EINTR', 'ENOMEM', 'EIO'], page: 'recv(2); EIO: recv(3p)' };
const ACCEPT: Answers = { errnos: ['EINTR', 'EMFILE', 'ENOMEM'], page: 'accept(2)' };

const BY_NAME: Readonly<Record<string, Answers>> = {
  stat: STAT,
  lstat: STAT,
  fstatat: STAT,
  statfs: { errnos: ['EACCES', 'EINTR', 'EIO', 'ELOOP', 'ENOMEM'], page: 'statfs(2)' },
  fstat: { errnos: ['ENOMEM', 'EIO'], page: 'fstat(2); EIO: fstat(3p)' },
  open: OPEN,
  openat: OPEN,
  openat2: { ...OPEN, page: 'openat2(2), as open(2)' },
  unlink: UNLINK,
  unlinkat: UNLINK,
  chmod: CHMOD,
  fchmodat: CHMOD,
  fchmod: { errnos: ['EIO', 'EROFS', 'EINTR'], page: 'fchmod(2); EINTR: fchmod(3p)' },
  mkdir: MKDIR,
  mkdtemp: MKDIR,
  rmdir: RMDIR,
  symlinkat: SYMLINK,
  renameat: RENAME,
  readlinkat: { errnos: ['EACCES', 'EIO', 'ELOOP', 'ENOMEM'], page: 'readlink(2)' },
  utimensat: { errnos: ['EACCES', 'ELOOP', 'EROFS'], page: 'utimensat(2)' },
  flock: { errnos: ['EINTR'], page: 'flock(2)' },
  close: { errnos: ['EINTR', 'EIO', 'ENOSPC'], page: 'close(2)' },
  read: READ,
  nanosleep: { errnos: ['EINTR'], page: 'clock_nanosleep(2)' },
  socket: { errnos: ['EACCES', 'EMFILE', 'ENOMEM'], page: 'socket(2)' },
  bind: { errnos: ['EACCES', 'ELOOP', 'ENOMEM', 'EROFS', 'EIO'], page: 'bind(2); EIO: bind(3p)' },
  connect: { errnos: ['EACCES', 'EINTR', 'EIO', 'ELOOP'], page: 'connect(2); EIO, ELOOP: connect(3p)' },
  accept: ACCEPT,
  send: SEND,
  recv: RECV,
  listen: { errnos: ['EACCES'], page: 'listen(3p)' },
  getsockopt: { errnos: ['EACCES'], page: 'getsockopt(3p)' },
  ioctl: { errnos: ['EIO'], page: 'ioctl(3p)' },
  // None of the eight, but each call is to fail once.
  getsockname: { errnos: ['EPERM'], page: 'not in getsockname(2), which has none that could be meant' },
  fcntl: { errnos: ['EPERM'], page: 'fcntl(2)' },
  readdir: { errnos: ['EIO'], page: 'not in getdents(2): what file systems answer for a damaged directory' },
};

/** What a call is made to answer, one fault after the other. */
export function errnosOf(call: Call): readonly Errno[] {
  const answers = BY_NAME[call.names[0] ?? ''];
  if (answers === undefined) throw new Error(`errnos.ts has no entry for ${call.text}`);
  // Only what is opened to be written or made meets a full or read-only file system.
  return call.text.includes('O_CREAT') ? [...answers.errnos, 'ENOSPC', 'EROFS'] : answers.errnos;
}
