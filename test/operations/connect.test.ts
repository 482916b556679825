import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BoxSockets, ConnectOptions } from '../../dist/index.js';
import type { NativeBinding } from '../../dist/native/addon.js';
import { type NativeFailure, Refusal, Subject } from '../../dist/native/contract.js';
import { expectDescriptors, openDescriptors } from '../helpers/descriptors.js';
import { lockExclusively, missingFlock } from '../helpers/flock.js';
import { closed, makeServer, received, type TestServer } from '../helpers/net.js';
import {
  callInChild,
  dist,
  holdSockets,
  isRoot,
  makeWorld,
  missingPython,
  missingUser,
  promise,
  rejection,
  run,
  snapshot,
  start,
  tempDir,
} from '../helpers.js';

const { native, useBinding } = require(path.join(path.dirname(dist), 'native', 'load.js')) as {
  native(): NativeBinding;
  useBinding(exports: object): void;
};

/** The addon dials by `dial` until the end of the test. */
function replaceDial(dial: NativeBinding['dial']): void {
  const addon = native();
  useBinding(Object.create(addon, { dial: { value: dial } }));
  onTestFinished(() => useBinding(addon));
}

const GONE: NativeFailure = {
  errno: os.constants.errno.ENOENT,
  syscall: 'connect',
  subject: Subject.socket,
  dest: Subject.none,
  refusal: Refusal.none,
  owner: -1,
  expected: -1,
  mode: -1,
};

const ways: [name: string, options: ConnectOptions][] = [
  ['plainly', {}],
  ['with verifyPeer', { verifyPeer: true }],
];

async function listening(box: BoxSockets, onConnection?: (socket: net.Socket) => void): Promise<TestServer> {
  const server = makeServer(onConnection, { allowHalfOpen: true });
  await box.listen(server, 'box.sock');
  return server;
}

const echo = (socket: net.Socket): void => void socket.pipe(socket);

describe.each(ways)('connect %s', (_, way) => {
  it('gives a connected socket', async () => {
    const box = makeWorld().box('b');
    await listening(box, echo);
    const socket = await box.connect('box.sock', way);
    expect(socket).toBeInstanceOf(net.Socket);
    expect([socket.connecting, socket.readable, socket.writable, socket.destroyed]).toEqual([false, true, true, false]);
    socket.end('hello');
    expect(await received(socket)).toBe('hello');
  });

  it('keeps the writable side open where allowHalfOpen says so, and else not', async () => {
    const box = makeWorld().box('b');
    const server = await listening(box, (socket) => void socket.end('bye'));
    for (const allowHalfOpen of [true, false]) {
      const socket = await box.connect('box.sock', { ...way, allowHalfOpen });
      expect(socket.allowHalfOpen).toBe(allowHalfOpen);
      const ended = new Promise((resolve) => socket.once('end', resolve));
      socket.resume();
      await ended;
      await new Promise((resolve) => setImmediate(resolve));
      expect(socket.writable).toBe(allowHalfOpen);
      const last = server.accepted.at(-1);
      if (allowHalfOpen && last !== undefined) {
        socket.end('still here');
        expect(await received(last)).toBe('still here');
      }
      socket.destroy();
    }
  });

  it.each<[string, (box: BoxSockets) => void]>([
    ['the link is missing', (box) => fs.unlinkSync(box.bindingDir)],
    ['the parent is missing', (box) => fs.rmSync(box.parentDir, { recursive: true })],
    [
      'the link leads elsewhere',
      (box) => {
        fs.unlinkSync(box.bindingDir);
        fs.symlinkSync(tempDir(), box.bindingDir);
      },
    ],
    ['the parent is open to others', (box) => fs.chmodSync(box.parentDir, 0o755)],
  ])('ensures first where %s', async (_name, spoil) => {
    const box = makeWorld().box('b');
    await listening(box, echo);
    spoil(box);
    (await box.connect('box.sock', way)).destroy();
    expect(box.ensureSync().status).toBe('unchanged');
  });

  it('says whom it could not reach, in the shape of any failed call', async () => {
    const box = makeWorld().box('b');
    const before = openDescriptors('/tmp');
    expect(await rejection(box.connect('box.sock', way))).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ENOENT',
      errno: -2,
      syscall: 'connect',
      path: box.boxSock,
      message: `ENOENT: no such file or directory, connect '${box.boxSock}'`,
    });
    fs.writeFileSync(path.join(box.realDir, 'box.sock'), '');
    expect(await rejection(box.connect('box.sock', way))).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      path: box.boxSock,
      message: `ECONNREFUSED: connection refused, connect '${box.boxSock}'`,
    });
    await expectDescriptors('/tmp', before);
  });

  promise(
    missingPython,
    'says so where a dead socket is, a datagram socket, or one whose backlog is full',
    async () => {
      const box = makeWorld().box('b');
      const file = path.join(box.realDir, 'box.sock');
      const dead = await holdSockets({ path: file, type: 'stream' });
      await dead.end();
      expect(await rejection(box.connect('box.sock', way))).toMatchObject({ code: 'ECONNREFUSED', path: box.boxSock });
      fs.unlinkSync(file);
      const datagram = await holdSockets({ path: file, type: 'dgram' });
      expect(await rejection(box.connect('box.sock', way))).toMatchObject({ code: 'EPROTOTYPE', path: box.boxSock });
      await datagram.end();
      fs.unlinkSync(file);
      const program = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0); print("listens", flush=True); sys.stdin.read()`;
      const full = await start('python3', ['-c', program, file]);
      const waiting = await box.connect('box.sock', way);
      expect(await rejection(box.connect('box.sock', { ...way, timeout: 0 }))).toMatchObject({
        code: 'EAGAIN',
        path: box.boxSock,
      });
      waiting.destroy();
      await full.end();
    },
  );

  it('refuses a name that does not fit before it touches anything, instead of dialing what is left of it', async () => {
    const world = makeWorld();
    const box = world.box('b'.repeat(103 - world.parent.length - '//net.sock-krun.sock'.length));
    const name = `${'n'.repeat(59)}.sock`;
    const expected = { code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG', path: box.socket(name), limit: 104 };
    expect(await rejection(box.connect(name, way))).toMatchObject(expected);
    expect(fs.existsSync(world.parent)).toBe(false);

    box.ensureSync();
    // Node 20 and 22 dial the first 108 bytes; somebody may listen there.
    const impostor = makeServer();
    await new Promise<void>((resolve) => {
      impostor.listen(path.join(box.realDir, box.socket(name).slice(box.bindingDir.length + 1, 108)), resolve);
    });
    expect(await rejection(box.connect(name, way))).toMatchObject(expected);
    expect(impostor.accepted).toEqual([]);
  });

  it.each<[string, unknown[], string]>([
    ['a name with a slash', ['../b.sock'], 'ERR_INVALID_ARG_VALUE'],
    ['no name', [], 'ERR_INVALID_ARG_TYPE'],
    ['verifyPeer as text', ['box.sock', { verifyPeer: 'yes' }], 'ERR_INVALID_ARG_TYPE'],
    ['allowHalfOpen as a number', ['box.sock', { allowHalfOpen: 1 }], 'ERR_INVALID_ARG_TYPE'],
    ['a signal that is none', ['box.sock', { signal: true }], 'ERR_INVALID_ARG_TYPE'],
    ['options that are none', ['box.sock', 7], 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %s before it touches anything', async (_name, args, code) => {
    const world = makeWorld();
    const error = await rejection(world.box('b').connect(...(args as Parameters<BoxSockets['connect']>)));
    expect(error).toMatchObject({ name: 'TypeError', code });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  it('that is aborted beforehand touches nothing', async () => {
    const world = makeWorld();
    const reason = new Error('why');
    const error = await rejection(world.box('b').connect('box.sock', { ...way, signal: AbortSignal.abort(reason) }));
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  promise(missingFlock, 'that is aborted while it waits for the lock ends at once', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const server = await listening(box);
    fs.unlinkSync(box.bindingDir);
    // To make a missing one takes no lock.
    fs.symlinkSync('/nonexistent', box.bindingDir);
    fs.writeFileSync(path.join(world.parent, '.lock'), '', { mode: 0o600 });
    const locker = await lockExclusively(path.join(world.parent, '.lock'));
    const abort = new AbortController();
    const connecting = rejection(box.connect('box.sock', { ...way, signal: abort.signal }));
    setTimeout(() => abort.abort(), 50);
    expect(await connecting).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(fs.existsSync(box.bindingDir)).toBe(false);
    expect(server.accepted).toEqual([]);
    await locker.end();
  });

  it('that is aborted at any moment keeps nothing open; a socket that was given is destroyed', async () => {
    const box = makeWorld().box('b');
    const server = await listening(box);
    const before = openDescriptors('/tmp');
    for (let turns = 0; turns < 8; turns++) {
      const abort = new AbortController();
      const connecting = box.connect('box.sock', { ...way, signal: abort.signal }).then(
        (socket) => new Promise<string>((resolve) => socket.once('error', ({ name }) => resolve(name)).resume()),
        ({ name }) => name,
      );
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      expect(await connecting).toBe('AbortError');
    }
    for (const socket of server.accepted) socket.destroy();
    await expectDescriptors('/tmp', before);
  });

  it('keeps nothing open after fifty connections', async () => {
    const box = makeWorld().box('b');
    const server = await listening(box, echo);
    const before = openDescriptors('/tmp');
    for (let i = 0; i < 50; i++) {
      const socket = await box.connect('box.sock', way);
      socket.end('x');
      await received(socket);
    }
    await expectDescriptors('/tmp', before);
    await closed(server);
  });
});

describe('connect', () => {
  it('heals a link that is reaped between its look and its dial, once, and reports what is beyond', async () => {
    const box = makeWorld().box('b');
    await listening(box, echo);
    const dial = vi.fn(native().dial);
    replaceDial(dial);
    // What a platform answers that dials by the link.
    const reap = () => {
      fs.unlinkSync(box.bindingDir);
      return { ...GONE };
    };
    dial.mockImplementationOnce(reap);
    (await box.connect('box.sock')).destroy();
    expect(dial).toHaveBeenCalledTimes(2);
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);

    dial.mockImplementationOnce(reap).mockImplementationOnce(reap);
    expect(await rejection(box.connect('box.sock'))).toMatchObject({ code: 'ENOENT', path: box.boxSock });
    expect(dial).toHaveBeenCalledTimes(4);
  });

  const missing = missingUser(1234);
  promise(missing, 'with verifyPeer refuses a listener of another user, and sends it nothing', async () => {
    const world = makeWorld();
    const box = world.box('b');
    box.ensureSync();
    // Where another user can bind at all: a directory that is open to all.
    fs.chmodSync(world.base, 0o755);
    for (let up = box.realDir; up !== world.base; up = path.dirname(up)) fs.chmodSync(up, 0o777);
    const program = `
      let bytes = 0, connections = 0;
      const server = require('net').createServer((socket) => {
        connections++;
        socket.on('data', (data) => { bytes += data.length; }).on('close', () => console.log(connections, bytes)).on('error', () => {});
      });
      server.listen(process.argv[1], () => { require('fs').chmodSync(process.argv[1], 0o777); console.log('listens'); });`;
    const theirs = path.join(box.realDir, 'box.sock');
    const before = openDescriptors('/tmp');
    const child = await start(process.execPath, ['-e', program, theirs], { uid: 1234, gid: 1234 });
    for (let i = 0; i < 5; i++) {
      expect(await rejection(box.connect('box.sock', { verifyPeer: true }))).toMatchObject({
        name: 'BoxSocketsError',
        code: 'ERR_BOX_SOCKETS_PEER',
        path: box.boxSock,
        owner: 1234,
        expected: 0,
        message: expect.stringContaining('runs as uid 1234, and must run as uid 0. Nothing was sent'),
      });
    }
    // That user may be the one that is meant.
    const meant = await box.connect('box.sock', { verifyPeer: { uid: 1234 } });
    meant.end('x');
    await received(meant);
    expect(await rejection(box.connect('box.sock', { verifyPeer: { uid: 1235 } }))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_PEER',
      owner: 1234,
      expected: 1235,
    });
    // Without it, anybody who listens is reached.
    const socket = await box.connect('box.sock');
    socket.end('x');
    await received(socket);
    await child.end();
    await expectDescriptors('/tmp', before);
  });

  promise(missing, 'with verifyPeer lets each user reach its own, and refuses root where it is not root', async () => {
    const world = makeWorld();
    const box = world.box('b');
    await listening(box, echo);
    const setting = { id: 'b', realDir: box.realDir, options: { base: world.base, uid: 1234 } };
    fs.chmodSync(world.base, 0o1777);
    for (let up = box.realDir; up !== world.base; up = path.dirname(up)) fs.chmodSync(up, 0o755);
    fs.chmodSync(path.join(box.realDir, 'box.sock'), 0o777);
    const [called] = callInChild([{ box: setting, method: 'connect', args: ['box.sock', { verifyPeer: true }] }], {
      uid: 1234,
    });
    expect(called?.error).toMatchObject({ code: 'ERR_BOX_SOCKETS_PEER', owner: 0, expected: 1234 });
  });

  promise(isRoot ? null : 'not run as root', "does not look for a socket in another user's parent", async () => {
    const world = makeWorld();
    const box = world.box('b');
    await listening(box, echo);
    fs.chownSync(world.parent, 1234, 1234);
    const before = snapshot(world.parent);
    for (const [, way] of ways) {
      expect(await rejection(box.connect('box.sock', way))).toMatchObject({ code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN' });
    }
    expect(snapshot(world.parent)).toEqual(before);
    fs.chownSync(world.parent, 0, 0);
  });
});

describe('what connect dials', () => {
  const visited = async (file: string): Promise<TestServer> => {
    const server = makeServer();
    await new Promise<void>((resolve) => server.listen(file, resolve));
    return server;
  };

  it.each(ways)('is no link in the place of a socket: %s', async (_, way) => {
    const world = makeWorld();
    const [box, other] = [world.box('b'), world.box('other')];
    box.ensureSync();
    const server = await visited(path.join(other.realDir, 'agent.sock'));
    const planted = path.join(box.realDir, 'box.sock');
    for (const target of [path.join(other.realDir, 'agent.sock'), '../../other/sockets/agent.sock', 'nowhere']) {
      fs.symlinkSync(target, planted);
      expect(await rejection(box.connect('box.sock', way))).toMatchObject({
        code: 'ERR_BOX_SOCKETS_MISPLACED',
        path: box.boxSock,
      });
      fs.unlinkSync(planted);
    }
    expect(server.accepted).toEqual([]);
  });

  it('is what bears the name in the real directory, and not what a moved link leads to', async () => {
    const world = makeWorld();
    const [mine, theirs] = [world.box('b', 'mine'), world.box('b', 'theirs')];
    const [server, other] = [
      await visited(path.join(mine.realDir, 'box.sock')),
      await visited(path.join(theirs.realDir, 'box.sock')),
    ];
    mine.ensureSync();
    const { dial } = native();
    replaceDial((...args) => {
      fs.unlinkSync(mine.bindingDir);
      fs.symlinkSync(theirs.realDir, mine.bindingDir);
      return dial(...args);
    });
    (await mine.connect('box.sock')).destroy();
    await expect.poll(() => server.accepted.length).toBe(1);
    expect(other.accepted).toEqual([]);
  });

  it('is never waited for: a FIFO, a device, a directory and a file are no sockets', async () => {
    const box = makeWorld().box('b');
    run('mkfifo', [path.join(box.realDir, 'fifo')]);
    fs.mkdirSync(path.join(box.realDir, 'directory'));
    fs.writeFileSync(path.join(box.realDir, 'file'), '');
    for (const name of ['fifo', 'directory', 'file']) {
      const { code } = await rejection(box.connect(name));
      expect(['ECONNREFUSED', 'ENOTSOCK']).toContain(code);
    }
  });
});

describe('a full queue', () => {
  // Takes one of its queue when it is told to.
  const program = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0); print("listens", flush=True)
kept = []
for line in sys.stdin:
    kept.append(s.accept()[0])
    kept[-1].send(b"%d" % len(kept))`;

  async function busy(box: BoxSockets): Promise<() => void> {
    const child = spawn('python3', ['-c', program, path.join(box.realDir, 'box.sock')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return () => void child.stdin.write('\n');
  }

  promise(missingPython, 'is waited for, and whoever came first gets in first', async () => {
    const box = makeWorld().box('b');
    box.ensureSync();
    const accept = await busy(box);
    const order: number[] = [];
    const dialed = Array.from({ length: 6 }, async (_, i) => {
      const socket = await box.connect('box.sock');
      order.push(i);
      onTestFinished(() => void socket.destroy());
    });
    for (let i = 0; i < 6; i++) accept();
    await Promise.all(dialed);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  promise(
    missingPython,
    'is waited for until the time-out or the signal, also behind one that goes on waiting',
    async () => {
      const box = makeWorld().box('b');
      const accept = await busy(box);
      const first = await box.connect('box.sock');
      onTestFinished(() => void first.destroy());
      const waiting = box.connect('box.sock', { timeout: 60_000 });
      const abort = new AbortController();
      const impatient = rejection(box.connect('box.sock', { timeout: 30 }));
      const aborted = rejection(box.connect('box.sock', { signal: abort.signal }));
      expect(await impatient).toMatchObject({ code: 'EAGAIN', path: box.boxSock });
      abort.abort();
      expect(await aborted).toMatchObject({ code: 'ABORT_ERR' });
      accept();
      (await waiting).destroy();
    },
  );

  it('of a server of this process lets a burst in, all of it', async () => {
    const box = makeWorld().box('b');
    const server = makeServer();
    await box.listen(server, 'box.sock', { backlog: 2 });
    const sockets = await Promise.all(Array.from({ length: 300 }, () => box.connect('box.sock')));
    await expect.poll(() => server.accepted.length).toBe(300);
    for (const socket of sockets) socket.destroy();
  });
});
