// Sockets of which the cheap question tells too little, or the wrong thing: each with the real file system, user or
// process that makes it so.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BindingInfo, BoxSockets, probeSocketPath } from '../../../dist/index.js';
import { json, program } from '../../cli/run.js';
import {
  callInChild,
  holdSockets,
  isRoot,
  leaveDeadSocket,
  listen,
  makeDirOfBytes,
  makeWorld,
  missingFileServer,
  missingMount,
  missingPython,
  missingTool,
  missingUser,
  promise,
  rejection,
  run,
  serveFiles,
  tempDir,
  type World,
} from '../../helpers.js';

const IN_USE = 'ERR_BOX_SOCKETS_BINDING_IN_USE';

const listed = (world: World, id = 'b'): BindingInfo | undefined =>
  BoxSockets.listSync({ base: world.base }).find((entry) => entry.id === id);

/** What doctor finds in a home of one box whose directory of sockets is a link to that one. */
function findings(world: World, realDir: string): { severity: string; code: string; message: string }[] {
  const home = path.join(world.base, 'home-of-doctor');
  fs.mkdirSync(path.join(home, 'boxes/b'), { recursive: true });
  fs.symlinkSync(realDir, path.join(home, 'boxes/b/sockets'));
  return json(program(['doctor', '--json', '--home', home, '--base', world.base])).findings;
}

describe('a socket that is held behind another mount of the same home', () => {
  promise(
    missingFileServer ?? missingPython,
    'is unknown: it is not unlinked, its box is not robbed, and doctor does not call it well',
    async () => {
      const world = makeWorld();
      const behind = tempDir();
      await serveFiles(path.join(world.base, 'served'), behind);
      const box = world.box('b', 'served');
      box.ensureSync();
      const file = path.join(behind, 'b/sockets/box.sock');
      await holdSockets({ path: file, type: 'stream' });

      expect(listed(world)).toMatchObject({
        state: 'unreadable',
        sockets: [{ name: 'box.sock', held: 'unknown', reason: expect.stringContaining('another mount') }],
      });
      expect(await probeSocketPath(box.boxSock)).toMatchObject({
        code: 'EADDRINUSE',
        held: 'unknown',
        reason: expect.stringContaining('another mount'),
      });
      const server = net.createServer();
      expect(await rejection(box.listen(server, 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
      expect(await rejection(box.claim('box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
      expect(fs.lstatSync(file).isSocket()).toBe(true);
      const error = await rejection(world.box('b').ensure());
      expect(error).toMatchObject({ code: IN_USE, target: box.realDir, socket: 'box.sock', judgement: 'unknown' });
      expect(error.message).toContain('another mount');
      const found = findings(world, box.realDir);
      const unknown = found.find(({ code }) => code === 'liveness-unknown');
      expect(unknown).toMatchObject({ severity: 'warning', message: expect.stringContaining('another mount') });
      expect(await world.box('b').ensure({ takeover: true })).toMatchObject({ status: 'replaced' });
    },
  );

  promise(
    missingFileServer ?? missingPython,
    'is alive where the kernel lists it by the path of that mount',
    async () => {
      const world = makeWorld();
      await serveFiles(path.join(world.base, 'served'));
      const box = world.box('b', 'served');
      box.ensureSync();
      const holder = await holdSockets({ path: box.boxSock, type: 'stream' });
      expect(listed(world)).toMatchObject({ state: 'live', sockets: [{ name: 'box.sock', held: true }] });
      const error = await rejection(world.box('b').ensure());
      expect(error).toMatchObject({ code: IN_USE, judgement: 'alive', pid: holder.pid });
    },
  );
});

describe("a dead socket of root's in a user's home", () => {
  const USER = 65534;
  promise(missingUser(USER), 'is unknown, with its reason, and a takeover replaces the binding', () => {
    const base = tempDir();
    const [theirs, mine] = ['theirs', 'mine'].map((home) => path.join(base, home, 'b/sockets')) as [string, string];
    for (const directory of [theirs, mine]) fs.mkdirSync(directory, { recursive: true });
    leaveDeadSocket(path.join(theirs, 'box.sock'));
    fs.chmodSync(path.join(theirs, 'box.sock'), 0o600);
    for (const directory of [base, theirs, mine]) fs.chownSync(directory, USER, USER);

    const box = (realDir: string) => ({ id: 'b', realDir, options: { base } });
    const [first, list, second, third] = callInChild(
      [
        { box: box(theirs), method: 'ensureSync' },
        { method: 'listSync', args: [{ base }] },
        { box: box(mine), method: 'ensureSync' },
        { box: box(mine), method: 'ensureSync', args: [{ takeover: true }] },
      ],
      { uid: USER },
    );
    expect(first?.result).toMatchObject({ status: 'created' });
    expect(list?.result).toMatchObject([
      {
        state: 'unreadable',
        code: 'EACCES',
        sockets: [{ name: 'box.sock', held: 'unknown', reason: expect.stringContaining('EACCES') }],
      },
    ]);
    expect(second?.error).toMatchObject({ code: IN_USE, socket: 'box.sock', judgement: 'unknown' });
    expect(second?.error?.message).toContain('EACCES');
    expect(third?.result).toMatchObject({ status: 'replaced' });
    // Root, whose it is, knows.
    expect(isRoot).toBe(true);
    const root = new BoxSockets('b', theirs, { base });
    expect(fs.lstatSync(path.join(root.realDir, 'box.sock')).isSocket()).toBe(true);
  });
});

describe('a dead socket whose path is longer than an address', () => {
  /** As a program leaves it that goes into the directory and binds `name`. */
  function leaveDeadSocketIn(directory: string, name: string): void {
    const program = 'require("net").createServer().listen(process.argv[1], () => process.exit())';
    run(process.execPath, ['-e', program, name], { cwd: directory });
    expect(fs.lstatSync(path.join(directory, name)).isSocket()).toBe(true);
  }

  it("is dead: it is listed so, is in nobody's way, and is replaced", async () => {
    const world = makeWorld();
    const deep = makeDirOfBytes(path.join(world.base, 'deep'), 300);
    const box = new BoxSockets('b', deep, { base: world.base });
    box.ensureSync();
    // Too long even through the binding.
    const name = 'n'.repeat(100);
    for (const one of ['box.sock', name]) leaveDeadSocketIn(deep, one);
    expect(listed(world)).toMatchObject({
      state: 'idle',
      sockets: [
        { name: 'box.sock', held: false },
        { name, held: false },
      ],
    });
    expect(world.box('b').ensureSync().status).toBe('replaced');
    expect(box.ensureSync().status).toBe('replaced');
    expect(await box.claim('box.sock')).toBe(box.boxSock);
    expect(fs.existsSync(path.join(deep, 'box.sock'))).toBe(false);
  });

  promise(missingPython, 'is alive where a process holds it, by whatever path it came', async () => {
    const world = makeWorld();
    const deep = makeDirOfBytes(path.join(world.base, 'deep'), 300);
    const box = new BoxSockets('b', deep, { base: world.base });
    box.ensureSync();
    const holder = await holdSockets({ path: box.boxSock, type: 'stream' });
    const error = await rejection(world.box('b').ensure());
    expect(error).toMatchObject({
      code: IN_USE,
      target: deep,
      socket: 'box.sock',
      judgement: 'alive',
      pid: holder.pid,
    });
  });
});

describe('a live listener whose file was removed', () => {
  it('is listed as live, and its box is not robbed', async () => {
    const world = makeWorld();
    const theirs = world.box('b', 'theirs');
    const server = net.createServer();
    await theirs.listen(server, 'box.sock');
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    fs.unlinkSync(path.join(theirs.realDir, 'box.sock'));
    expect(listed(world)).toMatchObject({
      state: 'live',
      sockets: [{ name: 'box.sock', held: true, reason: expect.stringContaining('gone') }],
    });
    const box = world.box('b');
    const error = await rejection(box.ensure());
    expect(error).toMatchObject({ code: IN_USE, socket: 'box.sock', judgement: 'alive', pid: process.pid });
    expect(error.message).toContain('its file is gone');
    expect(fs.readlinkSync(box.bindingDir)).toBe(theirs.realDir);
    const lost = findings(world, theirs.realDir).find(({ code }) => code === 'socket-lost');
    expect(lost).toMatchObject({ severity: 'error', message: expect.stringContaining('box.sock') });
  });

  it('speaks for its link where the whole home was removed', async () => {
    const world = makeWorld();
    const theirs = world.box('b', 'theirs');
    const server = net.createServer();
    await theirs.listen(server, 'box.sock');
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    fs.rmSync(path.join(world.base, 'theirs'), { recursive: true });
    expect(BoxSockets.sweepStaleSync({ base: world.base })).toEqual({ removed: [], kept: 1, skipped: [] });
    expect(await rejection(world.box('b').ensure())).toMatchObject({ code: IN_USE, judgement: 'alive' });
  });
});

describe('a socket one directory down', () => {
  it('is seen: its box lives, and is not robbed', async () => {
    const world = makeWorld();
    const theirs = world.box('b', 'theirs');
    theirs.ensureSync();
    fs.mkdirSync(path.join(theirs.realDir, 'pool'));
    const seen = await listen(path.join(theirs.bindingDir, 'pool/w.sock'));
    expect(listed(world)).toMatchObject({ state: 'live', sockets: [{ name: 'pool/w.sock', held: true }] });
    const error = await rejection(world.box('b').ensure());
    expect(error).toMatchObject({ code: IN_USE, socket: 'pool/w.sock', judgement: 'alive', pid: process.pid });
    expect(seen.connections).toBe(0);
  });

  it('that lies deeper than anybody looks is unknown', async () => {
    const world = makeWorld();
    const theirs = world.box('b', 'theirs');
    theirs.ensureSync();
    const deep = path.join(theirs.realDir, 'a/b/c/d');
    fs.mkdirSync(deep, { recursive: true });
    expect(await rejection(world.box('b').ensure())).toMatchObject({ code: IN_USE, judgement: 'unknown' });
  });
});

describe('two ids that differ by case alone', () => {
  const missingNtfs =
    missingMount() ?? missingTool('lowntfs-3g', ['--version']) ?? (fs.existsSync('/dev/fuse') ? null : 'no /dev/fuse');

  /** A world on a file system that ignores case: NTFS, which a program serves. */
  function caselessWorld(): World {
    const base = path.join(tempDir(), 'm');
    const image = path.join(tempDir(), 'ntfs.img');
    fs.mkdirSync(base);
    fs.writeFileSync(image, '');
    fs.truncateSync(image, 8 << 20);
    run('mkntfs', ['-q', '-F', image], { stdio: 'ignore' });
    run('lowntfs-3g', ['-o', 'ignore_case,permissions', image, base]);
    onTestFinished(() => void run('umount', [base]));
    fs.chmodSync(base, 0o700);
    fs.mkdirSync(path.join(base, 'here'), { mode: 0o700 });
    return makeWorld(path.join(base, 'here'));
  }

  promise(missingNtfs, 'do not rob each other where the file system takes them for one', async () => {
    const world = caselessWorld();
    // NTFS's server shows each name in small letters, as whose it is taken.
    const [first, second] = [world.box('web', 'h1'), world.box('Web', 'h2')];
    expect(first.ensureSync().status).toBe('created');
    const refused = { code: 'ERR_BOX_SOCKETS_ID_TAKEN', path: second.bindingDir };
    expect(await rejection(second.ensure())).toMatchObject(refused);
    expect(await rejection(second.ensure({ takeover: true }))).toMatchObject(refused);
    expect(second.removeSync()).toEqual({ status: 'foreign' });
    expect(fs.readlinkSync(first.bindingDir)).toBe(first.realDir);
    expect(first.ensureSync().status).toBe('unchanged');
    expect(first.removeSync()).toEqual({ status: 'removed' });
    expect(second.ensureSync().status).toBe('created');
  });

  it('are two boxes elsewhere', () => {
    const world = makeWorld();
    for (const id of ['Web', 'web']) expect(world.box(id, id).ensureSync().status).toBe('created');
    expect(world.box('Web', 'Web').ensureSync().status).toBe('unchanged');
  });
});
