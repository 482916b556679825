import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  fixtures,
  holdSockets,
  isRoot,
  leaveDeadSocket,
  listen,
  makeWorld,
  missingPython,
  ownUid,
  promise,
  rejection,
  run,
  snapshot,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

/** A parent that holds one entry of each kind; `other` leads somewhere. */
function mixedWorld(): World {
  const world = usedWorld();
  const link = (target: string, name: string): void => fs.symlinkSync(target, path.join(world.parent, name));
  fs.writeFileSync(path.join(world.base, 'file'), '');
  link(world.realDir('gone'), 'gone');
  fs.rmSync(world.realDir('gone'), { recursive: true });
  link(`${world.base}/file/below`, 'below-a-file');
  link('gone', 'through-another');
  link('../home/other/sockets', 'relative');
  link(`${world.base}/file`, 'to-a-file');
  link('loop', 'loop');
  link('/nonexistent', '.killed.new');
  link(world.realDir('other'), '.killed-2.new');
  link('/nonexistent', '.hidden');
  link('/nonexistent', '.new');
  link('/nonexistent', 'plain.new');
  fs.writeFileSync(path.join(world.parent, 'a-file'), 'precious');
  fs.writeFileSync(path.join(world.parent, '.file.new'), 'precious');
  fs.mkdirSync(path.join(world.parent, 'a-directory/inside'), { recursive: true });
  run('mkfifo', [path.join(world.parent, 'a-fifo')]);
  return world;
}

const GOES = ['.killed-2.new', '.killed.new', 'below-a-file', 'gone', 'plain.new', 'through-another'];

describe.each(twins)('sweepStale ($name)', (twin) => {
  it('takes what is proven gone and what a killed replacement left, and nothing else', async () => {
    const world = mixedWorld();
    const before = fs.readdirSync(world.parent);
    const stays = before.filter((name) => !GOES.includes(name));
    const { [world.parent]: _, ...untouched } = Object.fromEntries(
      Object.entries(snapshot(world.base)).filter(([file]) => !GOES.includes(path.basename(file))),
    );
    const result = await twin.sweepStale({ base: world.base });
    expect({ ...result, removed: result.removed.sort() }).toEqual({
      removed: GOES,
      kept: 3,
      skipped: [{ name: 'loop', code: 'ELOOP' }],
    });
    expect(fs.readdirSync(world.parent)).toEqual(stays);
    expect(snapshot(world.base)).toMatchObject(untouched);
    expect(await twin.sweepStale({ base: world.base })).toEqual({ ...result, removed: [] });
  });

  it('says what it would take, and changes nothing, in a dry run', async () => {
    const world = mixedWorld();
    fs.chmodSync(world.parent, 0o755);
    const before = snapshot(world.base);
    const dry = await twin.sweepStale({ base: world.base, dryRun: true });
    expect(snapshot(world.base)).toEqual(before);
    const wet = await twin.sweepStale({ base: world.base });
    expect({ ...dry, removed: dry.removed.sort() }).toEqual({ ...wet, removed: wet.removed.sort() });
  });

  it('finds nothing in a parent or a base that is missing, and makes none', async () => {
    const world = makeWorld();
    const nothing = { removed: [], kept: 0, skipped: [] };
    for (const dryRun of [false, true]) {
      expect(await twin.sweepStale({ base: world.base, dryRun })).toEqual(nothing);
      expect(await twin.sweepStale({ base: `${world.base}/nowhere`, dryRun })).toEqual(nothing);
    }
    expect(fs.readdirSync(world.base)).toEqual([]);
  });

  it('looks into the parent of the uid that is named', async () => {
    const world = makeWorld();
    fs.mkdirSync(path.join(world.base, 'bl-77'), { mode: 0o700 });
    fs.symlinkSync('/nonexistent', path.join(world.base, 'bl-77/b'));
    expect(await twin.sweepStale({ base: world.base })).toMatchObject({ removed: [] });
    expect(await twin.sweepStale({ base: world.base, uid: 77 })).toMatchObject({ removed: ['b'] });
  });

  it('takes a thousand at once', async () => {
    const world = usedWorld();
    for (let i = 0; i < 1000; i++) fs.symlinkSync(i % 2 === 0 ? '/nonexistent' : '.', path.join(world.parent, `b${i}`));
    const { removed, kept, skipped } = await twin.sweepStale({ base: world.base });
    expect([new Set(removed).size, kept, skipped]).toEqual([500, 501, []]);
    expect(fs.readdirSync(world.parent)).toHaveLength(502);
  });

  it('does not take a link whose home comes back before the sweep', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    fs.renameSync(`${world.base}/home/b`, `${world.base}/home/away`);
    expect(await twin.sweepStale({ base: world.base, dryRun: true })).toMatchObject({ removed: ['b'] });
    fs.renameSync(`${world.base}/home/away`, `${world.base}/home/b`);
    expect(await twin.sweepStale({ base: world.base })).toMatchObject({ removed: [], kept: 2 });
  });
});

describe.each(twins)('list ($name)', (twin) => {
  it('describes every entry that does not begin with a dot, and changes nothing', async () => {
    const world = mixedWorld();
    const live = world.box('live');
    live.ensureSync();
    const seen = await listen(live.readySock);
    leaveDeadSocket(live.boxSock);
    fs.writeFileSync(path.join(live.realDir, 'no-socket'), '');
    const before = snapshot(world.base);
    const infos = await twin.list({ base: world.base });
    expect(snapshot(world.base)).toEqual(before);
    const about = Object.fromEntries(infos.map(({ id, ...info }) => [id, info]));
    for (const info of infos) info.sockets.sort((a, b) => (a.name < b.name ? -1 : 1));
    const none: unknown[] = [];
    expect(about).toEqual({
      'a-directory': { target: null, state: 'not-a-symlink', sockets: none },
      'a-fifo': { target: null, state: 'not-a-symlink', sockets: none },
      'a-file': { target: null, state: 'not-a-symlink', sockets: none },
      'below-a-file': { target: `${world.base}/file/below`, state: 'dangling', sockets: none },
      gone: { target: `${world.base}/home/gone/sockets`, state: 'dangling', sockets: none },
      live: {
        target: live.realDir,
        state: 'live',
        sockets: [
          { name: 'box.sock', held: false },
          { name: 'ready.sock', held: true },
        ],
      },
      loop: { target: 'loop', state: 'unreadable', code: 'ELOOP', sockets: none },
      other: { target: `${world.base}/home/other/sockets`, state: 'idle', sockets: none },
      'plain.new': { target: '/nonexistent', state: 'dangling', sockets: none },
      relative: { target: '../home/other/sockets', state: 'idle', sockets: none },
      'through-another': { target: 'gone', state: 'dangling', sockets: none },
      'to-a-file': { target: `${world.base}/file`, state: 'unreadable', code: 'ENOTDIR', sockets: none },
    });
    expect(seen.connections).toBe(0);
  });

  promise(missingPython, 'tells held datagram sockets from dead ones, and idle boxes from live ones', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const file = (name: string): string => path.join(box.realDir, name);
    const holder = await holdSockets(
      { path: file('net.sock'), type: 'dgram' },
      { path: file('peer.sock'), type: 'connected-dgram' },
      { path: file('box.sock'), type: 'stream' },
    );
    const state = async () => (await twin.list({ base: world.base })).find(({ id }) => id === 'b');
    expect(await state()).toMatchObject({ state: 'live' });
    expect((await state())?.sockets.map(({ held }) => held)).toEqual([true, true, true]);
    await holder.end();
    expect(await state()).toMatchObject({ state: 'idle' });
    expect((await state())?.sockets.map(({ held }) => held)).toEqual([false, false, false]);
  });

  it('finds nothing in a parent or a base that is missing, and makes none', async () => {
    const world = makeWorld();
    expect(await twin.list({ base: world.base })).toEqual([]);
    expect(await twin.list({ base: `${world.base}/nowhere` })).toEqual([]);
    expect(fs.readdirSync(world.base)).toEqual([]);
  });
});

describe.each(twins)('sweepStale and list ($name)', (twin) => {
  const operations = [
    ['sweepStale', (options?: object) => twin.sweepStale(options)],
    ['list', (options?: object) => twin.list(options)],
  ] as const;

  describe.each(operations)('%s', (_, operation) => {
    it.each<[string, string, (world: World) => unknown]>([
      ['a base that others may write to', 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', ({ base }) => fs.chmodSync(base, 0o777)],
      [
        'a parent that is a link',
        'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
        ({ parent }) => fs.renameSync(parent, `${parent}x`) ?? fs.symlinkSync(`${parent}x`, parent),
      ],
      [
        'a parent that is a file',
        'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
        ({ parent }) => fs.rmSync(parent, { recursive: true }) ?? fs.writeFileSync(parent, ''),
      ],
    ])('refuses %s', async (_, code, make) => {
      const world = usedWorld();
      make(world);
      const before = snapshot(world.base);
      expect(await rejection(operation({ base: world.base }))).toMatchObject({ name: 'BoxSocketsError', code });
      expect(snapshot(world.base)).toEqual(before);
    });

    promise(isRoot ? null : 'not run as root', "refuses another user's parent", async () => {
      const world = usedWorld();
      fs.symlinkSync('/nonexistent', world.binding('b'));
      fs.chownSync(world.parent, 1234, 1234);
      const before = snapshot(world.base);
      expect(await rejection(operation({ base: world.base }))).toMatchObject({
        code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
        path: world.parent,
        owner: 1234,
        expected: ownUid,
      });
      expect(snapshot(world.base)).toEqual(before);
    });

    it.each([
      [{ base: 'relative' }, 'ERR_INVALID_ARG_VALUE'],
      [{ base: 7 }, 'ERR_INVALID_ARG_TYPE'],
      [{ uid: -1 }, 'ERR_INVALID_ARG_VALUE'],
      [{ uid: '0' }, 'ERR_INVALID_ARG_TYPE'],
      [null, 'ERR_INVALID_ARG_TYPE'],
      ['/tmp', 'ERR_INVALID_ARG_TYPE'],
    ])('refuses the options %j', async (options, code) => {
      expect(await rejection(operation(options as never))).toMatchObject({ name: 'TypeError', code });
    });
  });

  it.each([
    [{ dryRun: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ lockTimeout: -1 }, 'ERR_INVALID_ARG_VALUE'],
  ])('sweepStale refuses the options %j', async (options, code) => {
    const error = await rejection(twin.sweepStale({ base: '/nonexistent', ...options } as never));
    expect(error).toMatchObject({ name: 'TypeError', code });
  });
});

describe('a sweep', () => {
  const unmeasured =
    process.env.ASAN_OPTIONS !== undefined
      ? 'a sanitizer keeps what is freed'
      : process.platform !== 'linux'
        ? 'not Linux'
        : null;
  promise(unmeasured, 'uses no more memory the more it keeps', () => {
    const shared = fs.existsSync('/dev/shm') ? fs.mkdtempSync('/dev/shm/bs-') : fs.mkdtempSync('/tmp/bs-');
    onTestFinished(() => void run('rm', ['-rf', shared]));
    const parent = path.join(shared, `bl-${ownUid}`);
    fs.mkdirSync(parent, { mode: 0o700 });
    const growth = (from: number, to: number): number => {
      for (let i = from; i < to; i++) fs.symlinkSync('.', path.join(parent, `${'x'.repeat(100)}-${i}`));
      const sweep = JSON.parse(run(process.execPath, [path.join(fixtures, 'sweep-memory.js'), shared]));
      expect(sweep).toMatchObject({ kept: to });
      return sweep.growth as number;
    };
    const [few, many] = [growth(0, 1000), growth(1000, 100_000)];
    // In KiB. Eight bytes for each link would be 800, and the names are 10,000.
    expect(many - few).toBeLessThan(400);
  });

  it('keeps the id of a box that never was one of ours', () => {
    const world = usedWorld();
    const named = path.join(world.parent, Buffer.from('nämlich 📦').toString());
    fs.symlinkSync('.', named);
    expect(BoxSockets.sweepStaleSync({ base: world.base })).toMatchObject({ removed: [], kept: 2 });
    expect(BoxSockets.listSync({ base: world.base }).map(({ id }) => id)).toContain('nämlich 📦');
  });
});
