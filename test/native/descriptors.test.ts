// Every descriptor that the addon makes, whichever call makes it: seen by strace, over all operations.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { dist, fixtures, missingTool, promise, run, tempDir } from '../helpers.js';

const missing = process.platform === 'linux' ? missingTool('strace', ['-o', '/dev/null', 'true']) : 'not Linux';

/** Calls that make a descriptor, and how each says that a started program does not get it. */
const MAKERS: Readonly<Record<string, RegExp>> = {
  open: /O_CLOEXEC/,
  openat: /O_CLOEXEC/,
  openat2: /O_CLOEXEC/,
  creat: /never/,
  socket: /SOCK_CLOEXEC/,
  socketpair: /SOCK_CLOEXEC/,
  accept: /never/,
  accept4: /SOCK_CLOEXEC/,
  dup: /never/,
  dup2: /never/,
  dup3: /O_CLOEXEC/,
  // That makes one, or changes whether it is handed on.
  fcntl: /F_DUPFD_CLOEXEC|F_SETFD, FD_CLOEXEC|F_GETF[DL]|F_SETFL/,
  pipe: /never/,
  pipe2: /O_CLOEXEC/,
  epoll_create1: /EPOLL_CLOEXEC/,
  eventfd2: /EFD_CLOEXEC/,
  memfd_create: /MFD_CLOEXEC/,
  inotify_init1: /IN_CLOEXEC/,
  timerfd_create: /TFD_CLOEXEC/,
  signalfd4: /SFD_CLOEXEC/,
  userfaultfd: /O_CLOEXEC/,
  pidfd_open: /./, // always
};

promise(missing, 'no operation makes a descriptor that a program gets which the host starts', () => {
  const root = tempDir();
  const [base, home, trace] = ['base', 'boxes/b', 'trace'].map((name) => path.join(root, name)) as [
    string,
    string,
    string,
  ];
  fs.mkdirSync(base, { mode: 0o700 });
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  const which = Object.keys(MAKERS).map((name) => `?${name}`);
  const child = [process.execPath, path.join(fixtures, 'descriptors.js'), dist, base, home];
  run('strace', ['-f', '-o', trace, '-s', '4096', '-e', `trace=connect,${which.join(',')}`, ...child]);
  const lines = fs.readFileSync(trace, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes('"/marker"'));
  expect(begin).toBeGreaterThan(0);
  const calls = lines.slice(begin + 1).flatMap((line) => {
    const [, name = '', rest = ''] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? [];
    return name in MAKERS ? [{ name, rest, line }] : [];
  });
  expect(calls.filter(({ name, rest }) => !MAKERS[name]?.test(rest)).map(({ line }) => line)).toEqual([]);
  // It got to all that makes one.
  const made = new Set(calls.map(({ name }) => name));
  expect(['openat', 'socket', 'fcntl'].filter((name) => !made.has(name))).toEqual([]);
  // What the box can put something else in the place of is neither followed nor waited for.
  const locks = calls.filter(({ rest }) => /\.lock"/.test(rest));
  expect(locks.length).toBeGreaterThan(3);
  expect(locks.filter(({ rest }) => !/O_NOFOLLOW/.test(rest) || !/O_NONBLOCK/.test(rest))).toEqual([]);
});
