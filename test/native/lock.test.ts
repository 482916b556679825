import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BoxSockets } from '../../dist/index.js';
import { holdLock, missingFlock, promise, rejection, snapshot, twins, usedWorld } from '../helpers.js';

/** A box whose link leads to nothing: to replace it takes the lock. */
function dangle(box: BoxSockets): BoxSockets {
  fs.symlinkSync('/nonexistent', box.bindingDir);
  return box;
}

describe.each(twins)('the lock ($name)', (twin) => {
  promise(missingFlock, 'held by a stopped process is waited for in vain; the error names that process', async () => {
    const world = usedWorld();
    const stale = world.box('s');
    fs.symlinkSync('/nonexistent', stale.bindingDir);
    const lock = path.join(world.parent, '.lock');
    const { pid } = await holdLock(lock);
    process.kill(pid, 'SIGSTOP');
    const before = snapshot(world.base);
    for (const lockTimeout of [0, 30]) {
      for (const operation of [
        () => twin.ensure(stale, { lockTimeout }),
        () => twin.ensure(stale, { lockTimeout, takeover: true }),
        () => twin.remove(stale, { lockTimeout }),
        () => twin.sweepStale({ base: world.base, lockTimeout }),
      ]) {
        expect(await rejection(operation())).toMatchObject({
          name: 'BoxSocketsError',
          code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
          path: lock,
          // /proc/locks tells; elsewhere nothing does.
          ...(process.platform === 'linux' && { owner: pid, message: expect.stringContaining(`process ${pid}`) }),
        });
      }
    }
    expect(snapshot(world.base)).toEqual(before);
  });

  promise(missingFlock, 'is not needed where nothing is changed', async () => {
    const world = usedWorld();
    await holdLock(path.join(world.parent, '.lock'));
    fs.symlinkSync('/nonexistent', world.binding('s'));
    const before = snapshot(world.base);
    expect(await twin.ensure(world.box('other'), { lockTimeout: 0 })).toMatchObject({ status: 'unchanged' });
    expect(await twin.list({ base: world.base })).toHaveLength(2);
    expect(await twin.sweepStale({ base: world.base, dryRun: true, lockTimeout: 0 })).toMatchObject({ removed: ['s'] });
    expect(await twin.probe(world.box('other'))).toMatchObject({ ok: true });
    expect(Object.keys(snapshot(world.base))).toEqual(Object.keys(before));
  });

  promise(missingFlock, 'is had as soon as its holder lets go', async () => {
    const world = usedWorld();
    const box = world.box('b');
    dangle(box);
    await holdLock(path.join(world.parent, '.lock'), 0.2);
    expect(await twin.ensure(box)).toMatchObject({ status: 'replaced' });
    await holdLock(path.join(world.parent, '.lock'), 0.2);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
    await holdLock(path.join(world.parent, '.lock'), 0.2);
    expect(await twin.sweepStale({ base: world.base })).toMatchObject({ kept: 1 });
  });

  promise(missingFlock, 'that is removed while it is waited for is waited for no longer', async () => {
    const world = usedWorld();
    const lock = path.join(world.parent, '.lock');
    await holdLock(lock);
    // By another process: a synchronous waiter blocks this one.
    const remover = spawn('sh', ['-c', 'sleep 0.3; rm "$0"', lock]);
    // Far less than the holder would make it wait for.
    expect(await twin.ensure(dangle(world.box('b')), { lockTimeout: 60_000 })).toMatchObject({ status: 'replaced' });
    expect(remover.exitCode ?? (await once(remover, 'exit'))[0]).toBe(0);
  });

  promise(missingFlock, 'that somebody has removed from under its holder is made anew', async () => {
    const world = usedWorld();
    const lock = path.join(world.parent, '.lock');
    await holdLock(lock);
    fs.unlinkSync(lock);
    expect(await twin.ensure(dangle(world.box('b')), { lockTimeout: 0 })).toMatchObject({ status: 'replaced' });
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });

  it('is let go by whatever ends an operation', async () => {
    const world = usedWorld();
    fs.writeFileSync(world.binding('f'), '');
    await rejection(twin.ensure(world.box('f')));
    await twin.remove(world.box('f'));
    await twin.sweepStale({ base: world.base });
    expect(await twin.ensure(dangle(world.box('b')), { lockTimeout: 0 })).toMatchObject({ status: 'replaced' });
  });

  promise(missingFlock, 'is not needed to make what is missing', async () => {
    const world = usedWorld();
    await holdLock(path.join(world.parent, '.lock'));
    expect(await twin.ensure(world.box('b'), { lockTimeout: 0 })).toMatchObject({ status: 'created' });
    expect(fs.realpathSync(world.binding('b'))).toBe(world.realDir('b'));
  });
});

describe('waiting for the lock', () => {
  promise(
    missingFlock,
    'takes no thread of the pool: more waiters than threads do not stop a file from being read',
    async () => {
      const world = usedWorld();
      const holder = await holdLock(path.join(world.parent, '.lock'));
      const boxes = Array.from({ length: 16 }, (_, i) => dangle(world.box(`b${i}`)));
      const ensured = Promise.all(boxes.map((box) => box.ensure({ lockTimeout: 60_000 })));
      for (let i = 0; i < 20; i++) await fs.promises.readFile(__filename);
      for (const { bindingDir } of boxes) expect(fs.existsSync(bindingDir)).toBe(false);
      await holder.end();
      expect((await ensured).map(({ status }) => status)).toEqual(boxes.map(() => 'replaced'));
    },
  );
});
