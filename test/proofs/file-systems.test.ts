// What other file systems answer: full, read-only, without sockets, gone. Each is mounted for its test, as root.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  makeDirOfBytes,
  makeWorld,
  missingMount,
  mount,
  ownUid,
  promise as promiseIf,
  rejection,
  run,
  snapshot,
  tempDir,
  twins,
  type World,
} from '../helpers.js';

const missing = missingMount();
const promise = (name: string, test: () => Promise<void>): void => promiseIf(missing, name, test);

/** A world whose base, homes included, is a file system of its own. */
function mountedWorld(options: string): World {
  const base = path.join(tempDir(), 'm');
  mount(['-t', 'tmpfs', '-o', `mode=755,${options}`, 'none'], base);
  return makeWorld(base);
}

function fillBlocks(directory: string): void {
  const file = fs.openSync(path.join(directory, 'fill'), 'w');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    fs.closeSync(file);
  }
}

function fillInodes(directory: string): void {
  try {
    for (let i = 0; ; i++) fs.writeFileSync(path.join(directory, `fill${i}`), '');
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
}

const FULL = 'no space left on device';

describe.each(twins)('on a full file system ($name)', (twin) => {
  promise('a link that finds no room is not made, the old one stays, and what is there can be removed', async () => {
    const world = mountedWorld('size=128k');
    // tmpfs keeps short targets in the inode; a long one needs a page.
    const real = makeDirOfBytes(path.join(world.base, 'home'), 300);
    const other = world.box('other');
    const [fresh, old] = ['fresh', 'old'].map((id) => new BoxSockets(id, real, { base: world.base }));
    if (fresh === undefined || old === undefined) throw new Error('two boxes were made');
    other.ensureSync();
    // The lock's file is there already.
    fs.symlinkSync('/nonexistent', old.bindingDir);
    await twin.sweepStale({ base: world.base });
    fs.symlinkSync('/nonexistent', old.bindingDir);
    fillBlocks(world.base);
    const before = snapshot(world.base);

    const node = await rejection(fs.promises.symlink(real, fresh.bindingDir));
    const error = await rejection(twin.ensure(fresh));
    expect({ ...error, message: error.message }).toEqual({
      ...node,
      syscall: 'symlinkat',
      message: node.message.replace('symlink', 'symlinkat'),
    });
    expect(error.message).toBe(`ENOSPC: ${FULL}, symlinkat '${real}' -> '${fresh.bindingDir}'`);
    expect(await rejection(twin.ensure(old))).toMatchObject({
      code: 'ENOSPC',
      syscall: 'symlinkat',
      path: real,
      dest: path.join(world.parent, '.old.new'),
    });
    expect(snapshot(world.base)).toEqual(before);
    expect(await twin.ensure(other)).toMatchObject({ status: 'unchanged' });
    expect(await twin.sweepStale({ base: world.base })).toMatchObject({ removed: ['old'], kept: 1 });
    expect(await twin.remove(other)).toEqual({ status: 'removed' });
  });

  promise('removals go on without a lock file that cannot be made, and only they', async () => {
    const world = mountedWorld('nr_inodes=40');
    fs.mkdirSync(world.parent, { mode: 0o700 });
    const box = world.box('b');
    fs.symlinkSync(box.realDir, box.bindingDir);
    fs.symlinkSync('/nonexistent', world.binding('gone'));
    const missingBox = world.box('missing');
    fillInodes(world.base);

    expect(await rejection(twin.ensure(missingBox))).toMatchObject({
      code: 'ENOSPC',
      syscall: 'symlinkat',
      path: missingBox.realDir,
      message: `ENOSPC: ${FULL}, symlinkat '${missingBox.realDir}' -> '${missingBox.bindingDir}'`,
    });
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(await twin.sweepStale({ base: world.base })).toEqual({ removed: ['gone'], kept: 1, skipped: [] });
    // What the sweep has freed is taken again.
    fillInodes(path.join(world.base, 'home'));
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
    expect(fs.readdirSync(world.parent)).toEqual([]);
  });

  promise('no parent is made', async () => {
    const world = mountedWorld('nr_inodes=20');
    const box = world.box('b');
    fillInodes(world.base);
    const before = snapshot(world.base);
    const message = `ENOSPC: ${FULL}, mkdir '${world.parent}'`;
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'ENOSPC', path: world.parent, message });
    expect(snapshot(world.base)).toEqual(before);
  });

  promise('a probe says so for every name', async () => {
    const world = mountedWorld('nr_inodes=20');
    const box = world.box('b');
    box.ensureSync();
    fillInodes(world.base);
    const full = { ok: false, code: 'ENOSPC', syscall: 'bind' };
    expect(await twin.probe(box)).toMatchObject({ ok: false, sockets: Array(5).fill(full) });
    expect(await twin.probeSocketPath(`${box.realDir}/a.sock`)).toMatchObject(full);
  });
});

describe.each(twins)('on a read-only file system ($name)', (twin) => {
  promise('what is right stays right, and whatever would change it is refused', async () => {
    const world = mountedWorld('size=1m');
    const box = world.box('b');
    const other = world.box('other');
    box.ensureSync();
    fs.symlinkSync('/nonexistent', world.binding('gone'));
    run('mount', ['-o', 'remount,ro', world.base]);
    const before = snapshot(world.base);

    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(await twin.list({ base: world.base })).toHaveLength(2);
    expect(await twin.sweepStale({ base: world.base, dryRun: true })).toMatchObject({ removed: ['gone'], kept: 1 });
    const refused = { name: 'BoxSocketsError', code: 'EROFS', path: path.join(world.parent, '.lock') };
    expect(await rejection(twin.ensure(other))).toMatchObject({
      ...refused,
      path: other.realDir,
      dest: other.bindingDir,
    });
    expect(await rejection(twin.remove(box))).toMatchObject(refused);
    expect(await rejection(twin.sweepStale({ base: world.base }))).toMatchObject(refused);
    const unbound = { ok: false, code: 'EROFS', syscall: 'bind' };
    expect(await twin.probe(box)).toMatchObject({ ok: false, sockets: Array(5).fill(unbound) });
    expect(await twin.probeSocketPath(`${box.realDir}/a.sock`)).toMatchObject(unbound);
    expect(snapshot(world.base)).toEqual(before);
  });

  promise('no parent is made or repaired', async () => {
    const world = mountedWorld('size=1m');
    const box = world.box('b');
    run('mount', ['-o', 'remount,ro', world.base]);
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'EROFS', syscall: 'mkdir', path: world.parent });
    run('mount', ['-o', 'remount,rw', world.base]);
    box.ensureSync();
    fs.chmodSync(world.parent, 0o755);
    run('mount', ['-o', 'remount,ro', world.base]);
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'EROFS', syscall: 'fchmod', path: world.parent });
  });
});

describe.each(twins)('on a file system without sockets ($name)', (twin) => {
  const noMqueue =
    fs.existsSync('/proc/filesystems') && fs.readFileSync('/proc/filesystems', 'utf8').includes('mqueue');

  promiseIf(
    missing ?? (noMqueue ? null : 'no mqueue'),
    'a binding is made, and a probe says why nothing binds',
    async () => {
      const world = makeWorld();
      const real = path.join(world.base, 'queues');
      mount(['-t', 'mqueue', 'none'], real);
      const box = new BoxSockets('b', real, { base: world.base });
      expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
      const denied = { ok: false, code: 'EPERM', syscall: 'bind' };
      expect(await twin.probe(box)).toMatchObject({ ok: false, sockets: Array(5).fill(denied) });
      expect(await twin.probeSocketPath(`${real}/a.sock`)).toMatchObject(denied);

      const there = new BoxSockets('b', world.realDir('b'), { base: real });
      fs.chmodSync(real, 0o1777);
      expect(await rejection(twin.ensure(there))).toMatchObject({ code: 'EPERM', syscall: 'mkdir' });
    },
  );
});

describe.each(twins)('mounts ($name)', (twin) => {
  promise('a directory that is shown in two places is one directory', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const second = path.join(world.base, 'second');
    mount(['--bind', box.realDir], second);
    fs.mkdirSync(world.parent, { mode: 0o700 });
    fs.symlinkSync(second, box.bindingDir);
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(fs.readlinkSync(box.bindingDir)).toBe(second);
  });

  promise('a home that was unmounted looks gone; the next ensure restores its link', async () => {
    const world = makeWorld();
    const home = path.join(world.base, 'home');
    mount(['-t', 'tmpfs', 'none'], home);
    const box = world.box('b');
    box.ensureSync();
    run('umount', [home]);
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR' });
    expect(await twin.sweepStale({ base: world.base })).toMatchObject({ removed: ['b'] });
    run('mount', ['-t', 'tmpfs', 'none', home]);
    expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'created' });
  });

  promise('a base in which no link is followed gets none', async () => {
    const world = mountedWorld('nosymfollow');
    const box = world.box('b');
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'ELOOP', syscall: 'stat', path: box.bindingDir });
    expect(fs.readdirSync(world.parent)).toEqual([]);
  });

  promise(
    'a parent in which nothing can be made, because it is deleted, is given up after a bounded time',
    async () => {
      const world = makeWorld();
      const box = world.box('b');
      const deleted = path.join(world.base, 'deleted');
      fs.mkdirSync(deleted, { mode: 0o700 });
      mount(['--bind', deleted], world.parent);
      fs.rmdirSync(deleted);
      const unstable = {
        name: 'BoxSocketsError',
        code: 'ERR_BOX_SOCKETS_PARENT_UNSTABLE',
        path: world.parent,
        message: expect.stringMatching(/again and again.*Find the program that removes it/s),
      };
      expect(await rejection(twin.ensure(box))).toMatchObject(unstable);
      // What is not there need not be removed.
      expect(await twin.remove(box)).toEqual({ status: 'absent' });
      expect(await twin.sweepStale({ base: world.base })).toEqual({ removed: [], kept: 0, skipped: [] });
      expect(await twin.list({ base: world.base })).toEqual([]);
      expect(fs.statSync(world.parent).nlink).toBe(0);
      expect(fs.statSync(world.parent).uid).toBe(ownUid);
    },
  );
});

describe('the helpers of these tests', () => {
  it.runIf(missing === null)('leave no mount behind', () => {
    const mounts = run('cat', ['/proc/self/mounts']).split('\n');
    expect(mounts.filter((line) => line.includes('/bs-') && line.includes('\\040(deleted)'))).toEqual([]);
  });
});
