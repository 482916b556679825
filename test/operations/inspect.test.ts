// What inspect() says of a base and a parent is what ensure() does with them.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  dist,
  isRoot,
  makeWorld,
  missingMount,
  missingTool,
  mount,
  promise,
  run,
  snapshot,
  usedWorld,
  type World,
} from '../helpers.js';

const twins = [
  { name: 'sync', inspect: async (base: string) => BoxSockets.inspectSync({ base }) },
  { name: 'async', inspect: (base: string) => BoxSockets.inspect({ base }) },
];
const notRoot = isRoot ? null : 'needs root, to give directories to other users';

/** What ensure() throws in that world, or null. */
function refusalOf(world: World): { code: string; message: string } | null {
  try {
    world.box('b').ensureSync();
    return null;
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return { code, message };
  }
}

type Scene = [name: string, lacking: string | null, make: (world: World) => unknown];

const refused: { base: Scene[]; parent: Scene[] } = {
  base: [
    ['is open to others', null, ({ base }) => fs.chmodSync(base, 0o777)],
    ['is missing', null, ({ base, parent }) => fs.rmSync(parent, { recursive: true, force: true }) ?? gone(base)],
    ["is a stranger's", notRoot, ({ base }) => fs.chownSync(base, 1234, 1234)],
  ],
  parent: [
    ['is a file', null, ({ parent }) => fs.writeFileSync(parent, '')],
    ['is a link', null, ({ base, parent }) => fs.symlinkSync(base, parent)],
    ["is a stranger's", notRoot, ({ parent }) => fs.mkdirSync(parent) ?? fs.chownSync(parent, 1234, 1234)],
    ['is mounted', missingMount(), ({ parent }) => fs.mkdirSync(parent) ?? mount(['-t', 'tmpfs', 'none'], parent)],
  ],
};

/** Its homes are elsewhere, so that the base can be moved away. */
function gone(base: string): void {
  fs.renameSync(base, `${base}-away`);
}

describe.each(twins)('inspect ($name)', ({ inspect }) => {
  it('says of a parent that ensure has made whose it is, and that it is right', async () => {
    const world = usedWorld();
    const own = { ok: true, owner: process.getuid?.() };
    expect(await inspect(world.base)).toEqual({
      base: { path: world.base, mode: 0o700, ...own },
      parent: { path: world.parent, mode: 0o700, ...own },
    });
  });

  it('takes a missing parent for what it is, and makes none', async () => {
    const world = makeWorld();
    expect((await inspect(world.base)).parent).toEqual({ path: world.parent, ok: true, owner: null, mode: null });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  it.each([0o755, 0o711, 0o300, 0])('tells a mode that ensure repairs (%i), and repairs it not', async (mode) => {
    const world = usedWorld();
    fs.chmodSync(world.parent, mode);
    expect((await inspect(world.base)).parent).toMatchObject({ ok: true, mode });
    expect(fs.statSync(world.parent).mode & 0o7777).toBe(mode);
  });

  for (const subject of ['base', 'parent'] as const) {
    for (const [name, lacking, make] of refused[subject]) {
      promise(lacking, `refuses as ensure does where the ${subject} ${name}, and changes nothing`, async () => {
        const world = makeWorld();
        const box = world.box('b');
        make(world);
        const before = fs.existsSync(world.base) ? snapshot(world.base) : null;
        const found = (await inspect(world.base))[subject];
        expect(found.ok).toBe(false);
        expect(fs.existsSync(world.base) ? snapshot(world.base) : null).toEqual(before);
        if (before === null) fs.renameSync(`${world.base}-away`, world.base);
        else expect(refusalOf({ ...world, box: () => box })).toEqual({ code: found.code, message: found.message });
      });
    }
  }

  it('refuses a base through which others can be led elsewhere', async () => {
    const outer = makeWorld();
    const open = path.join(outer.base, 'open');
    const base = path.join(open, 'base');
    fs.mkdirSync(base, { recursive: true, mode: 0o700 });
    expect((await inspect(base)).base.ok).toBe(true);
    fs.chmodSync(open, 0o777);
    const found = (await inspect(base)).base;
    expect(found).toMatchObject({ ok: false, code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED' });
    const refusal = refusalOf({ ...outer, box: () => new BoxSockets('b', outer.realDir('b'), { base }) });
    expect(refusal).toEqual({ code: found.code, message: found.message });
  });
});

const missingNamespace = process.platform === 'linux' ? missingTool('unshare', ['-Ur', 'true']) : 'not Linux';

promise(missingNamespace, 'in a user namespace of one uid, /tmp is right for inspect as it is for ensure', () => {
  const program = `
    const { BoxSockets } = require(${JSON.stringify(dist)});
    process.stdout.write(JSON.stringify(BoxSockets.inspectSync({ uid: 4242424 })));`;
  // As an ordinary user where root runs the test: to root, the namespace's root is the real one.
  const as = isRoot ? ['setpriv', '--reuid', '1234', '--regid', '1234', '--clear-groups'] : [];
  const [command = '', ...args] = [...as, 'unshare', '-Ur', process.execPath, '-e', program];
  const { base, parent } = JSON.parse(run(command, args)) as ReturnType<typeof BoxSockets.inspectSync>;
  expect(base).toMatchObject({ path: '/tmp', ok: true });
  expect(base.owner).not.toBe(0);
  expect(parent).toMatchObject({ ok: true, owner: null });
});
