// Launching a shim costs little more than to spawn it, listen and accept by hand, which records nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { BoxRuntime } from '../dist/runtime/index.js';
import { compare } from './lib/contenders.mjs';
import { compile } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import noStore from './lib/no-store.cjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';

const BOXES = 4;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'launch',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const base = scratch(IN_MEMORY);
    const runtime = await BoxRuntime.open({ homeDir: path.join(base, 'home'), base, store: noStore() });
    const command = compile('dial');
    const samples = await compare(
      [
        contender(runtime, 'by hand', async ({ sockets }) => {
          const server = net.createServer();
          server.listen(sockets.readySock);
          await once(server, 'listening');
          const ready = once(server, 'connection');
          const child = spawn(command, [sockets.readySock], { detached: true, stdio: 'ignore' });
          const [socket] = await ready;
          socket.destroy();
          server.close();
          await once(server, 'close');
          return () => {
            child.kill('SIGKILL');
            return once(child, 'exit');
          };
        }),
        contender(runtime, 'launch', async ({ boxId, sockets }) => {
          await runtime.launch(boxId, { command, args: [sockets.readySock] });
          return () => runtime.stop(boxId);
        }),
      ],
      Math.ceil(rounds / 4),
    );
    await runtime.close();
    return {
      title: 'Launching a shim',
      setting:
        'The shim dials ready.sock at once. By hand: spawn, listen, accept, close; no shim.pid, no log, no lock.',
      rows: toRows(samples, 'ms'),
      targets: [times(samples, 'launch', 'by hand', { atMost: 1.3, guard: 4 })],
    };
  },
};

/**
 * @param {BoxRuntime} runtime
 * @param {string} name
 * @param {(layout: import('../dist/box/index.js').BoxLayout) => Promise<() => Promise<unknown>>} launch gives back what
 * ends the shim
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function contender(runtime, name, launch) {
  return {
    name,
    async round() {
      const layouts = [];
      for (let i = 0; i < BOXES; i++) {
        const config = await runtime.provision({ id: `${name.replace(' ', '-')}-${i}` });
        layouts.push(config.layout({ base: path.dirname(runtime.homeDir) }));
      }
      const start = process.hrtime.bigint();
      const ends = [];
      for (const layout of layouts) ends.push(await launch(layout));
      const took = Number(process.hrtime.bigint() - start) / BOXES;
      for (const end of ends) await end();
      for (const { boxId } of layouts) await runtime.remove(boxId, { force: true });
      return took;
    },
  };
}
