// Requests over a connection that connect() made and an agent keeps cost what they cost with socketPath.

import http from 'node:http';
import os from 'node:os';
import { BoxSockets } from '../dist/index.js';
import { asyncCalls, compare } from './lib/contenders.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { BASE, deepDirectory, scratch, strangeUid } from './lib/scene.mjs';
import { serve } from './lib/server.mjs';

const LOAD = { count: 100, callers: 1 };

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'http',
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid() });
    await box.ensure();
    const server = await serve('http', box.boxSock);
    const kept = { keepAlive: true, maxSockets: 1 };
    const byPath = new http.Agent(kept);
    const connected = new http.Agent(kept);
    // An agent takes a socket that comes later by a callback.
    connected.createConnection = /** @type {any} */ (
      (/** @type {unknown} */ _options, /** @type {(error: unknown, socket?: unknown) => void} */ done) => {
        box.connect('box.sock').then((socket) => done(null, socket), done);
      }
    );
    const samples = await compare(
      [
        asyncCalls('socketPath', () => get({ agent: byPath, socketPath: box.boxSock }), LOAD),
        asyncCalls('connect', () => get({ agent: connected }), LOAD),
      ],
      rounds,
    );
    for (const agent of [byPath, connected]) agent.destroy();
    await server.end();
    return {
      title: 'Requests over a kept connection',
      setting: 'http.request, one after another, over one connection. The server is another process.',
      rows: toRows(samples, 'µs', { connect: 'a socket of connect()' }),
      targets: [
        times(samples, 'connect', 'socketPath', {
          what: 'a socket of connect() / socketPath',
          atMost: 1.02,
          guard: 1.2,
        }),
      ],
    };
  },
};

/**
 * @param {http.RequestOptions} options
 * @returns {Promise<void>}
 */
function get(options) {
  return new Promise((resolve, reject) => {
    const request = http.request({ path: '/', host: 'localhost', ...options }, (response) => {
      response.resume().once('end', () => resolve());
    });
    request.once('error', reject).end();
  });
}
