import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  callInChild,
  isRoot,
  leaveDeadSocket,
  listen,
  makeDirOfBytes,
  makeWorld,
  modeOf,
  ownUid,
  rejection,
  snapshot,
  tempDir,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

describe.each(twins)('ensure ($name)', (twin) => {
  it('makes the parent, and a link that leads to the real directory', async () => {
    const world = makeWorld();
    const box = world.box('b');
    expect(await twin.ensure(box)).toEqual({ status: 'created', bindingDir: world.binding('b') });
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    expect(modeOf(world.parent)).toBe('700');
    expect(fs.readdirSync(world.parent)).toEqual(['b']);
  });

  it('changes nothing where the binding is right', async () => {
    const world = makeWorld();
    const box = world.box('b');
    await twin.ensure(box);
    const before = snapshot(world.base);
    for (let i = 0; i < 3; i++) {
      expect(await twin.ensure(box)).toEqual({ status: 'unchanged', bindingDir: box.bindingDir });
    }
    expect(await twin.ensure(world.box('b'), { takeover: true })).toMatchObject({ status: 'unchanged' });
    expect(snapshot(world.base)).toEqual(before);
  });

  it.each(['by a symlinked home', 'by ..', 'by a relative link', 'by a chain of links'])(
    'leaves a link alone that leads to the same directory %s',
    async (way) => {
      const world = usedWorld();
      const real = world.realDir('b');
      fs.symlinkSync('home', path.join(world.base, 'alias'));
      fs.symlinkSync(world.realDir('b'), path.join(world.parent, '.hop'));
      const targets: Record<string, string> = {
        'by a symlinked home': path.join(world.base, 'alias/b/sockets'),
        'by ..': `${real}/../sockets`,
        'by a relative link': '../home/b/sockets',
        'by a chain of links': '.hop',
      };
      fs.symlinkSync(targets[way] ?? '', world.binding('b'));
      const before = snapshot(world.base);
      expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'unchanged' });
      expect(snapshot(world.base)).toEqual(before);
    },
  );

  it.each([0o755, 0o711, 0o777, 0o1700, 0o2700, 0o500, 0o000])('repairs a parent of mode %o', async (mode) => {
    const world = usedWorld();
    fs.chmodSync(world.parent, mode);
    expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'created' });
    expect(modeOf(world.parent)).toBe('700');
    fs.chmodSync(world.parent, mode);
    expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'unchanged' });
    expect(modeOf(world.parent)).toBe('700');
  });

  it('sees that the parent was opened or the link was moved since the last call', async () => {
    const world = makeWorld();
    const box = world.box('b');
    await twin.ensure(box);
    fs.chmodSync(world.parent, 0o755);
    await twin.ensure(box);
    expect(modeOf(world.parent)).toBe('700');
    fs.unlinkSync(box.bindingDir);
    expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
    fs.rmSync(world.parent, { recursive: true });
    expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
    fs.chmodSync(world.base, 0o777);
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED' });
    fs.chmodSync(world.base, 0o700);
    fs.rmSync(box.realDir, { recursive: true });
    expect(await rejection(twin.ensure(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR' });
  });

  it.each<[string, (world: World) => string]>([
    ['dangles', () => '/nonexistent/sockets'],
    ['dangles below a file', ({ base }) => `${fs.writeFileSync(path.join(base, 'f'), '') ?? ''}${base}/f/sockets`],
    ['loops', ({ binding }) => binding('b')],
    ['leads to a file', ({ base }) => `${fs.writeFileSync(path.join(base, 'f'), '') ?? ''}${base}/f`],
    ['leads to an idle directory', ({ realDir }) => realDir('b', 'otherhome')],
  ])('replaces a link that %s', async (_, targetIn) => {
    const world = usedWorld();
    const target = targetIn(world);
    fs.symlinkSync(target, world.binding('b'));
    const box = world.box('b');
    expect(await twin.ensure(box)).toEqual({ status: 'replaced', bindingDir: box.bindingDir });
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });

  it('is not hindered by a dead socket in the old directory, nor by a live one beside it', async () => {
    const world = usedWorld();
    const old = world.realDir('b', 'oldhome');
    leaveDeadSocket(path.join(old, 'box.sock'));
    await listen(path.join(old, '..', 'beside.sock'));
    fs.symlinkSync(old, world.binding('b'));
    expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'replaced' });
    expect(fs.readdirSync(old)).toEqual(['box.sock']);
  });

  it('replaces the link that a killed replacement left behind', async () => {
    const world = usedWorld();
    fs.symlinkSync('/nonexistent', world.binding('b'));
    fs.symlinkSync('/elsewhere', path.join(world.parent, '.b.new'));
    expect(await twin.ensure(world.box('b'))).toMatchObject({ status: 'replaced' });
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });

  it('shares a parent with bindings that somebody else made, without a lock file', async () => {
    const world = makeWorld();
    const theirs = world.realDir('theirs', 'boxlite');
    fs.mkdirSync(world.parent, { mode: 0o700 });
    fs.symlinkSync(theirs, world.binding('theirs'));
    const before = snapshot(world.binding('theirs'));
    expect(await twin.ensure(world.box('theirs', 'boxlite'))).toMatchObject({ status: 'unchanged' });
    await twin.ensure(world.box('ours'));
    expect(snapshot(world.binding('theirs'))).toEqual(before);
  });
});

describe.each(twins)('ensure ($name) accepts', (twin) => {
  it('a real directory of 4,095 bytes, and sockets bind in it', async () => {
    const world = makeWorld();
    const real = makeDirOfBytes(path.join(world.base, 'deep'), 4095);
    const box = new BoxSockets('b', real, { base: world.base });
    expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
    expect(await twin.probe(box)).toMatchObject({ ok: true });
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
  });

  it('a real directory with a slash at its end, or none but links on the way', async () => {
    const world = makeWorld();
    fs.symlinkSync(world.realDir('b'), path.join(world.base, 'link'));
    for (const real of [`${world.realDir('b')}//`, `${world.base}/link`, `${world.base}/link/`]) {
      await twin.ensure(new BoxSockets('b', real, { base: world.base }));
      expect(fs.realpathSync.native(world.binding('b'))).toBe(fs.realpathSync.native(world.realDir('b')));
    }
  });

  it('a real directory that is relative, wherever the process goes afterwards', () => {
    const world = makeWorld();
    world.realDir('b');
    const box = { id: 'b', realDir: 'home/b/sockets', options: { base: world.base } };
    const method = twin.name === 'sync' ? 'ensureSync' : 'ensure';
    const [called] = callInChild([{ box, method }], { cwd: world.base });
    expect(called?.result).toMatchObject({ status: 'created' });
    expect(fs.readlinkSync(world.binding('b'))).toBe(path.join(fs.realpathSync(world.base), 'home/b/sockets'));
  });

  it.each([0o1777, 0o1770, 0o755, 0o711, 0o500])('a base of mode %o', async (mode) => {
    if (mode === 0o500 && !isRoot) return;
    const world = makeWorld();
    const box = world.box('b');
    fs.chmodSync(world.base, mode);
    expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
    expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    expect(modeOf(world.base)).toBe(mode.toString(8));
  });

  it('a base through a link, as /tmp is one on macOS', async () => {
    const world = makeWorld();
    const base = path.join(tempDir(), 'l');
    fs.symlinkSync(world.base, base);
    const box = world.box('b', undefined, { base });
    expect(await twin.ensure(box)).toEqual({ status: 'created', bindingDir: `${base}/bl-${ownUid}/b` });
    expect(fs.readlinkSync(world.binding('b'))).toBe(box.realDir);
  });

  it('the parent of another uid by name: ownership is checked against the caller', async () => {
    const world = makeWorld();
    const box = world.box('b', undefined, { uid: 4242 });
    expect(await twin.ensure(box)).toEqual({ status: 'created', bindingDir: `${world.base}/bl-4242/b` });
    expect(fs.statSync(box.parentDir).uid).toBe(ownUid);
  });

  it('a real directory that lies within another box, or is the root', async () => {
    const world = makeWorld();
    await twin.ensure(world.box('outer'));
    fs.mkdirSync(path.join(world.binding('outer'), 'inner'));
    const inner = new BoxSockets('inner', path.join(world.binding('outer'), 'inner'), { base: world.base });
    expect(await twin.ensure(inner)).toMatchObject({ status: 'created' });
    const root = new BoxSockets('root', '/', { base: world.base });
    expect(await twin.ensure(root)).toMatchObject({ status: 'created' });
    expect(fs.statSync(root.bindingDir).ino).toBe(fs.statSync('/').ino);
  });

  it.runIf(process.platform === 'linux')(
    'no real directory behind so many links that one more is too many',
    async () => {
      const world = usedWorld();
      let real = world.realDir('b');
      for (let i = 0; i < 40; i++) {
        fs.symlinkSync(real, path.join(world.base, `l${i}`));
        real = path.join(world.base, `l${i}`);
      }
      const box = new BoxSockets('b', real, { base: world.base });
      const before = snapshot(world.base);
      expect(await rejection(twin.ensure(box))).toMatchObject({ name: 'BoxSocketsError', code: 'ELOOP' });
      const { [world.parent]: parentBefore, ...entriesBefore } = before;
      const { [world.parent]: parentAfter, ...entriesAfter } = snapshot(world.base);
      expect(entriesAfter).toEqual(entriesBefore);
      expect([parentBefore, parentAfter]).not.toContain(undefined);
    },
  );
});
