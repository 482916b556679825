// What each operation asks of the addon: every option, in both forms alike. In the asynchronous one, no thread waits for
// the lock: it is tried, and tried again.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as net from 'node:net';
import * as os from 'node:os';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import type { NativeBinding } from '../../dist/native/addon.js';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { failure, native, passTime, recordNative, replaceNative } from '../helpers/addon.js';
import { closed, makeServer } from '../helpers/net.js';
import { leaveDeadSocket, makeWorld, ownUid, rejection, tempDir, twins, type World } from '../helpers.js';

/** A box whose `ensure` has not yet looked at what is above its base, and the paths that the addon is given. */
function fresh(world: World = makeWorld()) {
  const box = world.box('b', 'home', { parentMode: 0o711 });
  const { realDir, bindingDir: binding, parentDir: parent } = box;
  return { world, box, paths: { base: world.base, parent, binding, realDir, parentMode: 0o711 } };
}

/** What a function of the addon was given, the last time. */
function lastOf(calls: [name: string, args: unknown[]][], name: string): unknown[] {
  const call = calls.findLast(([called]) => called === name);
  if (call === undefined) throw new Error(`${name} was not called, but ${calls.map(([called]) => called).join()}`);
  return call[1];
}

describe.each(twins)('what is asked of the addon ($name)', (twin) => {
  const [suffix, waits] = twin.name === 'sync' ? ['', 77] : ['Async', 0];

  it('by ensure: whose box to take over, how long to wait, and what is above the base until that was right once', async () => {
    const { world, box, paths } = fresh();
    const { base, parent, binding, realDir, parentMode } = paths;
    const given = [base, parent, binding, realDir, parentMode];
    const calls = recordNative();
    fs.rmdirSync(realDir);
    expect(await rejection(twin.ensure(box, { lockTimeout: 77 }))).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR' });
    expect(lastOf(calls, `ensure${suffix}`)).toEqual([...given, false, waits, true]);
    fs.mkdirSync(realDir);
    expect(await twin.ensure(box, { takeover: true, lockTimeout: 77 })).toMatchObject({ status: 'created' });
    expect(lastOf(calls, `ensure${suffix}`)).toEqual([...given, true, waits, true]);
    expect(await twin.ensure(box, { lockTimeout: 77 })).toMatchObject({ status: 'unchanged' });
    expect(lastOf(calls, `ensure${suffix}`)).toEqual([...given, false, waits, false]);
    await twin.ensure(world.box('c'), { lockTimeout: 77 });
    expect(lastOf(calls, `ensure${suffix}`).slice(-3)).toEqual([false, waits, true]);
  });

  it('by remove', async () => {
    const { box, paths } = fresh();
    const { base, parent, binding, realDir, parentMode } = paths;
    const calls = recordNative();
    await twin.remove(box, { lockTimeout: 77 });
    expect(lastOf(calls, `remove${suffix}`)).toEqual([base, parent, binding, realDir, parentMode, waits]);
  });

  it('by sweepStale', async () => {
    const base = tempDir();
    const calls = recordNative();
    await twin.sweepStale({ base, uid: 78, timeout: 55, dryRun: true, lockTimeout: 77 });
    const request = { base, parent: `${base}/bl-78`, timeout: 55, dryRun: true, lockTimeout: waits };
    expect(lastOf(calls, `sweepStale${suffix}`)).toEqual([request]);
    await twin.sweepStale({ base, lockTimeout: 77 });
    const defaults = { parent: `${base}/bl-${ownUid}`, timeout: 2000, dryRun: false };
    expect(lastOf(calls, `sweepStale${suffix}`)).toEqual([{ ...request, ...defaults }]);
  });

  it('by list', async () => {
    const base = tempDir();
    const calls = recordNative();
    await (twin.name === 'sync' ? BoxSockets.listSync : BoxSockets.list)({ base, uid: 78, timeout: 55 });
    expect(lastOf(calls, `list${suffix}`)).toEqual([{ base, parent: `${base}/bl-78`, timeout: 55 }]);
    await twin.list({ base });
    expect(lastOf(calls, `list${suffix}`)).toEqual([{ base, parent: `${base}/bl-${ownUid}`, timeout: 2000 }]);
  });

  it('by inspect: what is above a base, but for /tmp', async () => {
    const inspect = twin.name === 'sync' ? BoxSockets.inspectSync : BoxSockets.inspect;
    const base = tempDir();
    const calls = recordNative();
    await inspect({ base, uid: 78 });
    expect(lastOf(calls, `inspect${suffix}`)).toEqual([{ base, parent: `${base}/bl-78`, checkAncestry: true }]);
    await inspect({ uid: 2 ** 32 - 2 });
    const request = { base: '/tmp', parent: '/tmp/bl-4294967294', checkAncestry: false };
    expect(lastOf(calls, `inspect${suffix}`)).toEqual([request]);
  });

  it('by hold', async () => {
    const { box, paths } = fresh();
    const calls = recordNative();
    const hold = twin.name === 'sync' ? box.holdSync({ lockTimeout: 77 }) : await box.hold({ lockTimeout: 77 });
    hold.release();
    expect(lastOf(calls, `hold${suffix}`)).toEqual([{ ...paths, lockTimeout: waits, checkAncestry: true }]);
  });

  it('by probe: a stand-in of the same length and type for each name', async () => {
    const { world, paths } = fresh();
    const names = [
      { name: 'longer-than-most.sock' },
      { name: 'd', type: 'dgram' },
      { name: 's.sock', type: 'seqpacket' },
    ];
    const options = { parentMode: 0o711, names, standardNames: false } as const;
    const box = world.box('b', 'home', { ...options, names: names as never });
    box.ensureSync();
    const calls = recordNative();
    await twin.probe(box);
    const [request] = lastOf(calls, `probe${suffix}`) as [{ sockets: { path: string; type: number }[] }];
    const { sockets, ...rest } = request;
    expect(rest).toEqual(paths);
    expect(sockets.map(({ path, type }) => [path.length - box.bindingDir.length - 1, type])).toEqual([
      ['longer-than-most.sock'.length, 0],
      [6, 1],
      ['s.sock'.length, 2],
    ]);
  });

  it('by probeSocketPath', async () => {
    const directory = tempDir();
    const calls = recordNative();
    await twin.probeSocketPath(`${directory}/some.sock`, { type: 'seqpacket' });
    expect(lastOf(calls, `probePath${suffix}`)).toEqual([
      {
        path: `${directory}/some.sock`,
        standIn: expect.stringMatching(new RegExp(`^${directory}/\\.~\\w{7}$`)),
        directory: `${directory}/`,
        type: 2,
      },
    ]);
    await twin.probeSocketPath('some.sock');
    const [request] = lastOf(calls, `probePath${suffix}`);
    expect(request).toMatchObject({ path: 'some.sock', directory: '.', type: 0 });
  });
});

describe('what is asked of the addon', () => {
  it('by claim', async () => {
    const { box, paths } = fresh();
    const calls = recordNative();
    await box.claim('box.sock', { takeover: true, lockTimeout: 77 });
    const request = { ...paths, name: 'box.sock', takeover: true, lockTimeout: 0, checkAncestry: true };
    expect(lastOf(calls, 'claimAsync')).toEqual([request]);
    await box.claim('box.sock');
    expect(lastOf(calls, 'claimAsync')).toEqual([{ ...request, takeover: false }]);
  });

  it('by listen, at once and on a thread', async () => {
    const { box, paths } = fresh();
    leaveDeadSocket(`${box.realDir}/box.sock`);
    const calls = recordNative();
    const server = makeServer();
    await box.listen(server, 'box.sock', { mode: 0o640, backlog: 5, takeover: true, lockTimeout: 77 });
    await closed(server);
    const how = { mode: 0o640, backlog: 5, takeover: true };
    const request = { ...paths, name: 'box.sock', ...how, lockTimeout: 0, checkAncestry: true };
    for (const name of ['listenAtFreeName', 'listenAsync']) expect(lastOf(calls, name)).toEqual([request]);
    const other = makeServer();
    await box.listen(other, 'box.sock');
    await closed(other);
    const defaults = { mode: 0o600, backlog: 511, takeover: false };
    expect(lastOf(calls, 'listenAtFreeName')).toEqual([{ ...request, ...defaults }]);
  });

  it.each([
    [undefined, false, 0],
    [false, false, 0],
    [true, true, process.geteuid?.()],
    [{ uid: 0 }, true, 0],
    [{ uid: 1234 }, true, 1234],
  ])('by connect with verifyPeer: %o', async (verifyPeer, verify, uid) => {
    const { box } = fresh();
    for (const isServedHere of [true, false]) {
      const asked: unknown[][] = [];
      const dial = (...args: unknown[]) => {
        asked.push(args);
        return failure({ errno: os.constants.errno.ECONNREFUSED, syscall: 'connect', subject: Subject.socket });
      };
      replaceNative({ dial, dialAsync: async (...args) => dial(...args), isServedHereAsync: async () => isServedHere });
      const options = verifyPeer === undefined ? {} : { verifyPeer };
      expect(await rejection(box.connect('a.sock', options))).toMatchObject({ code: 'ECONNREFUSED' });
      expect(asked).toEqual([[`${box.bindingDir}/a.sock`, `${box.realDir}/a.sock`, verify, uid]]);
    }
  });

  it('by ensureAll: one request for the boxes of one parent and one mode', async () => {
    const [one, two] = [makeWorld(), makeWorld()];
    const boxes = [
      one.box('a'),
      two.box('a'),
      one.box('b', 'home', { parentMode: 0o711 }),
      one.box('c', '家'.repeat(30)),
    ];
    const calls = recordNative();
    await BoxSockets.ensureAll(boxes);
    const requests = calls.filter(([name]) => name === 'ensureAllAsync').map(([, [request]]) => request);
    const expected = [[boxes[0], boxes[3]], [boxes[1]], [boxes[2]]].map((siblings, at) => ({
      base: [one, two, one][at]?.base,
      parent: siblings[0]?.parentDir,
      parentMode: at === 2 ? 0o711 : 0o700,
      lockTimeout: 0,
      checkAncestry: true,
      mayWait: expect.any(Boolean),
      paths: Buffer.from(siblings.map((box) => `${box?.bindingDir}\0${box?.realDir}\0`).join('')),
    }));
    expect(requests.map((request) => ({ ...(request as object) }))).toEqual(expected);
  });
});

it('ensureAll tells whether some of the boxes may lie with a server that hangs, and refuses the first box like any other', async () => {
  const nodeFs = createRequire(__filename)('node:fs') as typeof fs;
  const { readFileSync } = nodeFs;
  let mounts = '';
  const reading = ((file: string, ...rest: []) =>
    file === '/proc/self/mountinfo' ? mounts : readFileSync(file, ...rest)) as typeof readFileSync;
  const read = vi.spyOn(nodeFs, 'readFileSync').mockImplementation(reading);
  onTestFinished(() => void read.mockRestore());
  const calls = recordNative();
  for (const [type, mayWait] of [
    ['ext4', false],
    ['nfs4', true],
  ] as const) {
    mounts = `24 22 0:44 / /home rw,relatime - ${type} source rw\n`;
    const world = makeWorld();
    const long = world.box('x'.repeat(60), 'home', { names: ['y'.repeat(64)] });
    const outcomes = await BoxSockets.ensureAll([long, world.box('a')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'created']);
    expect(outcomes[0]).toMatchObject({
      bindingDir: long.bindingDir,
      error: { code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG' },
    });
    expect(lastOf(calls, 'ensureAllAsync')).toMatchObject([{ mayWait }]);
  }
});

const LOCKED = failure({ refusal: Refusal.lockTimeout, subject: Subject.lock, owner: 4321 });

describe('the lock is waited for without a thread', () => {
  const operations: [string, keyof NativeBinding, (world: World, lockTimeout?: number) => Promise<unknown>][] = [];
  const add = (
    name: string,
    asked: string,
    call: (box: BoxSockets, options: { lockTimeout?: number }, base: string) => Promise<unknown>,
  ) =>
    operations.push([
      name,
      asked as keyof NativeBinding,
      (world, lockTimeout) => call(world.box('b'), lockTimeout === undefined ? {} : { lockTimeout }, world.base),
    ]);
  add('ensure', 'ensureAsync', (box, options) => box.ensure(options));
  add('remove', 'removeAsync', (box, options) => box.remove(options));
  add('hold', 'holdAsync', (box, options) => box.hold(options));
  add('claim', 'claimAsync', (box, options) => box.claim('a', options));
  add('sweepStale', 'sweepStaleAsync', (_, options, base) => BoxSockets.sweepStale({ base, ...options }));
  add('listen', 'listenAsync', (box, options) => {
    leaveDeadSocket(`${box.realDir}/a`);
    return box.listen(new net.Server(), 'a', options);
  });

  it.each(operations)(
    'by %s for as long as its lockTimeout says, 5,000 ms where it says nothing',
    async (_, asked, call) => {
      for (const lockTimeout of [77, 0, undefined]) {
        const world = makeWorld();
        let tries = 0;
        const locked = async () => {
          tries++;
          return LOCKED;
        };
        replaceNative({ [asked]: locked });
        const pauses = passTime();
        expect(await rejection(call(world, lockTimeout))).toMatchObject({
          code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
          path: `${world.parent}/.lock`,
          owner: 4321,
        });
        expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(lockTimeout ?? 5000);
        expect(tries).toBe(pauses.length + 1);
      }
    },
  );

  it('by ensureAll for those boxes alone that it is held for', async () => {
    const world = makeWorld();
    const boxes = ['a', 'b', 'c'].map((id) => world.box(id));
    const asked: string[][] = [];
    const pauses = passTime();
    const ensureAllAsync = async ({ paths }: { paths: Uint8Array }) => {
      const links = Buffer.from(paths)
        .toString()
        .split('\0')
        .filter((_, at) => at % 2 === 0)
        .slice(0, -1);
      asked.push(links.map((link) => link.slice(world.parent.length + 1)));
      // `a` is done at once, `b` at the third time, `c` never.
      return links.map((link) => (link.endsWith('/a') || (link.endsWith('/b') && asked.length === 3) ? 1 : LOCKED));
    };
    replaceNative({ ensureAllAsync });
    const outcomes = await BoxSockets.ensureAll(boxes);
    expect(outcomes.map(({ status }) => status)).toEqual(['created', 'created', 'failed']);
    expect(outcomes[2]?.error).toMatchObject({ code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', owner: 4321 });
    expect(asked.slice(0, 4)).toEqual([['a', 'b', 'c'], ['b', 'c'], ['b', 'c'], ['c']]);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(5000);
  });

  it('and where it fails as a whole, each box has that failure', async () => {
    const world = makeWorld();
    replaceNative({
      ensureAllAsync: async () => failure({ errno: os.constants.errno.EMFILE, syscall: 'open', subject: Subject.base }),
    });
    const outcomes = await BoxSockets.ensureAll([world.box('a'), world.box('b')]);
    expect(outcomes.map(({ error }) => error?.code)).toEqual(['EMFILE', 'EMFILE']);
    expect(outcomes.map(({ bindingDir }) => bindingDir)).toEqual([world.binding('a'), world.binding('b')]);
  });

  it('an answer for fewer or more boxes than were asked for is none', async () => {
    for (const answer of [[], [1, 1]]) {
      replaceNative({ ensureAllAsync: async () => answer, probe: () => answer.map(() => null) });
      await expect(BoxSockets.ensureAll([makeWorld().box('a')])).rejects.toThrow(/1 results/);
      const names = { names: ['x'], standardNames: false };
      expect(() => makeWorld().box('b', 'home', names).probeSync()).toThrow(/1 results/);
    }
  });
});

it('a box of which a name does not fit is refused by every operation that would use it, before the addon is asked', async () => {
  const world = makeWorld();
  const box = world.box('x'.repeat(60), 'home', { names: ['y'.repeat(64)] });
  const calls = recordNative();
  const operations: Record<string, () => unknown> = {
    ensure: () => box.ensure(),
    ensureSync: () => box.ensureSync(),
    ensureSyncWithOptions: () => box.ensureSync({ takeover: true }),
    hold: () => box.hold(),
    holdSync: () => box.holdSync(),
    claim: () => box.claim('a'),
    listen: () => box.listen(makeServer(), 'a'),
    connect: () => box.connect('a'),
  };
  const codes = Object.entries(operations).map(async ([name, call]) => {
    const error = await rejection((async () => call())());
    return [name, error.code, error.limit];
  });
  expect(await Promise.all(codes)).toEqual(
    Object.keys(operations).map((name) => [name, 'ERR_BOX_SOCKETS_PATH_TOO_LONG', 104]),
  );
  // A wrong argument is told first, for it would be wrong with any other box.
  expect(() => box.ensureSync({ takeover: 1 } as never)).toThrow(TypeError);
  expect(await rejection(box.ensure({ takeover: 1 } as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(calls).toEqual([]);
  // To remove one that another version has made, or to look, nothing has to fit.
  expect(await box.remove()).toEqual({ status: 'absent' });
});

it('an object that has ensured asks its own function from then on, for as long as nothing is said', () => {
  const box = makeWorld().box('b');
  const { ensurer } = native();
  const asked: unknown[][] = [];
  const counted: typeof ensurer = (...paths) => {
    const real = ensurer(...paths);
    if (real === undefined) return real;
    return ((...args: [number]) => {
      asked.push(args);
      return real(...args);
    }) as typeof real;
  };
  replaceNative({ ensurer: counted });
  const calls = recordNative();
  expect(box.ensureSync().status).toBe('created');
  const unchanged = box.ensureSync();
  expect(unchanged).toEqual({ status: 'unchanged', bindingDir: box.bindingDir });
  expect(asked).toEqual([[5000]]);
  // It is one object, which nobody can change for the next.
  expect(box.ensureSync()).toBe(unchanged);
  expect(Object.isFrozen(unchanged)).toBe(true);
  box.ensureSync({ takeover: false });
  expect(asked).toHaveLength(2);
  expect(calls.filter(([name]) => name === 'ensure')).toHaveLength(2);
  fs.unlinkSync(box.bindingDir);
  expect(box.ensureSync()).toEqual({ status: 'created', bindingDir: box.bindingDir });
  expect(asked).toHaveLength(3);
});

it.each(twins)('what inspect ($name) refuses has its own path, owner and mode', async ({ name }) => {
  const base = tempDir();
  const denied = failure({ errno: os.constants.errno.EACCES, syscall: 'openat', subject: Subject.parent });
  const answer = {
    base: { owner: 5, mode: 0o1777, failure: null },
    parent: { owner: 7, mode: 0o755, failure: denied },
  };
  replaceNative({ inspect: () => answer, inspectAsync: async () => answer });
  const found = await (name === 'sync' ? BoxSockets.inspectSync : BoxSockets.inspect)({ base, uid: 78 });
  const parent = `${base}/bl-78`;
  expect(found).toEqual({
    base: { path: base, ok: true, owner: 5, mode: 0o1777 },
    parent: {
      path: parent,
      ok: false,
      owner: 7,
      mode: 0o755,
      code: 'EACCES',
      message: `EACCES: permission denied, openat '${parent}'`,
    },
  });
});

it.each(twins)(
  'what list ($name) tells of an entry has no field that does not apply, and its sockets in order',
  async ({ name }) => {
    const base = tempDir();
    const entry = { target: '/proc/x', errno: 0, sockets: [] };
    const verdict = { judgement: 0, reason: 0, errno: 0 };
    const { EACCES, ETIMEDOUT } = os.constants.errno;
    const sockets = ['b', 'a', 'c/a'].map((socket) => ({ ...verdict, name: socket }));
    const answer = [
      { ...entry, id: 'idle', state: 1, sockets },
      { ...entry, id: 'late', state: 3, errno: ETIMEDOUT },
      { ...entry, id: 'late-file', state: 3, errno: ETIMEDOUT, target: null },
      { ...entry, id: 'denied', state: 3, errno: EACCES },
    ];
    replaceNative({ list: () => answer, listAsync: async () => answer });
    const found = await (name === 'sync' ? BoxSockets.listSync({ base }) : BoxSockets.list({ base }));
    const late = { state: 'unreadable', code: 'ETIMEDOUT', sockets: [] };
    expect(found).toEqual([
      {
        id: 'idle',
        target: '/proc/x',
        state: 'idle',
        sockets: ['a', 'b', 'c/a'].map((socket) => ({ name: socket, held: false })),
      },
      { ...late, id: 'late', target: '/proc/x', ...(process.platform === 'linux' && { mountPoint: '/proc' }) },
      { ...late, id: 'late-file', target: null },
      { id: 'denied', target: '/proc/x', state: 'unreadable', code: 'EACCES', sockets: [] },
    ]);
  },
);

it.each([null, 7, 'text', true])(
  'options that are %j are refused by every operation, before the addon is asked',
  async (options) => {
    const box = makeWorld().box('b');
    const calls = recordNative();
    const given = options as never;
    const operations = [
      () => box.ensure(given),
      () => box.ensureSync(given),
      () => box.remove(given),
      () => box.removeSync(given),
      () => box.hold(given),
      () => box.holdSync(given),
      () => box.claim('a', given),
      () => box.listen(makeServer(), 'a', given),
      () => box.connect('a', given),
      () => BoxSockets.sweepStale(given),
      () => BoxSockets.sweepStaleSync(given),
      () => BoxSockets.list(given),
      () => BoxSockets.listSync(given),
      () => BoxSockets.inspect(given),
      () => BoxSockets.inspectSync(given),
    ];
    const codes = operations.map(async (call) => (await rejection((async () => call())())).code);
    expect(await Promise.all(codes)).toEqual(operations.map(() => 'ERR_INVALID_ARG_TYPE'));
    expect(calls).toEqual([]);
  },
);
