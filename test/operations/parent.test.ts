// Which parent and which base ensure() takes, and which mode it gives the parent.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  dist,
  isRoot,
  makeWorld,
  missingMount,
  missingTool,
  mount,
  promise,
  rejection,
  run,
  tempDir,
  twins,
  type World,
} from '../helpers.js';

const modeOf = (directory: string): number => fs.statSync(directory).mode & 0o7777;

/** A base in a directory of its own, and a box with its home beside it. */
function nested(
  outer: World,
  ...options: ConstructorParameters<typeof BoxSockets>[2][]
): { base: string; box: BoxSockets } {
  const base = path.join(outer.base, 'outer', 'base');
  fs.mkdirSync(base, { recursive: true, mode: 0o700 });
  return { base, box: new BoxSockets('b', outer.realDir('b'), { base, ...options[0] }) };
}

describe.each(twins)('ensure ($name)', (twin) => {
  it('gives the parent the mode that is asked for, and repairs any other', async () => {
    const world = makeWorld();
    for (const parentMode of [0o711, 0o700] as const) {
      const box = world.box('b', 'home', { parentMode });
      await twin.ensure(box);
      expect(modeOf(world.parent)).toBe(parentMode);
      for (const mode of [0o755, 0o500, 0o710, 0o1700]) {
        fs.chmodSync(world.parent, mode);
        expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
        expect(modeOf(world.parent)).toBe(parentMode);
      }
    }
  });

  it('alone repairs the mode of a parent: what only looks or removes leaves it', async () => {
    const world = makeWorld();
    const box = world.box('b');
    await twin.ensure(box);
    fs.chmodSync(world.parent, 0o755);
    await twin.list({ base: world.base });
    await twin.probe(box);
    await twin.sweepStale({ base: world.base });
    await twin.remove(box);
    expect(modeOf(world.parent)).toBe(0o755);
  });

  it('refuses a base whose path others can rename a part of, before it makes anything', async () => {
    const outer = makeWorld();
    const { base, box } = nested(outer);
    fs.chmodSync(path.dirname(base), 0o777);
    expect(await rejection(twin.ensure(box))).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED',
      path: base,
      message: expect.stringContaining('mode 0777'),
    });
    expect(fs.readdirSync(base)).toEqual([]);
    fs.chmodSync(path.dirname(base), 0o1777);
    expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
  });

  it('looks at what leads to the base once for each object', async () => {
    const outer = makeWorld();
    const { base, box } = nested(outer);
    await twin.ensure(box);
    fs.chmodSync(path.dirname(base), 0o777);
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    const { box: another } = nested(outer);
    expect(await rejection(twin.ensure(another))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED' });
  });

  const mounts: [what: string, lacking: string | null, mountAt: (parent: string) => void][] = [
    ['tmpfs', missingMount(), (parent) => mount(['-t', 'tmpfs', '-o', 'mode=700', 'none'], parent)],
    [
      'FUSE, which says whatever it likes of its owner',
      missingMount() ?? missingTool('bindfs'),
      (parent) => {
        run('bindfs', ['--force-user=root', '--perms=0700', tempDir(), parent]);
        onTestFinished(() => {
          run('umount', ['-l', parent]);
        });
      },
    ],
  ];
  for (const [what, lacking, mountAt] of mounts) {
    promise(lacking, `refuses a parent that is mounted there: ${what}`, async () => {
      const world = makeWorld();
      const box = world.box('b');
      fs.mkdirSync(world.parent, { mode: 0o700 });
      mountAt(world.parent);
      expect(await rejection(twin.ensure(box))).toMatchObject({
        code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
        path: world.parent,
        message: expect.stringContaining('another file system'),
      });
      expect(await rejection(twin.remove(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN' });
      expect(fs.readdirSync(world.parent)).toEqual([]);
    });
  }
});

it.each([0o755, 0, '0o700', 448.5])('%s is no mode of a parent', (parentMode) => {
  const world = makeWorld();
  expect(() => world.box('b', 'home', { parentMode: parentMode as 0o700 })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
  );
});

promise(isRoot ? null : 'needs root, to become another user', 'who the process is, is asked on every call', () => {
  const world = makeWorld();
  const [base, realDir] = [world.base, world.realDir('b')];
  for (const directory of [base, path.dirname(path.dirname(realDir)), path.dirname(realDir), realDir]) {
    fs.chmodSync(directory, 0o755);
  }
  const program = `
    const { BoxSockets } = require(${JSON.stringify(dist)});
    const box = new BoxSockets('b', ${JSON.stringify(realDir)}, { base: ${JSON.stringify(base)} });
    const said = [box.ensureSync().status, box.ensureSync().status];
    process.setuid(1234);
    try { said.push(box.ensureSync().status); } catch ({ code }) { said.push(code); }
    console.log(said.join(' '));`;
  expect(run(process.execPath, ['-e', program])).toBe('created unchanged ERR_BOX_SOCKETS_PARENT_FOREIGN\n');
});
