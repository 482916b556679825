// Does each operation of a box twice, the second one between two marks: `calls.cjs BASE UID REAL_DIR DIAL DIRECTORY`, under strace.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { once } = require('node:events');
const { BoxSockets } = require('../../dist/index.js');

const { BoxRuntime } = require('../../dist/runtime/index.js');
const noStore = require('./no-store.cjs');

const [, , base = '', uid = '', realDir = '', dial = '', directory = ''] = process.argv;
const box = new BoxSockets('box1', realDir, { base, uid: Number(uid) });

/** @param {(server: import('node:net').Server) => Promise<unknown>} listen */
async function listenAndClose(listen) {
  const server = net.createServer();
  await listen(server);
  server.close();
  await once(server, 'close');
}

/** @param {() => import('node:net').Socket | Promise<import('node:net').Socket>} connect */
async function connectAndDestroy(connect) {
  const socket = await connect();
  if (socket.connecting) await once(socket, 'connect');
  socket.destroy();
  await once(socket, 'close');
}

/** A box whose shim dials `ready.sock` at once: launched, and stopped afterwards. */
function launching() {
  /** @type {Promise<BoxRuntime> | undefined} */
  let opened;
  const open = async () => {
    const runtime = await BoxRuntime.open({ homeDir: path.join(directory, 'home'), base: directory, store: noStore() });
    await runtime.provision({ id: 'box1' });
    return runtime;
  };
  return {
    async before() {
      opened ??= open();
      await (await opened).stop('box1');
    },
    async run() {
      const runtime = await opened;
      await runtime?.launch('box1', { command: dial, args: [`${directory}/bl-${process.getuid?.()}/box1/ready.sock`] });
    },
  };
}

async function spawnByHand() {
  const file = path.join(directory, 'ready.sock');
  const server = net.createServer();
  server.listen(file);
  await once(server, 'listening');
  const ready = once(server, 'connection');
  const child = spawn(dial, [file], { detached: true, stdio: 'ignore' });
  const [socket] = await ready;
  socket.destroy();
  server.close();
  await once(server, 'close');
  child.kill('SIGKILL');
}

/** @type {Record<string, { before?: () => unknown, run: () => unknown }>} */
const OPERATIONS = {
  'ensureSync, steady': { before: () => box.ensureSync(), run: () => box.ensureSync() },
  'ensureSync of a missing binding': { before: () => box.removeSync(), run: () => box.ensureSync() },
  removeSync: { before: () => box.ensureSync(), run: () => box.removeSync() },
  'listen, close': { run: () => listenAndClose((server) => box.listen(server, 'net.sock')) },
  'net.Server.listen, close': {
    run: () => listenAndClose((server) => once(server.listen(box.netBackendSock), 'listening')),
  },
  connect: { run: () => connectAndDestroy(() => box.connect('box.sock')) },
  'connect, verifyPeer': { run: () => connectAndDestroy(() => box.connect('box.sock', { verifyPeer: true })) },
  launch: launching(),
  'spawn, listen, accept by hand': { run: spawnByHand },
  'net.connect': { run: () => connectAndDestroy(() => net.connect(box.boxSock)) },
};

async function main() {
  const server = net.createServer({ pauseOnConnect: true });
  await box.listen(server, 'box.sock');
  for (const [name, { before, run }] of Object.entries(OPERATIONS)) {
    await before?.();
    // What came before has ended, on this thread and on others, and a steady parent may be proven to be one.
    await new Promise((resolve) => setTimeout(resolve, 150));
    await run();
    await before?.();
    fs.existsSync(`/begin ${name}`);
    await run();
    fs.existsSync(`/end ${name}`);
  }
  // A shim survives its host.
  await OPERATIONS.launch?.before?.();
  process.exit();
}

void main();
