// The whole public API, checked in whatever runtime this file is run by, against the package as it was installed by
// name. Prints one line of JSON for each check: { check, ok } or { check, ok: false, code, message }. Nothing here knows
// which runtime it is: what one of them cannot do fails, and docs/runtimes.md has to say so. The arguments are the command
// that runs a script in this runtime, for the checks that start children.
// @ts-nocheck: plain JavaScript, as a host without types writes it.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const entries = {
  boxsockets: require('boxsockets'),
  'boxsockets/binding': require('boxsockets/binding'),
  'boxsockets/box': require('boxsockets/box'),
  'boxsockets/runtime': require('boxsockets/runtime'),
  'boxsockets/sandbox': require('boxsockets/sandbox'),
};
const {
  BoxSockets,
  BoxSocketsError,
  DERIVED_NAMES,
  assertKrunPin,
  assertKrunPinSync,
  checkKrunPin,
  checkKrunPinSync,
  measureSunPathLimit,
  measureSunPathLimitSync,
  preload,
  probeSocketPath,
  probeSocketPathSync,
  runtimeBase,
  sameInode,
  sameInodeSync,
  sunPathLimit,
} = entries.boxsockets;
const { BoxConfig, BoxLayout, ShimProcess, socketHolders, waitForReady } = entries['boxsockets/box'];
const { BoxRuntime, SqliteBoxStore } = entries['boxsockets/runtime'];
const sandbox = entries['boxsockets/sandbox'];

/** Everything that the entries export; the checks below use each of them. */
const EXPORTS = {
  boxsockets: [
    'BoxSockets',
    'BoxSocketsError',
    'DERIVED_NAMES',
    'assertKrunPin',
    'assertKrunPinSync',
    'checkKrunPin',
    'checkKrunPinSync',
    'measureSunPathLimit',
    'measureSunPathLimitSync',
    'preload',
    'probeSocketPath',
    'probeSocketPathSync',
    'runtimeBase',
    'sameInode',
    'sameInodeSync',
    'sunPathLimit',
  ],
  'boxsockets/binding': ['useBinding'],
  'boxsockets/box': ['BoxConfig', 'BoxLayout', 'ShimProcess', 'socketHolders', 'waitForReady'],
  'boxsockets/runtime': ['BoxRuntime', 'SqliteBoxStore'],
  'boxsockets/sandbox': [
    'bubblewrapArgs',
    'buildPathAccess',
    'canonicalizeKeepingLeaf',
    'canonicalizeKeepingLeafSync',
    'diskAccess',
    'diskAccessSync',
    'seatbeltPolicy',
    'shellQuote',
  ],
};
/** Used within the package, and reachable because one file is both a room and an entry. */
const INTERNAL = { 'boxsockets/binding': ['native'] };

const uid = process.getuid();
let scratch;
let base;
let serial = 0;

/** A box of its own in a home of more bytes than a socket address holds. */
function newBox(options) {
  const id = `box${++serial}`;
  const realDir = path.join(scratch, 'd'.repeat(90), 'boxes', id, 'sockets');
  fs.mkdirSync(realDir, { recursive: true });
  return new BoxSockets(id, realDir, { base, ...options });
}

function twins(name, sync, async) {
  return { [`${name}, at once`]: sync, [`${name}, on a worker thread`]: async };
}

/** A store of a host's own. */
class RowsInMemory {
  rows = new Map();
  get = async (id) => this.rows.get(id);
  insert = async (row) => void this.rows.set(row.id, row);
  update = async (row) => this.rows.has(row.id) && Boolean(this.rows.set(row.id, row));
  delete = async (id) => this.rows.delete(id);
  close = async () => undefined;
  async *pages() {
    yield [...this.rows.values()];
  }
}

const checks = {
  'require and import give the same': async () => {
    for (const [name, exported] of Object.entries(entries)) {
      const imported = await import(name);
      for (const key of Object.keys(exported)) assert.equal(imported[key], exported[key], `${name}: ${key}`);
    }
  },

  'every export is known': () => {
    for (const [name, exported] of Object.entries(entries)) {
      const known = [...EXPORTS[name], ...(INTERNAL[name] ?? [])].sort();
      assert.deepEqual(Object.keys(exported).sort(), known, name);
    }
    const { exports: stated } = require('boxsockets/package.json');
    const names = Object.keys(stated).filter((entry) => entry !== './package.json');
    assert.deepEqual(names.map((entry) => path.posix.join('boxsockets', entry)).sort(), Object.keys(entries).sort());
  },

  'every export can be replaced by a test': () => {
    for (const [name, exported] of Object.entries(entries)) {
      for (const [key, { configurable }] of Object.entries(Object.getOwnPropertyDescriptors(exported))) {
        assert.equal(configurable || key === '__esModule', true, `${name}: ${key}`);
      }
    }
  },

  'paths from identity alone': () => {
    const box = new BoxSockets('b1', '/home/me/boxes/b1/sockets', { base: '/b', uid: 7, names: ['ssh.sock'] });
    assert.equal(box.bindingDir, '/b/bl-7/b1');
    assert.equal(box.parentDir, '/b/bl-7');
    assert.equal(box.boxSock, '/b/bl-7/b1/box.sock');
    assert.equal(box.readySock, '/b/bl-7/b1/ready.sock');
    assert.equal(box.netBackendSock, '/b/bl-7/b1/net.sock');
    assert.equal(box.netControlSock, '/b/bl-7/b1/gvproxy-ctl.sock');
    assert.equal(box.netPeerSock, '/b/bl-7/b1/net.sock-krun.sock');
    assert.equal(box.socket('ssh.sock'), '/b/bl-7/b1/ssh.sock');
    assert.equal(new BoxSockets('b1', pathToFileURL('/x/y')).realDir, '/x/y');
    assert.equal(new BoxSockets('b1', Buffer.from('/x/y')).realDir, '/x/y');
    assert.equal(new BoxSockets('b1', '/x').parentDir, `/tmp/bl-${uid}`);
    assert.deepEqual(new BoxSockets('b1', '/x', { krun: 'temp-dir' }).shimEnv(), { TMPDIR: `/tmp/bl-${uid}/b1` });
    assert.deepEqual(
      box.policyPaths().map(({ writable }) => writable),
      [true, true, false],
    );
  },

  'wrong arguments are refused before anything is touched': async () => {
    const refused = (code, call) => assert.throws(call, { name: 'TypeError', code });
    refused('ERR_INVALID_ARG_VALUE', () => new BoxSockets('..', '/x'));
    refused('ERR_INVALID_ARG_TYPE', () => new BoxSockets(1, '/x'));
    refused('ERR_INVALID_ARG_VALUE', () => new BoxSockets('b', Buffer.from([0xff])));
    refused('ERR_INVALID_ARG_VALUE', () => new BoxSockets('b', '/x', { base: 'relative' }));
    refused('ERR_INVALID_ARG_VALUE', () => newBox().socket('.~x.sock'));
    refused('ERR_INVALID_ARG_VALUE', () => new BoxSockets('b', '/x', { bse: '/tmp' }));
    refused('ERR_INVALID_ARG_TYPE', () => newBox().ensureSync({ takeover: 'yes' }));
    await assert.rejects(newBox().listen({}, 'box.sock'), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(newBox().connect('..'), { code: 'ERR_INVALID_ARG_VALUE' });
  },

  'a binding for any directory': () => {
    preload();
    const id = BoxSockets.idFor(scratch);
    const names = ['.s.PGSQL.5432', { name: 'cm-user@host:22', derives: DERIVED_NAMES.ssh }];
    const box = new BoxSockets(id, scratch, { base: scratch, standardNames: false, names });
    assert.equal(box.budget().sockets.length, 3);
    box.ensureSync();
    assert.equal(box.probeSync().ok, true);
    assert.equal(box.removeSync().status, 'removed');
    assert.equal(path.isAbsolute(runtimeBase()), true);
  },

  'a budget of every name': () => {
    const budget = newBox({ names: ['ssh.sock', { name: 'log.sock', type: 'dgram' }] }).budget();
    assert.equal(JSON.stringify(budget).includes('ssh.sock'), true);
    assert.equal(budget.fits, true);
    assert.equal(budget.deadZone, false);
  },

  'limits, declared and measured': async () => {
    const { capacity, maxBytes, portableMaxBytes } = sunPathLimit();
    assert.equal(portableMaxBytes, 103);
    // XNU takes what fits its SOCK_MAXADDRLEN of 255 bytes.
    const measured = { declared: capacity, measured: process.platform === 'darwin' ? 253 : maxBytes };
    assert.deepEqual(measureSunPathLimitSync(scratch), measured);
    assert.deepEqual(await measureSunPathLimit(scratch), measured);
  },

  ...twins(
    'ensure, probe, list, remove',
    () => {
      const box = newBox();
      assert.deepEqual(box.ensureSync(), { status: 'created', bindingDir: box.bindingDir });
      assert.deepEqual(box.ensureSync(), { status: 'unchanged', bindingDir: box.bindingDir });
      assert.equal(fs.readlinkSync(box.bindingDir), box.realDir);
      assertProbe(box.probeSync());
      assertListed(box, BoxSockets.listSync({ base }));
      assert.equal(sameInodeSync(box.bindingDir, box.realDir), true);
      assert.deepEqual(box.removeSync(), { status: 'removed' });
      assert.deepEqual(box.removeSync(), { status: 'absent' });
    },
    async () => {
      const box = newBox();
      assert.deepEqual(await box.ensure(), { status: 'created', bindingDir: box.bindingDir });
      assert.deepEqual(await box.ensure(), { status: 'unchanged', bindingDir: box.bindingDir });
      assertProbe(await box.probe());
      assertListed(box, await BoxSockets.list({ base }));
      assert.equal(await sameInode(box.bindingDir, box.realDir), true);
      assert.deepEqual(await box.remove(), { status: 'removed' });
      assert.deepEqual(await box.remove(), { status: 'absent' });
    },
  ),

  'many callers at once': async () => {
    const box = newBox();
    const results = await Promise.all(Array.from({ length: 50 }, () => box.ensure()));
    assert.equal(results.filter(({ status }) => status === 'created').length, 1);
    const boxes = Array.from({ length: 20 }, () => newBox());
    const all = await BoxSockets.ensureAll([box, ...boxes]);
    assert.deepEqual(
      all.map(({ status }) => status),
      ['unchanged', ...boxes.map(() => 'created')],
    );
  },

  ...twins(
    'a sweep takes what leads nowhere',
    () => {
      const [kept, gone] = sweepable();
      assert.equal(BoxSockets.sweepStaleSync({ base, dryRun: true }).removed.includes(gone.boxId), true);
      assertSwept(BoxSockets.sweepStaleSync({ base }), kept, gone);
    },
    async () => {
      const [kept, gone] = sweepable();
      assertSwept(await BoxSockets.sweepStale({ base }), kept, gone);
    },
  ),

  ...twins(
    'a probe of any path tells why it does not bind',
    () => {
      const at = (file, options) => probeSocketPathSync(path.join(scratch, file), options);
      assert.equal(at('x.sock').ok, true);
      assert.equal(at('x.sock', { type: 'dgram' }).ok, true);
      assert.equal(at('none/x.sock').code, 'ENOENT');
      const long = at(`${'d'.repeat(90)}/boxes/${'n'.repeat(50)}`);
      assert.equal(long.code, 'ENAMETOOLONG');
      // Node 20 and 22 bind a cut path; the rest refuse.
      const major = Number.parseInt(process.versions.node, 10);
      assert.equal(long.nodeTruncates, !process.versions.bun && !process.versions.deno && major < 23);
    },
    async () => {
      assert.equal((await probeSocketPath(path.join(scratch, 'y.sock'))).ok, true);
      assert.equal((await probeSocketPath(path.join(scratch, 'none', 'y.sock'))).code, 'ENOENT');
    },
  ),

  'a failed call keeps its code, its errno and both paths': async () => {
    const missing = path.join(scratch, 'missing');
    for (const call of [() => sameInode(missing, scratch), async () => sameInodeSync(missing, scratch)]) {
      const error = await call().then(assert.fail, (reason) => reason);
      assert.ok(error instanceof BoxSocketsError);
      assert.equal(error.code, 'ENOENT');
      assert.equal(error.errno, -os.constants.errno.ENOENT);
      assert.equal(error.syscall, 'stat');
      assert.equal(error.path, missing);
    }
    const homeless = new BoxSockets('homeless', missing, { base });
    assert.throws(() => homeless.ensureSync(), { code: 'ERR_BOX_SOCKETS_REAL_DIR', path: missing });
  },

  ...twins(
    'hold',
    () => {
      const box = newBox();
      const hold = box.holdSync();
      assert.equal(hold.bindingDir, box.bindingDir);
      hold.release();
      hold[Symbol.dispose]?.();
    },
    async () => {
      const box = newBox();
      const hold = await box.hold({ refreshInterval: 5 });
      fs.unlinkSync(box.bindingDir);
      while (!fs.existsSync(box.bindingDir)) await new Promise((resolve) => setTimeout(resolve, 5));
      hold.release();
    },
  ),

  'listen and connect': async () => {
    const box = newBox();
    await withServer(box, 'box.sock', async () => {
      assert.equal(fs.statSync(path.join(box.realDir, 'box.sock')).mode & 0o777, 0o600);
      assert.deepEqual(box.budget().deadZone, false);
      assert.equal(BoxSockets.listSync({ base }).find(({ id }) => id === box.boxId).state, 'live');
      assert.equal(await converse(await box.connect('box.sock')), 'echo hello');
      await assert.rejects(box.listen(net.createServer(), 'box.sock'), { code: 'EADDRINUSE' });
    });
    assert.equal(fs.existsSync(path.join(box.realDir, 'box.sock')), false);
    await assert.rejects(box.connect('box.sock'), { code: 'ENOENT' });
  },

  'connect heals a binding that was taken away': async () => {
    const box = newBox();
    await withServer(box, 'box.sock', async () => {
      fs.unlinkSync(box.bindingDir);
      assert.equal(await converse(await box.connect('box.sock')), 'echo hello');
    });
  },

  'connect with verifyPeer': async () => {
    const box = newBox();
    await withServer(box, 'box.sock', async () => {
      assert.equal(await converse(await box.connect('box.sock', { verifyPeer: true })), 'echo hello');
    });
  },

  'a stale socket file is replaced': async () => {
    const box = newBox();
    await once(run(LEAVER, box.realDir), 'exit');
    assert.equal(fs.existsSync(path.join(box.realDir, 'box.sock')), true);
    await withServer(box, 'box.sock', async () => {
      assert.equal(await converse(await box.connect('box.sock')), 'echo hello');
    });
  },

  'listen and connect give up when told to': async () => {
    const aborted = AbortSignal.abort();
    const box = newBox();
    await assert.rejects(box.listen(net.createServer(), 'box.sock', { signal: aborted }), { code: 'ABORT_ERR' });
    await assert.rejects(box.connect('box.sock', { signal: aborted }), { code: 'ABORT_ERR' });
    assert.equal(fs.existsSync(path.join(box.realDir, 'box.sock')), false);
  },

  ...twins(
    'the vendor pin',
    () => {
      const source = krunSource();
      assert.equal(checkKrunPinSync({ source }).scheme, 'suffix');
      assert.equal(assertKrunPinSync({ source }, 'suffix').suffix, '-krun.sock');
      assert.throws(() => assertKrunPinSync({ source }, 'temp-dir'), { code: 'ERR_BOX_SOCKETS_VENDOR_PIN' });
    },
    async () => {
      const source = krunSource();
      const pin = await checkKrunPin({ source });
      assert.equal(new BoxSockets('b1', '/x', { krun: pin }).netPeerSock.endsWith('net.sock-krun.sock'), true);
      await assert.rejects(assertKrunPin({ source }, 'none'), { code: 'ERR_BOX_SOCKETS_VENDOR_PIN' });
    },
  ),

  'box: a row and its layout': async () => {
    const home = path.join(scratch, 'home', 'boxes', 'Qe5yTn1cHj6u');
    const row = {
      id: 'Qe5yTn1cHj6u',
      name: null,
      created_at: '2026-01-02T03:04:05Z',
      container: { id: 'c' },
      options: { further: 1 },
      engine_kind: 'Libkrun',
      box_home: home,
      transport: { Unix: { socket_path: '/old' } },
    };
    const config = BoxConfig.parse(JSON.stringify(row));
    const { transport: _, ...kept } = row;
    assert.deepEqual(JSON.parse(String(config)), kept);
    assert.equal(config.transport({ base }).path, `${base}/bl-${uid}/Qe5yTn1cHj6u/box.sock`);
    const layout = new BoxLayout(home, { base });
    assert.equal((await layout.prepare()).status, 'created');
    assert.equal(layout.prepareSync().status, 'unchanged');
    assert.equal(fs.realpathSync(layout.sockets.bindingDir), fs.realpathSync(layout.socketsDir));
    assert.deepEqual(await layout.cleanup(), { home: 'removed', binding: 'removed' });
    assert.deepEqual(layout.cleanupSync(), { home: 'absent', binding: 'absent' });
  },

  'box: a child is told apart, signalled and seen to end': async () => {
    const child = run(SLEEPER);
    const shim = ShimProcess.ofChild(child);
    const file = path.join(scratch, 'shim.pid');
    shim.writeSync(file);
    const read = await ShimProcess.read(file);
    assert.deepEqual([read.pid, read.startTime, read.bootId], [child.pid, shim.startTime, shim.bootId]);
    assert.equal(await read.isAlive(), true);
    assert.equal(new ShimProcess(shim.pid, shim.startTime + 1, { bootId: shim.bootId }).isAliveSync(), false);
    assert.equal(await shim.kill('SIGKILL'), true);
    assert.equal(await shim.waitForExit({ timeout: 20_000 }), true);
    assert.equal(await shim.isAlive(), false);
    if (child.signalCode === null) await once(child, 'exit');
    assert.deepEqual(shim.exit, { code: null, signal: 'SIGKILL' });
  },

  'box: waiting for a guest that gets ready': async () => {
    const layout = new BoxLayout(path.join(scratch, 'ready'), { base });
    await layout.prepare();
    const shim = () => ShimProcess.ofChild(run(DIALER, layout.sockets.readySock));
    const ready = await waitForReady(layout, { shim, timeout: 30_000 });
    assert.equal(await ready.shim.kill('SIGKILL'), true);
    const alive = (await socketHolders(layout.sockets)).filter(({ held }) => held !== false);
    assert.deepEqual(alive, []);
    await assert.rejects(waitForReady(layout, { timeout: 1 }), { code: 'ERR_BOX_SOCKETS_READY_TIMEOUT' });
  },

  'runtime: a box from its row to its removal': async () => {
    const runtime = await BoxRuntime.open({
      homeDir: path.join(scratch, 'runtime'),
      store: new RowsInMemory(),
      base,
    });
    const { id } = await runtime.provision({ name: 'web' });
    const layout = new BoxLayout(path.join(scratch, 'runtime', 'boxes', id), { base });
    const [command, ...args] = process.argv.slice(2);
    args.push(programFile(DIALER), layout.sockets.readySock);
    const launched = await runtime.launch(id, { command, args }, { readyTimeout: 60_000 });
    assert.equal(await launched.shim.isAlive(), true);
    assert.equal((await runtime.get(id)).id, id);
    await assert.rejects(runtime.remove(id), { code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    await runtime.remove(id, { force: true });
    assert.equal(await launched.shim.isAlive(), false);
    assert.equal(fs.existsSync(layout.boxHome) || fs.existsSync(layout.sockets.bindingDir), false);
    await runtime.close();
  },

  "runtime: rows in the runtime's own SQLite, and where it has none, that is said": async () => {
    const file = path.join(scratch, 'rows', 'boxes.db');
    if (process.getBuiltinModule('node:sqlite') === undefined) {
      return assert.rejects(SqliteBoxStore.open(file), { code: 'ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE' });
    }
    const store = await SqliteBoxStore.open(file);
    const row = { id: 'b1', name: 'web', createdAt: 1, json: '{}' };
    await store.insert(row);
    await assert.rejects(store.insert({ ...row, name: null }), { code: 'ERR_BOX_SOCKETS_BOX_EXISTS' });
    await assert.rejects(store.insert({ ...row, id: 'b2' }), { code: 'ERR_BOX_SOCKETS_BOX_EXISTS' });
    assert.deepEqual(await store.get('b1'), row);
    for await (const rows of store.pages()) assert.deepEqual(rows, [row]);
    assert.equal(await store.delete('b1'), true);
    await store.close();
  },

  'sandbox: policies': async () => {
    const box = newBox();
    const boxHome = path.dirname(box.realDir);
    const paths = sandbox.buildPathAccess({ boxHome, sockets: box }, [{ hostPath: '/srv', readOnly: true }]);
    assert.equal(paths.length, 9);
    assert.deepEqual(await sandbox.diskAccess({ boxHome, sockets: box }), []);
    assert.deepEqual(sandbox.diskAccessSync({ boxHome, sockets: box }), []);
    assert.match(sandbox.seatbeltPolicy(paths), /network-bind/);
    assert.equal(sandbox.bubblewrapArgs(box.policyPaths()).includes('--symlink'), true);
    assert.equal(sandbox.shellQuote(['a b']), "'a b'");
    box.ensureSync();
    const leaf = box.bindingDir;
    const literal = path.join(fs.realpathSync(path.dirname(leaf)), path.basename(leaf));
    assert.equal(sandbox.canonicalizeKeepingLeafSync(leaf), literal);
    assert.equal(await sandbox.canonicalizeKeepingLeaf(leaf), literal);
  },

  'useBinding takes a path and refuses what is no binary of ours': () => {
    const { useBinding } = entries['boxsockets/binding'];
    const broken = path.join(scratch, 'broken.node');
    fs.writeFileSync(broken, 'not a library');
    assert.throws(() => useBinding(broken), { code: 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE' });
    assert.throws(() => useBinding({ contract: -1 }), { code: 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE' });
    assert.throws(() => useBinding(1), { code: 'ERR_INVALID_ARG_TYPE' });
    useBinding(ownBinary());
    assert.equal(sameInodeSync(scratch, scratch), true);
  },
};

function assertProbe(report) {
  assert.equal(report.ok, true, JSON.stringify(report));
  assert.equal(report.sockets.length >= 5, true);
}

function assertListed(box, listed) {
  const { target, state } = listed.find(({ id }) => id === box.boxId);
  assert.deepEqual({ target, state }, { target: box.realDir, state: 'idle' });
}

function sweepable() {
  const boxes = [newBox(), newBox()];
  for (const box of boxes) box.ensureSync();
  fs.rmSync(boxes[1].realDir, { recursive: true });
  return boxes;
}

function assertSwept({ removed, skipped }, kept, gone) {
  assert.deepEqual(skipped, []);
  assert.equal(removed.includes(gone.boxId), true);
  assert.equal(fs.existsSync(kept.bindingDir), true);
}

/** Runs `body` while an echoing server listens on a name of the box. */
async function withServer(box, name, body) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => socket.end(`echo ${data}`));
  });
  await box.listen(server, name);
  try {
    await body();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function converse(socket) {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(text));
    socket.write('hello');
  });
}

/** Binds `box.sock` in the directory that it is given and dies without removing it. */
const LEAVER = `
  process.chdir(process.argv[2]);
  require('node:net').createServer().listen('box.sock', () => process.kill(process.pid, 'SIGKILL'));
`;
const SLEEPER = 'setTimeout(() => {}, 60_000);';
/** Connects to the socket that it is given, and stays. */
const DIALER = `
  require('node:net').connect(process.argv[2]).on('error', () => {});
  setTimeout(() => {}, 60_000);
`;

function programFile(program) {
  const file = path.join(scratch, `${++serial}.cjs`);
  fs.writeFileSync(file, program);
  return file;
}

/** Starts a program in this runtime. */
function run(program, ...operands) {
  const [command, ...args] = process.argv.slice(2);
  return spawn(command, [...args, programFile(program), ...operands], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function krunSource() {
  const source = path.join(scratch, 'unixgram.rs');
  fs.writeFileSync(
    source,
    'fn own(path: &Path) { UnixAddr::new(&PathBuf::from(format!("{}-krun.sock", path.display()))); }\n',
  );
  return source;
}

/** The binary that this runtime has loaded: the one of its libc. */
function ownBinary() {
  const folder = path.join(path.dirname(require.resolve('boxsockets/package.json')), 'prebuilds');
  const files = fs.readdirSync(path.join(folder, `${process.platform}-${process.arch}`));
  for (const file of files) {
    const whole = path.join(folder, `${process.platform}-${process.arch}`, file);
    try {
      process.dlopen({ exports: {} }, whole);
      return whole;
    } catch {
      // that of the other libc
    }
  }
  assert.fail(`none of ${files} loads`);
}

async function main() {
  scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
  base = path.join(scratch, 'b');
  fs.mkdirSync(base, { mode: 0o700 });
  try {
    for (const [check, perform] of Object.entries(checks)) {
      try {
        await perform();
        console.log(JSON.stringify({ check, ok: true }));
      } catch (error) {
        console.log(JSON.stringify({ check, ok: false, code: error.code ?? null, message: String(error.stack) }));
      }
    }
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

main();
