// Dialing through a binding costs what net.connect costs, and asking who listens little more.

import net from 'node:net';
import os from 'node:os';
import { BoxSockets } from '../dist/index.js';
import { asyncCalls, compare } from './lib/contenders.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { BASE, deepDirectory, scratch, strangeUid } from './lib/scene.mjs';
import { serve } from './lib/server.mjs';

const LOADS = [
  { what: 'one after another', count: 100, callers: 1 },
  { what: '50 at a time', count: 500, callers: 50 },
];
const CROWD = 2000;
const SHORT_BACKLOG = 8;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'connect',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid(), names: ['crowd.sock'] });
    await box.ensure();
    /** @type {import('./lib/outcome.mjs').Outcome} */
    const outcome = {
      title: 'Dialing a socket',
      setting:
        'The server is another process. net.connect dials the same path. A socket is destroyed as soon as it is connected.',
      rows: [],
      targets: [],
    };
    const server = await serve('accept', box.boxSock);
    for (const { what, ...load } of LOADS) {
      const samples = await compare(
        [
          asyncCalls('net.connect', async () => (await connect(box.boxSock)).destroy(), load),
          asyncCalls('connect', async () => (await box.connect('box.sock')).destroy(), load),
          asyncCalls(
            'connect, verifyPeer',
            async () => (await box.connect('box.sock', { verifyPeer: true })).destroy(),
            load,
          ),
        ],
        Math.ceil(rounds / 2),
      );
      outcome.rows.push(...toRows(samples, 'µs').map((row) => ({ ...row, name: `${row.name}, ${what}` })));
      for (const [name, atMost] of /** @type {const} */ ([
        ['connect', 1.05],
        ['connect, verifyPeer', 1.1],
      ])) {
        const limit = { what: `${name} / net.connect, ${what}`, atMost, guard: 1.5 };
        outcome.targets.push(times(samples, name, 'net.connect', limit));
      }
    }
    await server.end();
    const crowded = await compareCrowds(box, Math.ceil(rounds / 8));
    outcome.rows.push(...crowded.rows);
    outcome.targets.push(...crowded.targets);
    return outcome;
  },
};

/**
 * Many at once where few can wait: the kernel says EAGAIN to the others.
 *
 * @param {BoxSockets} box
 * @param {number} rounds
 */
async function compareCrowds(box, rounds) {
  const path = box.socket('crowd.sock');
  const server = await serve('stream', path, SHORT_BACKLOG);
  const samples = await compare(
    [crowd('a client that retries', () => persist(path)), crowd('connect', () => box.connect('crowd.sock'))],
    rounds,
  );
  await server.end();
  const what = `${CROWD.toLocaleString('en')} at once into a backlog of ${SHORT_BACKLOG}`;
  return {
    rows: toRows(samples, 'ms').map((row) => ({ ...row, name: `${row.name}, ${what}` })),
    targets: [
      times(samples, 'connect', 'a client that retries', {
        what: `connect / a client that retries, ${what}`,
        atMost: 1.2,
        guard: 2,
      }),
    ],
  };
}

/**
 * All of them connect, or the round fails.
 *
 * @param {string} name
 * @param {() => Promise<net.Socket>} dial
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function crowd(name, dial) {
  return {
    name,
    async round() {
      const start = process.hrtime.bigint();
      const sockets = await Promise.all(Array.from({ length: CROWD }, dial));
      const took = Number(process.hrtime.bigint() - start);
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())));
      return took;
    },
  };
}

/**
 * @param {string} path
 * @returns {Promise<net.Socket>}
 */
function connect(path) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

/**
 * @param {string} path
 * @returns {Promise<net.Socket>}
 */
async function persist(path) {
  for (;;) {
    try {
      return await connect(path);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
