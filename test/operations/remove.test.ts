import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  isRoot,
  leaveDeadSocket,
  listen,
  makeWorld,
  promise,
  rejection,
  run,
  snapshot,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

describe.each(twins)('remove ($name)', (twin) => {
  it('unlinks the binding, and leaves the parent, the real directory and all that is in it', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    await listen(box.boxSock);
    const before = snapshot(box.realDir);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'other']);
    expect(snapshot(box.realDir)).toEqual(before);
    expect(await twin.remove(box)).toEqual({ status: 'absent' });
  });

  it('knows its own binding by the directory to which it leads, not by its spelling', async () => {
    const world = usedWorld();
    const box = world.box('b');
    fs.symlinkSync(`${box.realDir}/../sockets`, box.bindingDir);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
    fs.symlinkSync('../home/b/sockets', box.bindingDir);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
  });

  it('takes a link that dangles, for the home is usually removed first', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    fs.rmSync(path.dirname(box.realDir), { recursive: true });
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
    fs.writeFileSync(path.join(world.base, 'file'), '');
    fs.symlinkSync(`${world.base}/file/below`, box.bindingDir);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
  });

  it.each<[string, (world: World, box: BoxSockets) => unknown]>([
    ['leads to another home', (world, box) => fs.symlinkSync(world.realDir('b', 'theirs'), box.bindingDir)],
    [
      'leads to another home, while our own is gone',
      (world, box) => {
        fs.symlinkSync(world.realDir('b', 'theirs'), box.bindingDir);
        fs.rmSync(box.realDir, { recursive: true });
      },
    ],
    ['leads to a file', ({ parent }, box) => fs.symlinkSync(path.join(parent, '.lock'), box.bindingDir)],
    ['loops', (_, box) => fs.symlinkSync(box.bindingDir, box.bindingDir)],
    ['is a file', (_, box) => fs.writeFileSync(box.bindingDir, 'precious')],
    ['is a directory', (_, box) => fs.mkdirSync(box.bindingDir)],
    ['is a fifo', (_, box) => run('mkfifo', [box.bindingDir])],
    ['is a socket', (_, box) => leaveDeadSocket(box.bindingDir)],
  ])('leaves alone what %s', async (_, make) => {
    const world = usedWorld();
    const box = world.box('b');
    make(world, box);
    const before = snapshot(world.base);
    expect(await twin.remove(box)).toEqual({ status: 'foreign' });
    expect(snapshot(world.base)).toEqual(before);
  });

  it('never fails for something that is missing, and makes nothing', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const before = snapshot(world.base);
    expect(await twin.remove(box)).toEqual({ status: 'absent' });
    const nowhere = new BoxSockets('b', '/nonexistent', { base: path.join(world.base, 'nowhere') });
    expect(await twin.remove(nowhere)).toEqual({ status: 'absent' });
    expect(snapshot(world.base)).toEqual(before);
  });

  it('does not mind a name that is too long to bind', async () => {
    const world = usedWorld();
    const box = world.box('x'.repeat(128));
    fs.symlinkSync(box.realDir, box.bindingDir);
    expect(await twin.remove(box)).toEqual({ status: 'removed' });
  });

  it.each<[string, string, (world: World) => unknown]>([
    ['a base that others may write to', 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', ({ base }) => fs.chmodSync(base, 0o777)],
    [
      'a parent that is a link',
      'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
      ({ parent }) => fs.renameSync(parent, `${parent}x`) ?? fs.symlinkSync(`${parent}x`, parent),
    ],
    [
      'a lock file that is a link',
      'ERR_BOX_SOCKETS_LOCK_UNTRUSTED',
      ({ parent }) => fs.renameSync(`${parent}/.lock`, `${parent}/.l`) ?? fs.symlinkSync('.l', `${parent}/.lock`),
    ],
  ])('refuses %s', async (_, code, make) => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    make(world);
    const before = snapshot(world.base);
    expect(await rejection(twin.remove(box))).toMatchObject({ name: 'BoxSocketsError', code });
    expect(snapshot(world.base)).toEqual(before);
  });

  promise(isRoot ? null : 'not run as root', "refuses another user's parent", async () => {
    const world = usedWorld();
    fs.chownSync(world.parent, 1234, 1234);
    const before = snapshot(world.base);
    expect(await rejection(twin.remove(world.box('other')))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
      owner: 1234,
      expected: 0,
    });
    expect(snapshot(world.base)).toEqual(before);
  });

  it('refuses wrong options before it touches anything', async () => {
    const world = usedWorld();
    const box = world.box('other');
    expect(await rejection(twin.remove(box, { lockTimeout: -1 }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await rejection(twin.remove(box, null as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(fs.existsSync(box.bindingDir)).toBe(true);
  });
});
