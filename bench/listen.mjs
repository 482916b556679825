// Listening and closing costs at most twice what a net.Server does by itself, which verifies nothing.

import net from 'node:net';
import { BoxSockets } from '../dist/index.js';
import { asyncCalls, compare } from './lib/contenders.mjs';
import { floor } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { BASE, deepDirectory, IN_MEMORY, scratch, strangeUid } from './lib/scene.mjs';

const BOTH = 'net.Server.listen and the floor';
const LOAD = { count: 10, callers: 1 };

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'listen',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(IN_MEMORY), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid() });
    await box.ensure();
    const lowest = floor('listen', [BASE, box.parentDir, box.bindingDir, realDir, 'box.sock'], LOAD.count);
    const samples = await compare(
      [
        lowest,
        asyncCalls('net.Server', () => listenAndClose((server) => byItself(server, box.boxSock)), LOAD),
        asyncCalls('listen', () => listenAndClose((server) => box.listen(server, 'box.sock')), LOAD),
      ],
      rounds,
    );
    await lowest.end();
    // What a server of Node's takes, and what is asked and verified besides.
    const own = samples.get('net.Server') ?? [];
    samples.set(
      BOTH,
      own.map((took, round) => took + (samples.get('floor')?.[round] ?? Number.NaN)),
    );
    return {
      title: 'Listening and closing',
      setting:
        'The binding is right already. net.Server.listen binds the same path, neither asks nor verifies, and unlinks by path.',
      rows: toRows(samples, 'µs', { 'net.Server': 'net.Server.listen, close', listen: 'listen, close' }),
      targets: [
        times(samples, 'listen', 'net.Server', { what: 'listen / net.Server.listen', atMost: 2, guard: 6 }),
        times(samples, 'listen', BOTH, { what: `listen / ${BOTH}`, atMost: 1.2, guard: 2.5 }),
      ],
    };
  },
};

/** @param {(server: net.Server) => Promise<void>} listen */
async function listenAndClose(listen) {
  const server = net.createServer();
  await listen(server);
  await new Promise((resolve) => server.close(resolve));
}

/**
 * @param {net.Server} server
 * @param {string} path
 * @returns {Promise<void>}
 */
function byItself(server, path) {
  return new Promise((resolve, reject) => server.once('error', reject).listen(path, resolve));
}
