// Homes, and the directories of sockets in them.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { mount } from '../../helpers.js';
import { boxsockets, makeBox, run } from '../run.js';
import { at, bind, giveTo } from './patient.js';
import { ensures, listenAt, needsMount, needsNobody, needsRoot, type State } from './state.js';

export const HOMES: State[] = [
  {
    name: 'a home that is not there',
    code: 'home-missing',
    says: () => `of that path, ${at.dir} exists`,
    remedy: () => `ls -la -- ${at.dir}`,
    break: () => bind(),
    args: () => ['--home', path.join(at.dir, 'nowhere/at/all')],
    again: () => ['--home', at.home],
  },
  ...['boxes', 'boxes/b1', 'boxes/b1/sockets', '..'].map((off) => ({
    name: `a home that is off: ${off}`,
    code: 'home-one-off' as const,
    says: () => `the boxes lie in ${at.home}/boxes`,
    remedy: () => `boxsockets doctor --home ${at.home}`,
    break: () => bind(),
    args: () => ['--home', path.join(at.home, off)],
    again: () => ['--home', at.home],
  })),
  {
    name: 'a home spelled almost right',
    code: 'home-one-off',
    says: 'is not a home',
    remedy: () => `boxsockets doctor --home ${at.home}`,
    break: () => bind(),
    args: () => ['--home', path.join(at.dir, '.h')],
    again: () => ['--home', at.home],
  },
  {
    name: 'a directory that is not a home',
    code: 'home-not-a-home',
    says: 'has no directory boxes/',
    remedy: () => `mkdir -m 0700 -- ${at.home}/boxes`,
    break: () => fs.mkdirSync(at.home),
  },
  ...['', '/boxes'].map((closed) => ({
    name: `a home of which <home>${closed} is closed, mode 0000`,
    code: 'home-unreadable' as const,
    user: 'nobody' as const,
    missing: needsNobody,
    says: () => `${at.home}${closed} is closed`,
    remedy: () => `chmod u+rwx ${at.home}${closed}`,
    break: async () => {
      await bind();
      fs.chmodSync(at.home + closed, 0);
    },
  })),
  {
    name: 'a directory among the boxes that bears no id',
    code: 'box-id-invalid',
    says: 'is not a valid box id',
    remedy: () => `mv -n -- '${at.home}/boxes/my box' ${at.home}/boxes/${BoxSockets.idFor('my box')}`,
    break: () => bind('b1').then(() => makeBox(at.home, 'my box')),
    again: () => ['--home', at.home],
    nextStart: () =>
      boxsockets(['ensure', BoxSockets.idFor('my box'), at.sockets(BoxSockets.idFor('my box')), '--base', at.base]),
  },
  {
    name: "a user looks at root's home",
    code: 'other-user',
    user: 'nobody',
    missing: needsRoot ?? needsNobody,
    says: 'belongs to uid 0',
    remedy: () => `sudo -u '#0' boxsockets doctor --home ${at.home}`,
    break: async () => {
      await bind();
      fs.chmodSync(at.dir, 0o755);
      fs.chmodSync(at.home, 0o755);
      fs.chmodSync(at.base, 0o755);
    },
    isGiven: true,
    thenBy: 'self',
  },
  {
    name: "root looks at a user's home: it is examined, and mended, as that user",
    code: 'binding-missing',
    becomesUser: true,
    missing: needsRoot ?? needsNobody,
    says: 'has no binding',
    remedy: () => `sudo -u '#65534' sh -c 'boxsockets ensure b1 ${at.sockets('b1')} `,
    break: () => {
      makeBox(at.home, 'b1');
      giveTo('nobody');
      fs.chmodSync(at.base, 0o1777);
    },
  },
];

let closeLost: () => Promise<void>;

export const SOCKETS: State[] = [
  {
    name: 'no directory of sockets',
    code: 'sockets-missing',
    says: 'has no directory for its sockets',
    remedy: () => `mkdir -m 0700 -- ${at.sockets('b1')}\n${ensures()}`,
    break: async () => fs.rmdirSync(await bind()),
  },
  {
    name: 'a link that leads nowhere in the place of the directory of sockets',
    code: 'sockets-missing',
    says: 'leads to nothing',
    remedy: () => `mv -n -- ${at.sockets('b1')} ${at.sockets('b1')}.aside`,
    break: async () => {
      fs.rmdirSync(await bind());
      fs.symlinkSync('/nowhere', at.sockets('b1'));
    },
  },
  {
    name: 'a file in the place of the directory of sockets',
    code: 'sockets-not-a-directory',
    says: 'is a file',
    remedy: () => `mv -n -- ${at.sockets('b1')} ${at.sockets('b1')}.aside`,
    break: async () => {
      fs.rmdirSync(await bind());
      fs.writeFileSync(at.sockets('b1'), 'kept');
    },
  },
  {
    name: 'the home of a box is closed, mode 0000',
    code: 'sockets-unreadable',
    user: 'nobody',
    missing: needsNobody,
    says: () => `${at.home}/boxes/b1 cannot be entered`,
    remedy: () => `chmod u+rwx ${at.home}/boxes/b1`,
    break: async () => {
      await bind();
      fs.chmodSync(path.join(at.home, 'boxes/b1'), 0);
    },
  },
  ...[0o500, 0o000].map((mode) => ({
    name: `a directory of sockets of mode ${mode.toString(8)}`,
    code: 'sockets-mode' as const,
    user: 'nobody' as const,
    missing: needsNobody,
    says: `has mode ${mode.toString(8).padStart(4, '0')}`,
    remedy: () => `chmod 0700 ${at.sockets('b1')}`,
    break: async () => fs.chmodSync(await bind(), mode),
  })),
  {
    name: "a directory of sockets that is root's, in a user's home",
    code: 'sockets-foreign',
    user: 'nobody',
    missing: needsRoot ?? needsNobody,
    isGiven: true,
    says: 'is a directory of uid 0',
    remedy: () => `sudo chown 65534 ${at.sockets('b1')}`,
    break: async () => {
      const realDir = await bind();
      giveTo('nobody');
      fs.chownSync(realDir, 0, 0);
    },
  },
  ...[0o777, 0o770].map((mode) => ({
    name: `a directory of sockets that others may write to, ${mode.toString(8)}`,
    code: 'sockets-open' as const,
    says: 'others may write to',
    remedy: () => `chmod go-w ${at.sockets('b1')}`,
    break: async () => fs.chmodSync(await bind(), mode),
  })),
  {
    name: 'a live socket whose file somebody has removed',
    code: 'socket-lost',
    says: 'so that nobody can dial them: box.sock',
    remedy: () => `-p ${process.pid}`,
    break: async () => {
      const realDir = await bind();
      closeLost = await listenAt(path.join(at.binding('b1'), 'box.sock'));
      fs.unlinkSync(path.join(realDir, 'box.sock'));
    },
    person: () => closeLost(),
  },
  {
    name: 'no inodes left in the home',
    code: 'sockets-full',
    missing: needsMount,
    says: 'lies on a full file system (ENOSPC)',
    remedy: () => `df -i -- ${at.sockets('b1')}`,
    break: async () => {
      fs.mkdirSync(at.home);
      mount(['-t', 'tmpfs', '-o', 'nr_inodes=5', 'none'], at.home);
      await bind();
      fs.writeFileSync(path.join(at.home, 'ballast'), '');
    },
    person: () => fs.rmSync(path.join(at.home, 'ballast')),
  },
  {
    name: 'a home that is mounted read-only',
    code: 'sockets-read-only',
    missing: needsMount,
    says: 'mounted read-only',
    remedy: 'mount -o remount,bind,rw',
    break: async () => {
      await bind();
      mount(['--bind', at.home], at.home);
      run('mount', ['-o', 'remount,bind,ro', at.home]);
    },
  },
  ...[
    ['a directory', 'box.sock', (file: string) => fs.mkdirSync(file)] as const,
    ['a link', 'ready.sock', (file: string) => fs.symlinkSync('/etc/passwd', file)] as const,
    ['a FIFO', 'net.sock', (file: string) => run('mkfifo', [file])] as const,
    ['a file', 'net.sock-krun.sock', (file: string) => fs.writeFileSync(file, '')] as const,
  ].map(([what, name, make]) => ({
    name: `${what} at the name of ${name}`,
    code: 'name-occupied' as const,
    says: 'where a socket belongs',
    remedy: () => `mv -n -- ${at.sockets('b1')}/${name} ${at.sockets('b1')}/${name}.aside`,
    break: async () => make(path.join(await bind(), name)),
  })),
  {
    name: 'a base that is too long',
    code: 'name-too-long',
    says: 'do not fit even through its binding',
    remedy: () => `boxsockets ensure b1 ${at.sockets('b1')}`,
    break: () => {
      makeBox(at.home, 'b1');
      fs.mkdirSync(path.join(at.dir, 'a-long-base'.repeat(7)), { mode: 0o700 });
      // It stands in for the default base, which belongs to the machine.
      process.env.BOXSOCKETS_BASE = at.base;
      onTestFinished(() => void delete process.env.BOXSOCKETS_BASE);
    },
    args: () => ['--home', at.home, '--base', path.join(at.dir, 'a-long-base'.repeat(7))],
    again: () => ['--home', at.home],
  },
];
