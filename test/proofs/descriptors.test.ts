// With no descriptor left, or few, an operation fails with EMFILE or does all that it says: it never guesses.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Called,
  callInChild,
  leaveDeadSocket,
  listen,
  snapshot,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

const LEFT = [0, 1, 2, 3, 4, 5, 6, 7, 8];

describe.each(twins)('few descriptors ($name)', (twin) => {
  const method = (name: string): string => (twin.name === 'sync' ? `${name}Sync` : name);

  /** Runs an operation on boxes b0, b1, … of a world, each with as many descriptors left as its number says. */
  const onBoxes = (world: World, operation: string): Called[] =>
    callInChild(
      LEFT.map((descriptorsLeft) => {
        const id = `b${descriptorsLeft}`;
        const box = { id, realDir: world.realDir(id), options: { base: world.base } };
        return { box, method: method(operation), descriptorsLeft };
      }),
    );
  const onParent = (world: World, operation: string, times = LEFT): Called[] =>
    callInChild(
      times.map((descriptorsLeft) => ({ method: method(operation), args: [{ base: world.base }], descriptorsLeft })),
    );
  const statuses = (outcomes: Called[]): unknown[] =>
    outcomes.map(({ result, error }) => error?.code ?? (result as { status: string }).status);
  const EMFILE = 'EMFILE';

  it('are enough for ensure, or it makes no binding', () => {
    const world = usedWorld();
    const outcomes = onBoxes(world, 'ensure');
    expect(statuses(outcomes)).toEqual([EMFILE, ...Array(8).fill('created')]);
    for (const { error } of outcomes.slice(0, 1)) {
      expect(error).toMatchObject({ name: 'BoxSocketsError', path: expect.stringContaining(world.parent) });
      expect(error?.message).toMatch(/^EMFILE: too many open files, open(at)? '/);
    }
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', ...LEFT.slice(1).map((left) => `b${left}`), 'other']);
  });

  it('are enough for remove, or it removes no binding', () => {
    const world = usedWorld();
    for (const left of LEFT) world.box(`b${left}`).ensureSync();
    expect(statuses(onBoxes(world, 'remove'))).toEqual([EMFILE, ...Array(8).fill('removed')]);
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b0', 'other']);
  });

  it('are not needed where nothing is to be changed', () => {
    const world = usedWorld();
    for (const left of LEFT) world.box(`b${left}`).ensureSync();
    expect(statuses(onBoxes(world, 'ensure'))).toEqual(LEFT.map(() => 'unchanged'));
  });

  it('never make a live box of another home look dead', async () => {
    const world = usedWorld();
    for (const left of LEFT) {
      const theirs = world.box(`b${left}`, 'theirs');
      theirs.ensureSync();
      world.realDir(theirs.boxId);
      await listen(theirs.boxSock);
    }
    const before = snapshot(world.base);
    const inUse = 'ERR_BOX_SOCKETS_BINDING_IN_USE';
    expect(statuses(onBoxes(world, 'ensure'))).toEqual([...Array(5).fill(EMFILE), ...Array(4).fill(inUse)]);
    expect(snapshot(world.base)).toEqual(before);
  });

  it('never make an idle box of another home look alive', () => {
    const world = usedWorld();
    const dead = path.join(world.base, 'dead.sock');
    leaveDeadSocket(dead);
    for (const left of LEFT) {
      const old = world.realDir(`b${left}`, 'old');
      fs.linkSync(dead, path.join(old, 'dead.sock'));
      fs.symlinkSync(old, world.binding(`b${left}`));
    }
    expect(statuses(onBoxes(world, 'ensure'))).toEqual([...Array(5).fill(EMFILE), ...Array(4).fill('replaced')]);
  });

  it('are enough for a sweep, or it takes nothing', () => {
    const world = usedWorld();
    for (const left of [0, 1, 2]) {
      fs.symlinkSync('/nonexistent', world.binding('gone'));
      const [called] = onParent(world, 'sweepStale', [left]);
      expect(called?.error).toMatchObject({ code: EMFILE });
      fs.unlinkSync(world.binding('gone'));
    }
    fs.symlinkSync('/nonexistent', world.binding('gone'));
    expect(onParent(world, 'sweepStale', [3, 4])).toEqual([
      { result: { removed: ['gone'], kept: 1, skipped: [] } },
      { result: { removed: [], kept: 1, skipped: [] } },
    ]);
  });

  it('are enough for a list, or it says that they were not', async () => {
    const world = usedWorld();
    const box = world.box('other');
    leaveDeadSocket(path.join(box.realDir, 'a.sock'));
    await listen(path.join(box.realDir, 'b.sock'));
    const full = { id: 'other', target: box.realDir, state: 'live' };
    for (const [left, { result, error }] of onParent(world, 'list').entries()) {
      const [info] = (result ?? []) as { code?: string; sockets: { name: string; held: boolean }[] }[];
      const isEnough = left >= 6;
      expect(error?.code ?? info?.code).toBe(isEnough ? undefined : EMFILE);
      if (info !== undefined) expect(info).toMatchObject(full);
      expect(info?.sockets.find(({ name }) => name === 'a.sock')?.held).toBe(isEnough ? false : undefined);
      // Nor is it said of a file that nobody could look at that it is gone.
      expect(JSON.stringify(info?.sockets ?? '')).not.toContain('gone');
    }
  });

  it('are enough for a probe, or each name says that they were not', () => {
    const world = usedWorld();
    for (const left of LEFT) world.box(`b${left}`).ensureSync();
    for (const [left, { result }] of onBoxes(world, 'probe').entries()) {
      const { ok, sockets } = result as { ok: boolean; sockets: { code?: string }[] };
      expect(ok).toBe(left >= 4);
      if (!ok) for (const socket of sockets) expect([undefined, EMFILE]).toContain(socket.code);
      expect(fs.readdirSync(world.realDir(`b${left}`))).toEqual([]);
    }
  });
});

describe.each(twins)('descriptors ($name)', (twin) => {
  it.runIf(process.platform === 'linux')('are all closed again, whatever an operation came to', async () => {
    const world = usedWorld();
    const [box, foreign, missing] = [world.box('b'), world.box('f', 'theirs'), world.box('m')];
    foreign.ensureSync();
    await listen(foreign.boxSock);
    fs.rmSync(missing.realDir, { recursive: true });
    const ours = world.box('f');
    const operations = [
      () => twin.ensure(box),
      () => twin.remove(box),
      () => twin.ensure(ours),
      () => twin.ensure(missing),
      () => twin.sweepStale({ base: world.base }),
      () => twin.list({ base: world.base }),
      () => twin.probe(box),
      () => twin.probe(foreign),
      () => twin.probeSocketPath(foreign.boxSock),
      () => twin.probeSocketPath(path.join(world.base, 'a.sock'), { type: 'dgram' }),
      () => twin.measureSunPathLimit(world.base),
      () => twin.sameInode(world.base, '/nonexistent'),
    ];
    const all = async () => {
      for (const operation of operations) await operation().catch(() => {});
    };
    const open = () => fs.readdirSync('/proc/self/fd').length;
    await all();
    const before = open();
    for (let i = 0; i < 20; i++) await all();
    expect(open()).toBe(before);
  });
});
