// Listening and closing costs at most twice what a net.Server does by itself, which verifies nothing.

import net from 'node:net';
import os from 'node:os';
import { BoxSockets } from '../dist/index.js';
import { asyncCalls, compare } from './lib/contenders.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { BASE, deepDirectory, scratch, strangeUid } from './lib/scene.mjs';

const LOAD = { count: 50, callers: 1 };

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'listen',
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid() });
    await box.ensure();
    const samples = await compare(
      [
        asyncCalls('net.Server', () => listenAndClose((server) => byItself(server, box.boxSock)), LOAD),
        asyncCalls('listen', () => listenAndClose((server) => box.listen(server, 'box.sock')), LOAD),
      ],
      rounds,
    );
    return {
      title: 'Listening and closing',
      setting:
        'The binding is right already. net.Server.listen binds the same path, neither asks nor verifies, and unlinks by path.',
      rows: toRows(samples, 'µs', { 'net.Server': 'net.Server.listen, close', listen: 'listen, close' }),
      targets: [times(samples, 'listen', 'net.Server', { what: 'listen / net.Server.listen', atMost: 2, guard: 8 })],
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
