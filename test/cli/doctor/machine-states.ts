// The base, the parent and its lock.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { holdLock, missingFlock, mount } from '../../helpers.js';
import { boxsockets, makeBox, NOBODY, run } from '../run.js';
import { at, bind, giveTo } from './patient.js';
import { needsMount, needsNobody, needsRoot, type State, withOwnBase } from './state.js';

export const MACHINES: State[] = [
  {
    name: 'a link in the place of the parent',
    code: 'parent-not-a-directory',
    says: 'is not a directory',
    remedy: () => `mv -n -- ${at.parent()} ${at.parent()}.aside`,
    break: () => {
      makeBox(at.home, 'b1');
      fs.symlinkSync(at.dir, at.parent());
    },
    nextStart: () => boxsockets(['ensure', 'b1', at.sockets('b1'), '--base', at.base]),
  },
  {
    name: 'a file in the place of the parent',
    code: 'parent-not-a-directory',
    says: 'is not a directory',
    remedy: () => `mv -n -- ${at.parent()} ${at.parent()}.aside`,
    break: () => {
      makeBox(at.home, 'b1');
      fs.writeFileSync(at.parent(), 'kept');
    },
    nextStart: () => boxsockets(['ensure', 'b1', at.sockets('b1'), '--base', at.base]),
  },
  {
    name: "a parent of another user's",
    code: 'parent-foreign',
    missing: needsRoot,
    says: 'belongs to uid 65534',
    remedy: () => `# ask uid 65534 first`,
    break: async () => {
      await bind();
      fs.chownSync(at.parent(), NOBODY.uid, NOBODY.gid);
    },
    nextStart: () => boxsockets(['ensure', 'b1', at.sockets('b1'), '--base', at.base]),
  },
  ...[0o755, 0o711, 0o2700].map((mode) => ({
    name: `a parent of mode ${mode.toString(8)}`,
    code: 'parent-mode' as const,
    says: `has mode ${mode.toString(8).padStart(4, '0')}`,
    remedy: () => `chmod 00700 ${at.parent()}`,
    break: async () => {
      await bind();
      fs.chmodSync(at.parent(), mode);
    },
  })),
  ...(
    [
      [0o500, 'parent-mode'],
      [0o000, 'parent-unreadable'],
    ] as const
  ).map(([mode, code]) => ({
    name: `a parent of mode ${mode.toString(8)}, of a user whom it stops`,
    code,
    user: 'nobody' as const,
    missing: needsNobody,
    says: () => at.parent('nobody'),
    remedy: () => `chmod 00700 ${at.parent('nobody')}`,
    break: async () => {
      await bind();
      fs.chmodSync(at.parent(), mode);
    },
  })),
  ...[
    ['a directory', (file: string) => fs.mkdirSync(file)] as const,
    ['a link', (file: string) => fs.symlinkSync('/etc/passwd', file)] as const,
    ['a file of two links', (file: string) => run('sh', ['-c', `touch ${file}; ln ${file} ${file}2`])] as const,
  ].map(([what, make]) => ({
    name: `a lock that is ${what}`,
    code: 'lock-untrusted' as const,
    says: '.lock',
    remedy: () => `mv -n -- ${at.parent()}/.lock ${at.parent()}/.lock.aside`,
    break: async () => {
      await bind();
      fs.rmSync(path.join(at.parent(), '.lock'), { force: true });
      make(path.join(at.parent(), '.lock'));
    },
  })),
  (() => {
    let holder: Awaited<ReturnType<typeof holdLock>>;
    return {
      name: 'a lock that is held for long',
      code: 'lock-held' as const,
      missing: missingFlock,
      says: 'is locked by process',
      remedy: () => `flock -w 60 ${at.parent()}/.lock true`,
      break: async () => {
        await bind();
        holder = await holdLock(path.join(at.parent(), '.lock'));
      },
      // The remedy waits for it.
      person: () => holder.end(),
    };
  })(),
  {
    name: 'no base',
    code: 'base-missing',
    says: 'does not exist',
    remedy: () => `mkdir -m 1777 -- ${at.base}/none`,
    break: () => makeBox(at.home, 'b1'),
    args: () => ['--home', at.home, '--base', path.join(at.base, 'none')],
    nextStart: () => boxsockets(['ensure', 'b1', at.sockets('b1'), '--base', path.join(at.base, 'none')]),
  },
  {
    name: 'a base in a closed directory',
    code: 'base-unreadable',
    user: 'nobody',
    missing: needsNobody,
    says: 'a directory above it is closed',
    remedy: () => `mkdir -p -m 0700 ${at.ownBase}`,
    break: () => {
      makeBox(at.home, 'b1');
      fs.mkdirSync(path.join(at.dir, 'closed/b'), { recursive: true });
      fs.chmodSync(path.join(at.dir, 'closed'), 0);
    },
    args: () => ['--home', at.home, '--base', path.join(at.dir, 'closed/b')],
    again: withOwnBase,
  },
  {
    name: 'a file in the place of the base',
    code: 'base-untrusted',
    says: 'is not an existing directory',
    remedy: () => `boxsockets doctor --home ${at.home} --base ${at.ownBase}`,
    break: () => {
      makeBox(at.home, 'b1');
      fs.writeFileSync(path.join(at.dir, 'file'), '');
    },
    args: () => ['--home', at.home, '--base', path.join(at.dir, 'file')],
    again: withOwnBase,
  },
  {
    name: 'a base of a stranger',
    code: 'base-untrusted',
    missing: needsRoot,
    says: 'owner 65534',
    remedy: () => `mkdir -p -m 0700 ${at.ownBase}`,
    break: async () => {
      await bind();
      fs.chownSync(at.base, NOBODY.uid, NOBODY.gid);
    },
    again: withOwnBase,
  },
  {
    name: 'a base that is open to all and not sticky',
    code: 'base-untrusted',
    says: 'mode 0777',
    remedy: () => `chmod +t ${at.base}`,
    break: async () => {
      await bind();
      fs.chmodSync(at.base, 0o777);
    },
  },
  {
    name: 'a base in which the user may not make the parent',
    code: 'base-unwritable',
    user: 'nobody',
    missing: needsRoot ?? needsNobody,
    isGiven: true,
    says: 'may not write to',
    remedy: () => `mkdir -p -m 0700 ${at.ownBase}`,
    break: () => {
      makeBox(at.home, 'b1');
      giveTo('nobody');
      fs.chownSync(at.base, 0, 0);
      fs.chmodSync(at.base, 0o755);
    },
    again: withOwnBase,
  },
  ...[
    ['mounted read-only', 'base-read-only', 'ro,mode=1777', 'read-only'] as const,
    ['without inodes', 'base-full', 'nr_inodes=1,mode=1777', 'is full (ENOSPC)'] as const,
    ['that follows no links', 'base-nosymfollow', 'nosymfollow,mode=1777', 'nosymfollow'] as const,
  ].map(([what, code, options, says]) => ({
    name: `a base ${what}`,
    code,
    missing: needsMount,
    says,
    remedy: () => `mkdir -p -m 0700 ${at.ownBase}`,
    break: () => {
      makeBox(at.home, 'b1');
      mount(['-t', 'tmpfs', '-o', options, 'none'], at.base);
    },
    again: withOwnBase,
  })),
];
