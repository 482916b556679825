// What listen, connect and hold promise beyond the plain case, checked in whatever runtime this file is run by. Prints one
// line of JSON for each check: { check, ok } or { check, ok: false, code, message }. The argument is the built package.
// @ts-nocheck: plain JavaScript, as a host without types writes it.
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const { BoxSockets } = require(process.argv[2]);
const isRoot = process.getuid() === 0;
const WAYS = [{}, { verifyPeer: true }];
let scratch;
let base;
let serial = 0;
const stray = [];
process.on('uncaughtException', (error) => stray.push(error));
process.on('unhandledRejection', (error) => stray.push(error));

function newBox(home = 'home', id = `box${++serial}`) {
  const realDir = path.join(scratch, home, id, 'sockets');
  fs.mkdirSync(realDir, { recursive: true });
  return new BoxSockets(id, realDir, { base });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const closed = (server) => new Promise((resolve) => server.close(resolve));

async function until(claim) {
  for (let i = 0; i < 400; i++) {
    if (await claim()) return;
    await pause(10);
  }
  assert.fail(`never: ${claim}`);
}

async function received(socket) {
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  await once(socket, 'end');
  return text;
}

/** What a plain client of the path is told, or the code of its failure. */
function answerOf(file) {
  return new Promise((resolve) => {
    const socket = net.connect(file);
    socket.once('error', ({ code }) => resolve(code));
    socket.once('data', (data) => {
      resolve(String(data));
      socket.destroy();
    });
  });
}

async function listening(box, onConnection = () => {}, options = {}, name = 'box.sock') {
  const server = net.createServer(options, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  await box.listen(server, name);
  return server;
}

const saying = (text) => (socket) => socket.end(text);
const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const isLocked = (file) => spawnSync('flock', ['-n', '-x', file, 'true']).status !== 0;
const fails = (promise, code) => assert.rejects(promise, { code });

async function lockExclusively(file, then) {
  const child = spawn('flock', ['-x', file, 'sh', '-c', `echo locked; ${then}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** A Python program that prints a line and stays until it is ended. */
async function python(program, args, uid) {
  const become = uid === undefined ? [] : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
  const [command, ...rest] = [
    ...become,
    'python3',
    '-c',
    `${program}\nprint("ready", flush=True)\nimport time; time.sleep(60)`,
    ...args,
  ];
  // The system's own, which other users can run, too.
  const env = { ...process.env, PATH: `/usr/bin:/bin:${process.env.PATH}` };
  const child = spawn(command, rest, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async end() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

const BIND = 'import socket, sys\ns = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[2]))\ns.bind(sys.argv[1])';

const checks = {
  'listen: mode, and an address that tells no path': async () => {
    const box = newBox();
    const server = net.createServer();
    await box.listen(server, 'box.sock', { mode: 0o640 });
    assert.equal(fs.statSync(`${box.realDir}/box.sock`).mode & 0o777, 0o640);
    assert.equal(server.listening, true);
    assert.equal(JSON.stringify(server.address() ?? {}), '{}');
    await closed(server);
    assert.deepEqual(fs.readdirSync(box.realDir), []);
  },

  'listen: the backlog is what was said': async () => {
    const box = newBox();
    const server = net.createServer();
    await box.listen(server, 'box.sock', { backlog: 7 });
    const { stdout } = spawnSync('ss', ['-Hxl', 'src', box.boxSock], { encoding: 'utf8' });
    await closed(server);
    assert.equal(stdout.split(/\s+/)[3], '7');
  },

  'listen: a server may stay half open': async () => {
    const box = newBox();
    for (const allowHalfOpen of [true, false]) {
      const late = (socket) =>
        socket.resume().once('end', () => setTimeout(() => socket.writable && socket.end('late'), 20));
      const server = await listening(box, late, { allowHalfOpen });
      const client = net.connect({ path: box.boxSock, allowHalfOpen: true });
      client.end('bye');
      assert.equal(await received(client), allowHalfOpen ? 'late' : '');
      await closed(server);
    }
  },

  'listen: a server that listens already': async () => {
    const box = newBox();
    const server = await listening(box);
    await fails(box.listen(server, 'ssh.sock'), 'ERR_SERVER_ALREADY_LISTEN');
    assert.deepEqual(fs.readdirSync(box.realDir), ['box.sock']);
    await closed(server);
  },

  'listen: again on the same server, under another name': async () => {
    const box = newBox();
    const server = await listening(box, saying('hello'));
    await closed(server);
    await box.listen(server, 'ssh.sock');
    assert.equal(await answerOf(box.socket('ssh.sock')), 'hello');
    await closed(server);
    assert.deepEqual(fs.readdirSync(box.realDir), []);
  },

  'listen: a held socket is never taken, a dead one is': async () => {
    const box = newBox();
    for (const type of ['SOCK_STREAM', 'SOCK_DGRAM']) {
      const holder = await python(BIND, [`${box.realDir}/box.sock`, type]);
      await fails(box.listen(net.createServer(), 'box.sock'), 'EADDRINUSE');
      await holder.end();
      const server = await listening(box, saying('mine'));
      assert.equal(await answerOf(box.boxSock), 'mine');
      await closed(server);
    }
  },

  'listen: aborted beforehand, while it waits for the lock, and afterwards': async () => {
    const box = newBox();
    await fails(box.listen(net.createServer(), 'box.sock', { signal: AbortSignal.abort() }), 'ABORT_ERR');
    box.ensureSync();
    // A name that is free takes no lock: that of a dead socket does.
    await (await python(BIND, [`${box.realDir}/box.sock`, 'SOCK_STREAM'])).end();
    const locker = await lockExclusively(`${box.parentDir}/.lock`, 'sleep 1');
    const waiting = new AbortController();
    const aborted = fails(box.listen(net.createServer(), 'box.sock', { signal: waiting.signal }), 'ABORT_ERR');
    setTimeout(() => waiting.abort(), 50);
    await aborted;
    locker.kill('SIGKILL');
    await once(locker, 'close');
    await until(() => !isLocked(`${box.parentDir}/.lock`));
    const later = new AbortController();
    const server = net.createServer();
    await box.listen(server, 'box.sock', { signal: later.signal });
    later.abort();
    await until(() => !server.listening && fs.readdirSync(box.realDir).length === 0);
  },

  'close: its own socket alone, where the binding has moved': async () => {
    const [one, two] = [newBox('one', 'moved'), newBox('two', 'moved')];
    const first = await listening(one, saying('first'));
    const second = net.createServer(saying('second'));
    await two.listen(second, 'box.sock', { takeover: true });
    await closed(first);
    assert.equal(await answerOf(two.boxSock), 'second');
    assert.deepEqual(fs.readdirSync(one.realDir), []);
    await closed(second);
    assert.deepEqual(fs.readdirSync(two.realDir), []);
  },

  "close: never its successor's, though connections keep the first one open": async () => {
    const box = newBox();
    const first = await listening(box, (socket) => socket.write('first'));
    const client = net.connect(box.boxSock);
    await once(client, 'data');
    const closing = closed(first);
    const second = await listening(box, saying('second'));
    client.destroy();
    await closing;
    assert.equal(await answerOf(box.boxSock), 'second');
    await closed(second);
  },

  'close: whoever has the lock': async () => {
    const box = newBox();
    const server = await listening(box);
    const locker = await lockExclusively(`${box.parentDir}/.lock`, 'sleep 0.5');
    const ending = closed(server);
    assert.deepEqual(fs.readdirSync(box.realDir), []);
    await ending;
    if (locker.exitCode === null) await once(locker, 'close');
  },

  'connect: half open, either way': async () => {
    const box = newBox();
    const server = await listening(box, saying('bye'), { allowHalfOpen: true });
    for (const way of WAYS) {
      for (const allowHalfOpen of [true, false]) {
        const socket = await box.connect('box.sock', { ...way, allowHalfOpen });
        assert.equal(socket.connecting, false);
        assert.equal(await received(socket), 'bye');
        await pause(20);
        assert.equal(socket.writable, allowHalfOpen, JSON.stringify({ ...way, allowHalfOpen }));
        socket.destroy();
      }
    }
    await closed(server);
  },

  'connect: what failed, in the shape of any failed call': async () => {
    const box = newBox();
    for (const way of WAYS) {
      const shape = (code, text) => ({
        name: 'BoxSocketsError',
        code,
        errno: -os.constants.errno[code],
        syscall: 'connect',
        path: box.boxSock,
        message: `${code}: ${text}, connect '${box.boxSock}'`,
      });
      await assert.rejects(box.connect('box.sock', way), shape('ENOENT', 'no such file or directory'));
      fs.writeFileSync(`${box.realDir}/box.sock`, '');
      await assert.rejects(box.connect('box.sock', way), shape('ECONNREFUSED', 'connection refused'));
      fs.unlinkSync(`${box.realDir}/box.sock`);
    }
  },

  'connect: what failed, by its own code': async () => {
    const box = newBox();
    const datagram = await python(BIND, [`${box.realDir}/box.sock`, 'SOCK_DGRAM']);
    const outcomes = await Promise.allSettled(WAYS.map((way) => box.connect('box.sock', way)));
    await datagram.end();
    assert.deepEqual(
      outcomes.map(({ reason }) => reason.code),
      ['EPROTOTYPE', 'EPROTOTYPE'],
    );
  },

  'connect: aborted at any moment': async () => {
    const box = newBox();
    const server = await listening(box);
    for (const way of WAYS) {
      for (let turns = 0; turns < 6; turns++) {
        const abort = new AbortController();
        const outcome = box.connect('box.sock', { ...way, signal: abort.signal }).then(
          (socket) => new Promise((resolve) => socket.once('error', ({ name }) => resolve(name)).resume()),
          ({ name }) => name,
        );
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
        abort.abort();
        assert.equal(await outcome, 'AbortError', JSON.stringify({ ...way, turns }));
      }
    }
    await closed(server);
  },

  'connect: heals, whatever is missing': async () => {
    const box = newBox();
    const server = await listening(box, saying('hello'));
    for (const way of WAYS) {
      for (const missing of [box.bindingDir, box.parentDir]) {
        fs.rmSync(missing, { recursive: true });
        assert.equal(await received(await box.connect('box.sock', way)), 'hello');
      }
    }
    await closed(server);
  },

  'connect: a name that does not fit is refused, and never cut': async () => {
    const room = 103 - `${base}/bl-${process.getuid()}//net.sock-krun.sock`.length;
    const box = newBox('home', 'b'.repeat(room));
    const name = `${'n'.repeat(59)}.sock`;
    for (const way of WAYS) await fails(box.connect(name, way), 'ERR_BOX_SOCKETS_PATH_TOO_LONG');
    await fails(box.listen(net.createServer(), name), 'ERR_BOX_SOCKETS_PATH_TOO_LONG');
  },

  'connect: a link in the place of a socket is not followed': async () => {
    const [box, other] = [newBox(), newBox()];
    box.ensureSync();
    let visits = 0;
    const server = await listening(other, () => visits++);
    fs.symlinkSync(`${other.realDir}/box.sock`, `${box.realDir}/box.sock`);
    for (const way of WAYS) await fails(box.connect('box.sock', way), 'ERR_BOX_SOCKETS_MISPLACED');
    await closed(server);
    assert.equal(visits, 0);
  },

  'claim: a dead socket goes, and nothing else': async () => {
    const box = newBox();
    const holder = await python(BIND, [`${box.realDir}/box.sock`, 'SOCK_STREAM']);
    await fails(box.claim('box.sock'), 'EADDRINUSE');
    await holder.end();
    assert.equal(await box.claim('box.sock'), box.boxSock);
    assert.deepEqual(fs.readdirSync(box.realDir), []);
  },

  'connect: verifyPeer refuses another user': async () => {
    if (!isRoot) return; // it takes two users
    const box = newBox();
    box.ensureSync();
    for (let up = box.realDir; up !== path.dirname(scratch); up = path.dirname(up)) fs.chmodSync(up, 0o755);
    fs.chmodSync(box.realDir, 0o777);
    const stranger = await python(`${BIND}\ns.listen(9)`, [`${box.realDir}/box.sock`, 'SOCK_STREAM'], 1234);
    await assert.rejects(box.connect('box.sock', { verifyPeer: true }), {
      code: 'ERR_BOX_SOCKETS_PEER',
      owner: 1234,
      expected: 0,
    });
    (await box.connect('box.sock')).destroy();
    await stranger.end();
  },

  'no descriptor is left, neither by success nor by failure': async () => {
    const box = newBox();
    const round = async () => {
      const server = await listening(box, saying('hello'));
      for (const way of WAYS) {
        await received(await box.connect('box.sock', way));
        await fails(box.connect('none.sock', way), 'ENOENT');
      }
      await fails(box.listen(net.createServer(), 'box.sock'), 'EADDRINUSE');
      await closed(server);
      const abort = new AbortController();
      const aborting = box.listen(net.createServer(), 'box.sock', { signal: abort.signal });
      abort.abort();
      await fails(aborting, 'ABORT_ERR');
      (await box.hold()).release();
    };
    for (let i = 0; i < 3; i++) await round(); // the runtime opens what it opens once
    await pause(100);
    const before = descriptors();
    for (let i = 0; i < 20; i++) await round();
    await until(() => descriptors() <= before);
  },

  'hold: locks, refreshes, restores, lets go': async () => {
    const box = newBox();
    const hold = await box.hold({ refreshInterval: 10 });
    assert.equal(isLocked(box.parentDir), true);
    fs.lutimesSync(box.bindingDir, 1, 1);
    await until(() => fs.lstatSync(box.bindingDir).mtimeMs > 1e6);
    fs.rmSync(box.parentDir, { recursive: true });
    await until(() => fs.existsSync(box.bindingDir) && isLocked(box.parentDir));
    hold.release();
    await until(() => !isLocked(box.parentDir));
    const locker = await lockExclusively(box.parentDir, 'sleep 0.2');
    box.holdSync().release();
    await (await box.hold())[Symbol.asyncDispose]();
    assert.equal(isLocked(box.parentDir), false);
    if (locker.exitCode === null) await once(locker, 'close');
  },
};

async function main() {
  scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
  base = path.join(scratch, 'b');
  fs.mkdirSync(base, { mode: 0o700 });
  try {
    for (const [check, perform] of Object.entries(checks)) {
      const watchdog = setTimeout(() => {
        console.log(JSON.stringify({ check, ok: false, code: null, message: 'does not end' }));
        process.exit(1);
      }, 20_000);
      try {
        await perform();
        await pause(20);
        assert.deepEqual(stray.splice(0), []);
        console.log(JSON.stringify({ check, ok: true }));
      } catch (error) {
        console.log(JSON.stringify({ check, ok: false, code: error.code ?? null, message: String(error.stack) }));
      }
      clearTimeout(watchdog);
    }
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

main();
