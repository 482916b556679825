import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BindingHold, BoxSockets, HoldOptions } from '../../dist/index.js';
import { openDescriptors } from '../helpers/descriptors.js';
import { isLocked, lockExclusively, missingFlock } from '../helpers/flock.js';
import { dist, isRoot, leaveDeadSocket, makeWorld, promise, rejection, start } from '../helpers.js';

interface HoldTwin {
  name: 'sync' | 'async';
  hold(box: BoxSockets, options?: HoldOptions): Promise<BindingHold>;
}

const twins: HoldTwin[] = [
  { name: 'sync', hold: async (box, options) => box.holdSync(options) },
  { name: 'async', hold: (box, options) => box.hold(options) },
];

/** A hold that the end of the test releases, whatever it did. */
async function holding(twin: HoldTwin, box: BoxSockets, options?: HoldOptions): Promise<BindingHold> {
  const hold = await twin.hold(box, options);
  onTestFinished(() => hold.release());
  return hold;
}

const [, asynchronous] = twins as [HoldTwin, HoldTwin];

describe.each(twins)('hold ($name)', (twin) => {
  promise(
    missingFlock,
    'ensures, and locks the parent until it is released; a second release does nothing',
    async () => {
      const world = makeWorld();
      const hold = await holding(twin, world.box('b'));
      expect(hold.bindingDir).toBe(world.binding('b'));
      expect(fs.readlinkSync(world.binding('b'))).toBe(world.realDir('b'));
      expect(isLocked(world.parent)).toBe(true);
      hold.release();
      expect(isLocked(world.parent)).toBe(false);
      const other = await holding(twin, world.box('c'));
      hold.release();
      expect(isLocked(world.parent)).toBe(true);
      other.release();
    },
  );

  promise(
    missingFlock,
    'a hundred cost one descriptor for each parent and each real directory, and the last one drops it',
    async () => {
      const [one, two] = [makeWorld(), makeWorld()];
      const before = openDescriptors('/tmp');
      const holds: BindingHold[] = [];
      for (let i = 0; i < 50; i++)
        holds.push(await holding(twin, one.box(`b${i}`)), await holding(twin, two.box(`b${i}`)));
      const realDirs = [one, two].flatMap((world) => Array.from({ length: 50 }, (_, i) => world.realDir(`b${i}`)));
      expect(openDescriptors('/tmp')).toEqual([...before, one.parent, two.parent, ...realDirs].sort());
      for (const hold of holds.slice(2)) hold.release();
      expect([isLocked(one.parent), isLocked(two.parent)]).toEqual([true, true]);
      holds[0]?.release();
      expect([isLocked(one.parent), isLocked(two.parent)]).toEqual([false, true]);
      holds[1]?.release();
      expect([isLocked(one.parent), isLocked(two.parent)]).toEqual([false, false]);
      expect(openDescriptors('/tmp')).toEqual(before);
    },
  );

  promise(missingFlock, 'does not hinder the operations of its parent, its own process included', async () => {
    const world = makeWorld();
    await holding(twin, world.box('b'));
    const other = world.box('c');
    expect(other.ensureSync().status).toBe('created');
    expect((await other.remove()).status).toBe('removed');
    expect(await (other.constructor as typeof BoxSockets).sweepStale({ base: world.base })).toMatchObject({ kept: 1 });
  });

  promise(missingFlock, 'waits while somebody else has an exclusive lock on the parent', async () => {
    const world = makeWorld();
    world.box('b').ensureSync();
    const locker = await lockExclusively(world.parent, 'sleep 0.3');
    const hold = await holding(twin, world.box('b'));
    expect(isLocked(world.parent)).toBe(true);
    hold.release();
    await locker.end();
  });

  promise(missingFlock, 'names the process that does not let go of the parent in time', async () => {
    const world = makeWorld();
    world.box('b').ensureSync();
    const before = openDescriptors('/tmp');
    const locker = await lockExclusively(world.parent);
    const error = await rejection(twin.hold(world.box('b'), { lockTimeout: 50 }));
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
      path: world.parent,
      owner: locker.pid,
    });
    await locker.end();
    expect(openDescriptors('/tmp')).toEqual(before);
    (await holding(twin, world.box('b'))).release();
  });

  // systemd-tmpfiles has the lock of a directory while it empties it, and removes it before it lets go.
  promise(missingFlock, 'that waited for a cleaner makes anew what the cleaner took', async () => {
    for (const taken of ['link', 'parent'] as const) {
      const world = makeWorld();
      world.box('b').ensureSync();
      const take = taken === 'link' ? `rm '${world.binding('b')}'` : `rm -r '${world.parent}'`;
      const cleaner = await lockExclusively(world.parent, `sleep 0.2; ${take}; sleep 0.1`);
      const hold = await holding(twin, world.box('b'));
      expect(fs.readlinkSync(world.binding('b'))).toBe(world.realDir('b'));
      expect(isLocked(world.parent)).toBe(true);
      hold.release();
      await cleaner.end();
    }
  });

  it.each([
    ['refreshInterval', 0, 'ERR_INVALID_ARG_VALUE'],
    ['refreshInterval', 1.5, 'ERR_INVALID_ARG_VALUE'],
    ['refreshInterval', 2 ** 31, 'ERR_INVALID_ARG_VALUE'],
    ['refreshInterval', Number.NaN, 'ERR_INVALID_ARG_VALUE'],
    ['refreshInterval', '5', 'ERR_INVALID_ARG_TYPE'],
    ['lockTimeout', -1, 'ERR_INVALID_ARG_VALUE'],
    ['lockTimeout', null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %s: %o before it touches anything', async (option, value, code) => {
    const world = makeWorld();
    const error = await rejection(twin.hold(world.box('b'), { [option]: value } as never));
    expect(error).toMatchObject({ name: 'TypeError', code, message: expect.stringContaining(option) });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  it('is refused as ensure is, and keeps nothing open', async () => {
    const world = makeWorld();
    const box = world.box('b');
    fs.rmdirSync(world.realDir('b'));
    const before = openDescriptors('/tmp');
    expect(await rejection(twin.hold(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR' });
    expect(openDescriptors('/tmp')).toEqual(before);
  });
});

describe('a hold', () => {
  promise(missingFlock, 'is disposed of, either way', async () => {
    const world = makeWorld();
    const one = world.box('b').holdSync();
    one[Symbol.dispose]();
    expect(isLocked(world.parent)).toBe(false);
    const two = await world.box('b').hold();
    expect(isLocked(world.parent)).toBe(true);
    await two[Symbol.asyncDispose]();
    expect(isLocked(world.parent)).toBe(false);
  });

  promise(missingFlock, "does not keep its process alive, and its process's end drops the lock", async () => {
    for (const end of ['', 'process.exit()', 'process.kill(process.pid, "SIGKILL")']) {
      const world = makeWorld();
      const program = `
        const { BoxSockets } = require(${JSON.stringify(dist)});
        const box = new BoxSockets('b', ${JSON.stringify(world.realDir('b'))}, { base: ${JSON.stringify(world.base)} });
        box.hold().then(() => { console.log('held'); ${end} });`;
      const { stdout, status, signal } = spawnSync(process.execPath, ['-e', program], {
        encoding: 'utf8',
        timeout: 50_000,
      });
      expect(stdout).toBe('held\n');
      expect({ status, signal }).toEqual(
        end.includes('SIGKILL') ? { status: null, signal: 'SIGKILL' } : { status: 0, signal: null },
      );
      expect(isLocked(world.parent)).toBe(false);
      expect(fs.readlinkSync(world.binding('b'))).toBe(world.realDir('b'));
    }
  });

  promise(missingFlock, 'keeps its lock for as long as its process lives', async () => {
    const world = makeWorld();
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', ${JSON.stringify(world.realDir('b'))}, { base: ${JSON.stringify(world.base)} });
      box.holdSync(); globalThis.gc(); console.log('held'); setInterval(() => {}, 1000);`;
    const child = await start(process.execPath, ['--expose-gc', '-e', program]);
    expect(isLocked(world.parent)).toBe(true);
    await child.end();
    expect(isLocked(world.parent)).toBe(false);
  });

  promise(
    missingFlock,
    'ends with its worker thread, however that ends, and so does what a listener had open',
    async () => {
      const world = makeWorld();
      const before = openDescriptors('/tmp');
      for (const end of ['', 'process.exit()', 'terminate']) {
        const program = `
        const { parentPort } = require('node:worker_threads');
        const { BoxSockets } = require(${JSON.stringify(dist)});
        const box = new BoxSockets('b', ${JSON.stringify(world.realDir('b'))}, { base: ${JSON.stringify(world.base)} });
        const server = require('node:net').createServer();
        box.listen(server, 'box.sock').then(() => box.hold()).then(() => {
          parentPort.postMessage('held');
          ${end === 'terminate' ? '' : end === '' ? 'server.unref()' : end};
        });`;
        const worker = new Worker(program, { eval: true });
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        await new Promise((resolve) => worker.once('message', resolve));
        if (end === 'terminate') {
          expect(isLocked(world.parent)).toBe(true);
          await worker.terminate();
        }
        await ended;
        expect(isLocked(world.parent)).toBe(false);
        await expect.poll(() => openDescriptors('/tmp')).toEqual(before);
      }
    },
  );

  it('refreshes the timestamps of the link, the real directory and the sockets in it, and of nothing else', async () => {
    const world = makeWorld();
    const socket = path.join(world.realDir('b'), 'box.sock');
    const file = path.join(world.realDir('b'), 'file');
    leaveDeadSocket(socket);
    fs.writeFileSync(file, '');
    await holding(asynchronous, world.box('b'), { refreshInterval: 10 });
    const all = [world.binding('b'), socket, file, world.realDir('b')];
    for (const name of all) fs.lutimesSync(name, 1, 1);
    const isFresh = (name: string): boolean => fs.lstatSync(name).mtimeMs > 1e6;
    await expect.poll(() => all.map(isFresh)).toEqual([true, true, false, true]);
  });

  promise(missingFlock, 'locks the real directory, and another one that is made in its place', async () => {
    const world = makeWorld();
    const realDir = world.realDir('b');
    const hold = await holding(asynchronous, world.box('b'), { refreshInterval: 10 });
    expect(isLocked(realDir)).toBe(true);
    fs.renameSync(realDir, `${realDir}.old`);
    fs.mkdirSync(realDir);
    await expect.poll(() => isLocked(realDir)).toBe(true);
    expect(isLocked(`${realDir}.old`)).toBe(false);
    hold.release();
    expect(isLocked(realDir)).toBe(false);
  });

  it('warns once of a server of this process whose socket file is gone or replaced', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const warnings: (Error & { code?: string })[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    for (const name of ['kept.sock', 'gone.sock', 'other.sock']) {
      const server = net.createServer();
      await box.listen(server, name);
      onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    }
    await holding(asynchronous, box, { refreshInterval: 10 });
    fs.unlinkSync(`${box.realDir}/gone.sock`);
    fs.renameSync(`${box.realDir}/other.sock`, `${box.realDir}/away.sock`);
    leaveDeadSocket(`${box.realDir}/other.sock`);
    await expect.poll(() => warnings.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(warnings.map(({ code }) => code)).toEqual(['BOX_SOCKETS_LISTENER_LOST', 'BOX_SOCKETS_LISTENER_LOST']);
    expect(warnings.map(({ message }) => message).sort()).toEqual([
      expect.stringMatching(/gone\.sock' was removed while a server of this process listens on it.*listen again/),
      expect.stringMatching(/other\.sock' was replaced/),
    ]);
  });

  it('does not care for fake timers, nor for timers that are numbers', async () => {
    const world = makeWorld();
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    vi.stubGlobal('setInterval', () => 5);
    onTestFinished(() => void vi.unstubAllGlobals());
    await holding(asynchronous, world.box('b'), { refreshInterval: 10 });
    fs.lutimesSync(world.binding('b'), 1, 1);
    // Without a timer of the test's own, which would be a fake one.
    while (fs.lstatSync(world.binding('b')).mtimeMs < 1e6) await fs.promises.stat('/');
    expect(vi.isFakeTimers()).toBe(true);
  });

  promise(
    missingFlock,
    'restores a link that is deleted, and a parent that is removed or replaced, and locks that',
    async () => {
      const world = makeWorld();
      const before = openDescriptors('/tmp');
      const hold = await holding(asynchronous, world.box('b'), { refreshInterval: 10 });
      const other = await holding(asynchronous, world.box('c'), { refreshInterval: 10 });
      const isBack = (): boolean =>
        [world.binding('b'), world.binding('c')].every((link) => fs.existsSync(link)) && isLocked(world.parent);

      fs.unlinkSync(world.binding('b'));
      await expect.poll(isBack).toBe(true);
      fs.rmSync(world.parent, { recursive: true });
      await expect.poll(isBack).toBe(true);
      fs.renameSync(world.parent, `${world.parent}.old`);
      fs.mkdirSync(world.parent, 0o700);
      await expect.poll(isBack).toBe(true);
      const held = [world.parent, world.realDir('b'), world.realDir('c')];
      await expect.poll(() => openDescriptors('/tmp')).toEqual([...before, ...held].sort());
      expect(isLocked(`${world.parent}.old`)).toBe(false);

      hold.release();
      other.release();
      await expect.poll(() => openDescriptors('/tmp')).toEqual(before);
      expect(isLocked(world.parent)).toBe(false);
    },
  );

  it('leaves alone a binding that another home has taken over', async () => {
    const world = makeWorld();
    await holding(asynchronous, world.box('b'), { refreshInterval: 5 });
    const theirs = world.box('b', 'other-home');
    theirs.ensureSync({ takeover: true });
    fs.lutimesSync(world.binding('b'), 1, 1);
    await expect.poll(() => fs.lstatSync(world.binding('b')).mtimeMs > 1e6).toBe(true);
    expect(fs.readlinkSync(world.binding('b'))).toBe(theirs.realDir);
  });

  it('warns where it cannot restore, and goes on', async () => {
    const world = makeWorld();
    const onWarning = vi.fn();
    process.on('warning', onWarning);
    onTestFinished(() => {
      process.off('warning', onWarning);
    });
    await holding(asynchronous, world.box('b'), { refreshInterval: 10 });
    fs.renameSync(path.join(world.base, 'home'), path.join(world.base, 'away'));
    fs.unlinkSync(world.binding('b'));
    // A refresh between those two steps finds the link, and no directory.
    const code = expect.stringMatching(/^(ERR_BOX_SOCKETS_REAL_DIR|ENOENT)$/);
    await expect.poll(() => onWarning.mock.calls[0]?.[0]).toMatchObject({ code });
    fs.renameSync(path.join(world.base, 'away'), path.join(world.base, 'home'));
    await expect.poll(() => fs.existsSync(world.binding('b'))).toBe(true);
  });

  promise(
    missingFlock,
    'that is disposed of while it restores its link has made it when the disposal ends',
    async () => {
      const world = makeWorld();
      const hold = await world.box('b').hold({ refreshInterval: 10 });
      const locker = await lockExclusively(path.join(world.parent, '.lock'), 'sleep 0.3');
      fs.unlinkSync(world.binding('b'));
      await new Promise((resolve) => setTimeout(resolve, 50)); // a refresh finds it missing, and waits for the lock
      await hold[Symbol.asyncDispose]();
      expect(fs.existsSync(world.binding('b'))).toBe(true);
      world.box('b').removeSync();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(fs.existsSync(world.binding('b'))).toBe(false);
      await locker.end();
    },
  );

  promise(isRoot ? null : 'not run as root', "is refused in another user's parent", async () => {
    const world = makeWorld();
    world.box('b').ensureSync();
    fs.chownSync(world.parent, 1234, 1234);
    for (const twin of twins) {
      expect(await rejection(twin.hold(world.box('b')))).toMatchObject({ code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN' });
    }
  });
});
