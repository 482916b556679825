import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BoxSockets } from '../../dist/index.js';
import { expectDescriptors, openDescriptors } from '../helpers/descriptors.js';
import { isLocked, lockExclusively, missingFlock } from '../helpers/flock.js';
import { answerOf, closed, closedBehindOurBack, makeServer, received } from '../helpers/net.js';
import {
  dist,
  fixtures,
  holdSockets,
  leaveDeadSocket,
  makeWorld,
  missingMount,
  missingPython,
  missingTool,
  missingUser,
  mount,
  promise,
  rejection,
  run,
  snapshot,
  start,
} from '../helpers.js';

const modeOf = (file: string): number => fs.lstatSync(file).mode & 0o7777;
const inodeOf = (file: string): bigint => fs.lstatSync(file, { bigint: true }).ino;
const greeting = (text: string) => (socket: net.Socket) => void socket.end(text);

/** The path of a socket as it lies in the real directory. */
const realPath = (box: BoxSockets, name: string): string => path.join(box.realDir, name);

describe('listen', () => {
  it('serves through the binding, from a socket file in the real directory that is gone after the close', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const server = makeServer(greeting('hello'));
    await box.listen(server, 'box.sock');
    expect(server.listening).toBe(true);
    expect(server.address()).toBeNull();
    expect(fs.lstatSync(realPath(box, 'box.sock')).isSocket()).toBe(true);
    expect(await answerOf(box.boxSock)).toBe('hello');
    await closed(server);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
    expect(await answerOf(box.boxSock)).toBe('ENOENT');
  });

  it('makes nothing outside where the box has planted a link in its place', async () => {
    const world = makeWorld();
    const box = world.box('b');
    box.ensureSync();
    const outside = path.join(world.base, 'outside');
    fs.mkdirSync(outside);
    for (const target of [path.join(outside, 'box.sock'), '../../../outside/box.sock', outside]) {
      fs.symlinkSync(target, realPath(box, 'box.sock'));
      const before = snapshot(box.realDir);
      const error = await rejection(box.listen(makeServer(), 'box.sock'));
      expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', path: box.boxSock });
      expect(snapshot(box.realDir)).toEqual(before);
      expect(fs.readdirSync(outside)).toEqual([]);
      fs.unlinkSync(realPath(box, 'box.sock'));
    }
  });

  it('gives the socket file exactly its mode, 0600 when none is given, whatever the umask', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const umask = process.umask();
    onTestFinished(() => {
      process.umask(umask);
    });
    for (const mask of [0, 0o022, 0o277, 0o777]) {
      for (const mode of [undefined, 0, 0o600, 0o660, 0o777]) {
        process.umask(mask);
        const server = makeServer();
        await box.listen(server, 'box.sock', mode === undefined ? {} : { mode });
        process.umask(umask);
        expect(modeOf(realPath(box, 'box.sock'))).toBe(mode ?? 0o600);
        expect(modeOf(world.parent)).toBe(0o700);
        await closed(server);
      }
      fs.rmSync(world.parent, { recursive: true });
    }
  });

  promise(missingUser(1234), 'lets another user in where the mode says so, and else not', async () => {
    const world = makeWorld();
    // The socket's own mode decides: the way to it is open.
    for (const directory of [world.base, path.join(world.base, 'home'), path.join(world.base, 'home', 'b')]) {
      fs.mkdirSync(directory, { recursive: true });
      fs.chmodSync(directory, 0o755);
    }
    const box = world.box('b');
    const dial = `require('net').connect(process.argv[1])
      .once('error', (e) => console.log(e.code)).once('data', (d) => { console.log(String(d)); process.exit(); })`;
    for (const [mode, answer] of [
      [0o600, 'EACCES'],
      [0o666, 'hello'],
    ] as const) {
      const server = makeServer(greeting('hello'));
      await box.listen(server, 'box.sock', { mode });
      const child = await start(process.execPath, ['-e', dial, realPath(box, 'box.sock')], { uid: 1234, gid: 1234 });
      expect(child.firstLine).toBe(answer);
      await closed(server);
    }
  });

  promise(missingTool('ss', ['-V']), 'passes the backlog on, 511 when none is given', async () => {
    const box = makeWorld().box('b');
    for (const backlog of [undefined, 1, 7]) {
      const server = makeServer();
      await box.listen(server, 'box.sock', backlog === undefined ? {} : { backlog });
      const [line = ''] = run('ss', ['-Hxl', 'src', box.boxSock]).split('\n');
      expect(line.split(/\s+/)[3]).toBe(String(backlog ?? 511));
      await closed(server);
    }
  });

  it('leaves a server half open where it allows that, and else not', async () => {
    const box = makeWorld().box('b');
    for (const allowHalfOpen of [true, false]) {
      const server = makeServer(
        (socket) => {
          socket.resume().once('end', () => setImmediate(() => socket.writable && socket.end('still here')));
        },
        { allowHalfOpen },
      );
      await box.listen(server, 'box.sock');
      const client = net.connect({ path: box.boxSock, allowHalfOpen: true });
      client.end('bye');
      expect(await received(client)).toBe(allowHalfOpen ? 'still here' : '');
      await closed(server);
    }
  });

  it('takes servers of other kinds', async () => {
    const box = makeWorld().box('b');
    const server = http.createServer((_, response) => response.end('over http'));
    await box.listen(server, 'box.sock');
    const response = await new Promise<http.IncomingMessage>((resolve) => {
      http.get({ socketPath: box.boxSock, agent: false }, resolve);
    });
    expect(await received(response as unknown as net.Socket)).toBe('over http');
    await closed(server);
    expect(fs.existsSync(realPath(box, 'box.sock'))).toBe(false);
  });

  it('lets one server have several names one after another, and several servers one name each', async () => {
    const box = makeWorld().box('b');
    const server = makeServer(greeting('one'));
    const other = makeServer(greeting('other'));
    await box.listen(other, 'ready.sock');
    for (const name of ['box.sock', 'ssh.sock', 'box.sock']) {
      await box.listen(server, name);
      expect(fs.readdirSync(box.realDir).sort()).toEqual([name, 'ready.sock'].sort());
      expect(await answerOf(box.socket(name))).toBe('one');
      await closed(server);
    }
    expect(await answerOf(box.readySock)).toBe('other');
  });

  it('refuses a server that listens already, before it touches anything', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const server = makeServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const before = snapshot(world.base);
    expect(await rejection(box.listen(server, 'box.sock'))).toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' });
    expect(snapshot(world.base)).toEqual(before);
    expect(server.address()).not.toBeNull();
  });

  it('that is called twice at once on one server succeeds once, and leaves nothing of the other', async () => {
    const box = makeWorld().box('b');
    const before = openDescriptors('/tmp');
    const server = makeServer(greeting('hello'));
    const outcomes = await Promise.allSettled(['box.sock', 'ssh.sock'].map((name) => box.listen(server, name)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'ERR_SERVER_ALREADY_LISTEN' },
    });
    const [name = '', ...more] = fs.readdirSync(box.realDir);
    expect(more).toEqual([]);
    expect(await answerOf(box.socket(name))).toBe('hello');
    await closed(server);
    await expectDescriptors('/tmp', before);
  });

  it.each<[string, unknown[], string]>([
    ['no server', [{}, 'box.sock'], 'ERR_INVALID_ARG_TYPE'],
    ['undefined', [undefined, 'box.sock'], 'ERR_INVALID_ARG_TYPE'],
    ['a name with a slash', [new net.Server(), '../b.sock'], 'ERR_INVALID_ARG_VALUE'],
    ['a reserved name', [new net.Server(), '.~abc'], 'ERR_INVALID_ARG_VALUE'],
    ['a number for a name', [new net.Server(), 4], 'ERR_INVALID_ARG_TYPE'],
    ['a mode beyond the permission bits', [new net.Server(), 'box.sock', { mode: 0o1600 }], 'ERR_INVALID_ARG_VALUE'],
    ['a mode as text', [new net.Server(), 'box.sock', { mode: '600' }], 'ERR_INVALID_ARG_TYPE'],
    ['a backlog of 0', [new net.Server(), 'box.sock', { backlog: 0 }], 'ERR_INVALID_ARG_VALUE'],
    ['a backlog of 2**31', [new net.Server(), 'box.sock', { backlog: 2 ** 31 }], 'ERR_INVALID_ARG_VALUE'],
    ['a signal that is none', [new net.Server(), 'box.sock', { signal: {} }], 'ERR_INVALID_ARG_TYPE'],
    ['takeover as text', [new net.Server(), 'box.sock', { takeover: 'yes' }], 'ERR_INVALID_ARG_TYPE'],
    ['a lockTimeout below 0', [new net.Server(), 'box.sock', { lockTimeout: -1 }], 'ERR_INVALID_ARG_VALUE'],
    ['options that are none', [new net.Server(), 'box.sock', 7], 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %s before it touches anything', async (_, args, code) => {
    const world = makeWorld();
    const box = world.box('b');
    const error = await rejection(box.listen(...(args as Parameters<BoxSockets['listen']>)));
    expect(error).toMatchObject({ name: 'TypeError', code });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  it('refuses a name that does not fit, before it touches anything, though every name of the budget fits', async () => {
    const world = makeWorld();
    const box = world.box('b'.repeat(103 - world.parent.length - '//net.sock-krun.sock'.length));
    expect(box.budget().fits).toBe(true);
    const name = `${'n'.repeat(59)}.sock`;
    expect(await rejection(box.listen(makeServer(), name))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG',
      path: box.socket(name),
      length: box.socket(name).length,
      limit: 104,
    });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  promise(missingPython, 'never takes a held socket, of whatever type', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const file = realPath(box, 'box.sock');
    for (const type of ['stream', 'dgram', 'connected-dgram'] as const) {
      const holder = await holdSockets({ path: file, type });
      const before = inodeOf(file);
      expect(await rejection(box.listen(makeServer(), 'box.sock', { takeover: true }))).toMatchObject({
        name: 'BoxSocketsError',
        code: 'EADDRINUSE',
        syscall: 'bind',
        path: box.boxSock,
        message: `EADDRINUSE: address already in use, bind '${box.boxSock}'`,
      });
      expect(inodeOf(file)).toBe(before);
      await holder.end();
      const server = makeServer(greeting('mine'));
      await box.listen(server, 'box.sock');
      expect(await answerOf(box.boxSock)).toBe('mine');
      await closed(server);
    }
  });

  it('never takes its own live socket, and wakes nobody to find out', async () => {
    const box = makeWorld().box('b');
    const server = makeServer();
    await box.listen(server, 'box.sock');
    for (let i = 0; i < 3; i++) {
      expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.accepted).toEqual([]);
  });

  it.each<[string, (file: string) => void]>([
    ['a file', (file) => fs.writeFileSync(file, 'precious')],
    ['a directory', (file) => fs.mkdirSync(file)],
    ['a link to nothing', (file) => fs.symlinkSync('nowhere', file)],
    ['a link to a file', (file) => fs.symlinkSync('/etc/passwd', file)],
    ['a fifo', (file) => void run('mkfifo', [file])],
  ])('leaves alone %s in the place of the socket', async (_, make) => {
    const world = makeWorld();
    const box = world.box('b');
    box.ensureSync();
    make(realPath(box, 'box.sock'));
    const before = snapshot(box.realDir);
    expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
    });
    expect(snapshot(box.realDir)).toEqual(before);
  });

  it('replaces the socket of a process that was killed', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', ${JSON.stringify(box.realDir)}, { base: ${JSON.stringify(world.base)} });
      box.listen(require('net').createServer(), 'box.sock').then(() => console.log('listens'));`;
    const child = await start(process.execPath, ['-e', program]);
    expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
    await child.end();
    expect(await answerOf(box.boxSock)).toBe('ECONNREFUSED');
    await box.listen(makeServer(greeting('successor')), 'box.sock');
    expect(await answerOf(box.boxSock)).toBe('successor');
  });

  it('keeps nothing open after a close or a failure', async () => {
    const box = makeWorld().box('b');
    const file = realPath(box, 'box.sock');
    const before = openDescriptors('/tmp');
    for (let i = 0; i < 20; i++) {
      const server = makeServer();
      await box.listen(server, 'box.sock');
      expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
      await closed(server);
      const abort = new AbortController();
      const listening = box.listen(makeServer(), 'box.sock', { signal: abort.signal });
      abort.abort();
      expect(await rejection(listening)).toMatchObject({ code: 'ABORT_ERR' });
      fs.writeFileSync(file, '');
      expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
      fs.unlinkSync(file);
    }
    await expectDescriptors('/tmp', before);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  it.each([
    ['a cluster worker', {}, 'Listen in the primary process, or call claim() there'],
    ['a worker of pm2', { pm_id: '0' }, "Set exec_mode: 'fork', or call claim() before pm2 starts"],
  ])('in %s is refused, for Node would fail, and says what can be done there', (_, env, remedy) => {
    const world = makeWorld();
    const box = world.box('b');
    const task = JSON.stringify({ dist, id: 'b', realDir: box.realDir, base: world.base });
    const { stdout, stderr } = spawnSync(process.execPath, [path.join(fixtures, 'cluster-listen.js'), task], {
      encoding: 'utf8',
      timeout: 50_000,
      env: { ...process.env, ...env },
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      worker: {
        code: 'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED',
        path: box.boxSock,
        message: expect.stringContaining(remedy),
      },
      left: [],
      primary: 'listens',
    });
  });
});

describe('a listen that is aborted', () => {
  it('beforehand touches nothing', async () => {
    const world = makeWorld();
    const reason = new Error('why');
    const error = await rejection(
      world.box('b').listen(makeServer(), 'box.sock', { signal: AbortSignal.abort(reason) }),
    );
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  promise(missingFlock, 'while it waits for the lock ends at once, and leaves nothing', async () => {
    const world = makeWorld();
    const box = world.box('b');
    box.ensureSync();
    // What takes the lock: a name that something bears.
    leaveDeadSocket(realPath(box, 'box.sock'));
    const locker = await lockExclusively(path.join(world.parent, '.lock'));
    const abort = new AbortController();
    const server = makeServer();
    const listening = rejection(box.listen(server, 'box.sock', { signal: abort.signal, lockTimeout: 86_400_000 }));
    setTimeout(() => abort.abort(), 50);
    expect(await listening).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    await locker.end();
    expect(server.listening).toBe(false);
    expect(fs.readdirSync(box.realDir)).toEqual(['box.sock']);
  });

  it('at any later moment leaves nothing, and the server is closed', async () => {
    const box = makeWorld().box('b');
    const before = openDescriptors('/tmp');
    for (let turns = 0; turns < 12; turns++) {
      const abort = new AbortController();
      const server = makeServer();
      const listening = box.listen(server, 'box.sock', { signal: abort.signal }).then(
        () => 'listened',
        (error) => error.code,
      );
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      expect(['listened', 'ABORT_ERR']).toContain(await listening);
      await expect.poll(() => server.listening).toBe(false);
      await expect.poll(() => fs.readdirSync(box.realDir)).toEqual([]);
    }
    await expectDescriptors('/tmp', before);
  });

  it('when it listens closes the server, as in net, and unlinks its socket', async () => {
    const box = makeWorld().box('b');
    const abort = new AbortController();
    const server = makeServer();
    await box.listen(server, 'box.sock', { signal: abort.signal });
    const closing = new Promise((resolve) => server.once('close', resolve));
    abort.abort();
    await closing;
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });
});

describe('a server that closes', () => {
  it('with connections open keeps them; its file goes at once', async () => {
    const box = makeWorld().box('b');
    const server = makeServer((socket) => void socket.write('welcome'));
    await box.listen(server, 'box.sock');
    const client = net.connect(box.boxSock);
    await new Promise((resolve) => client.once('data', resolve));
    const closing = closed(server);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
    const [accepted] = server.accepted;
    accepted?.write('and more');
    expect(String(await new Promise((resolve) => client.once('data', resolve)))).toBe('and more');
    client.end();
    await closing;
  });

  it("with connections open leaves its successor's socket alone", async () => {
    const box = makeWorld().box('b');
    const first = makeServer((socket) => void socket.write('first'));
    await box.listen(first, 'box.sock');
    const client = net.connect(box.boxSock);
    await new Promise((resolve) => client.once('data', resolve));
    const closing = closed(first);
    await box.listen(makeServer(greeting('second')), 'box.sock');
    client.destroy();
    await closing;
    expect(await answerOf(box.boxSock)).toBe('second');
  });

  it('where its file, its directory, its home or its parent is gone says nothing', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => {
      process.off('warning', onWarning);
    });
    const removals: ((box: BoxSockets) => string)[] = [
      (box) => realPath(box, 'box.sock'),
      (box) => box.realDir,
      (box) => path.dirname(path.dirname(box.realDir)),
      (box) => box.parentDir,
      (box) => path.dirname(box.parentDir),
    ];
    for (const toRemove of removals) {
      const box = makeWorld().box('b');
      const server = makeServer();
      await box.listen(server, 'box.sock');
      fs.rmSync(toRemove(box), { recursive: true });
      await closed(server);
      expect(fs.existsSync(realPath(box, 'box.sock'))).toBe(false);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  });

  promise(
    missingFlock,
    'unlinks while its socket is held, so that nobody takes it for dead, and no lock is needed',
    async () => {
      const world = makeWorld();
      const box = world.box('b');
      const server: net.Server = makeServer();
      const close = vi.spyOn(server, 'close').mockImplementation((callback) => {
        expect(server.listening).toBe(true);
        expect(fs.readdirSync(box.realDir)).toEqual([]);
        return net.Server.prototype.close.call(server, callback);
      });
      const before = openDescriptors('/tmp');
      await box.listen(server, 'box.sock');
      const locker = await lockExclusively(path.join(world.parent, '.lock'));
      await closed(server);
      expect(close).toHaveBeenCalledOnce();
      expect(isLocked(path.join(world.parent, '.lock'))).toBe(true);
      await locker.end();
      await expectDescriptors('/tmp', before);
    },
  );

  it('has its close() back, as it was, and may listen and close again', async () => {
    const box = makeWorld().box('b');
    const own = vi.fn(net.Server.prototype.close);
    for (const server of [makeServer(), Object.assign(makeServer(), { close: own })]) {
      const before = Object.getOwnPropertyDescriptor(server, 'close');
      for (const name of ['box.sock', 'net.sock']) {
        await box.listen(server, name);
        expect(Object.keys(server)).not.toContain(before === undefined ? 'close' : '');
        await closed(server);
        expect(Object.getOwnPropertyDescriptor(server, 'close')).toEqual(before);
      }
    }
    expect(own).toHaveBeenCalledTimes(2);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  promise(missingFlock, 'behind our back unlinks under the lock: else it might take its successor', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const before = openDescriptors('/tmp');
    const server = makeServer();
    await box.listen(server, 'box.sock');
    const locker = await lockExclusively(path.join(world.parent, '.lock'));
    await closedBehindOurBack(server);
    expect(fs.existsSync(realPath(box, 'box.sock'))).toBe(true);
    await locker.end();
    await expect.poll(() => fs.readdirSync(box.realDir)).toEqual([]);
    await expectDescriptors('/tmp', before);
  });

  promise(missingMount(), 'warns where it may not unlink, and closes all the same', async () => {
    const world = makeWorld();
    const home = path.join(world.base, 'home');
    mount(['-t', 'tmpfs', 'none'], home);
    const box = world.box('b');
    const before = openDescriptors('/tmp');
    const server = makeServer();
    await box.listen(server, 'box.sock');
    run('mount', ['-o', 'remount,ro', home]);
    const warned = new Promise((resolve) => process.once('warning', resolve));
    await closed(server);
    expect(await warned).toMatchObject({ code: 'EROFS', syscall: 'unlinkat', path: box.boxSock });
    await expectDescriptors('/tmp', before);
  });
});

describe('close() while listen() is under way', () => {
  it('ends it at any moment: it rejects, and nothing is left', async () => {
    const box = makeWorld().box('b');
    const before = openDescriptors('/tmp');
    for (let turns = 0; turns < 12; turns++) {
      const server = makeServer();
      const listening = box.listen(server, 'box.sock').then(
        () => 'listened',
        (error) => error.code,
      );
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      server.close();
      expect(['listened', 'ABORT_ERR']).toContain(await listening);
      await expect.poll(() => server.listening).toBe(false);
      await expect.poll(() => fs.readdirSync(box.realDir)).toEqual([]);
    }
    await expectDescriptors('/tmp', before);
  });

  it.each(['listen(); close()', 'close(); listen()'])('ends it where nothing is waited for: %s', (order) => {
    // Node tells of such a close when the server has a descriptor already: that must not be closed under it.
    const box = makeWorld().box('b');
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const net = require('net'), fs = require('fs');
      const box = new BoxSockets('b', ${JSON.stringify(box.realDir)}, ${JSON.stringify({ base: path.dirname(box.parentDir) })});
      (async () => {
        const first = net.createServer();
        await box.listen(first, 'first.sock');
        const server = net.createServer();
        const close = () => void server.close();
        let listening;
        const listen = () => { listening = box.listen(server, 'box.sock'); };
        ${order};
        console.log(await listening.catch(({ code }) => code), server.listening, fs.readdirSync(box.realDir).join());
        for (let turns = 0; turns < 9; turns++) await new Promise(setImmediate);
        first.close();
      })();`;
    expect(run(process.execPath, ['-e', program], { timeout: 10_000 })).toBe('ABORT_ERR false first.sock\n');
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  promise(missingFlock, 'and while it waits for the lock', async () => {
    const world = makeWorld();
    const box = world.box('b');
    box.ensureSync();
    leaveDeadSocket(realPath(box, 'box.sock'));
    const locker = await lockExclusively(path.join(world.parent, '.lock'));
    const server = makeServer();
    const listening = rejection(box.listen(server, 'box.sock', { lockTimeout: 86_400_000 }));
    setTimeout(() => server.close(), 50);
    expect(await listening).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    await locker.end();
    expect(server.listening).toBe(false);
    expect(server.listenerCount('close')).toBe(0);
  });

  it('lets the process end', () => {
    const box = makeWorld().box('b');
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const server = require('net').createServer();
      new BoxSockets('b', ${JSON.stringify(box.realDir)}, ${JSON.stringify({ base: path.dirname(box.parentDir) })})
        .listen(server, 'box.sock').then(() => console.log('listens'), (error) => console.log(error.code));
      server.close();`;
    expect(run(process.execPath, ['-e', program], { timeout: 10_000 })).toBe('ABORT_ERR\n');
    expect(fs.existsSync(realPath(box, 'box.sock'))).toBe(false);
  });
});

describe('listen with verifyPeer', () => {
  /** What an HTTP client of that user receives. */
  const answerTo = (uid: number, socketPath: string): Promise<string> =>
    new Promise((resolve) => {
      const program = `require('http').get({ socketPath: process.argv[1] }, (r) => r.on('data', (d) => console.log(String(d)))).on('error', (e) => console.log(e.code))`;
      execFile(process.execPath, ['-e', program, socketPath], { uid, gid: uid }, (_, stdout) => resolve(stdout));
    });

  promise(missingUser(1234), 'closes the connections of others before anyone sees them', async () => {
    const world = makeWorld();
    const box = world.box('b');
    fs.chmodSync(world.base, 0o755);
    for (let up = box.realDir; up !== world.base; up = path.dirname(up)) fs.chmodSync(up, 0o755);
    for (const [verifyPeer, served] of [
      [true, 0],
      [{ uid: 1234 }, 1234],
      [false, null],
    ] as const) {
      const seen: string[] = [];
      const server = http.createServer((_, response) => void response.end('hello'));
      server.prependListener('connection', () => seen.push('connection'));
      await box.listen(server, 'box.sock', { mode: 0o666, verifyPeer });
      for (const uid of [0, 1234]) {
        const answer = await answerTo(uid, realPath(box, 'box.sock'));
        const isServed = served === null || uid === served;
        expect(answer.includes('hello'), `${uid} by ${JSON.stringify(verifyPeer)}`).toBe(isServed);
      }
      expect(seen).toHaveLength(served === null ? 2 : 1);
      await closed(server);
      expect(Object.hasOwn(server, 'emit')).toBe(false);
    }
  });
});
