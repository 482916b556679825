// probeSync() costs its system calls.

import { BoxSockets } from '../dist/index.js';
import { calls, compare } from './lib/contenders.mjs';
import { floor } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { deepDirectory, IN_MEMORY, scratch } from './lib/scene.mjs';

const CALLS = 8;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'probe',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const base = scratch(IN_MEMORY);
    const realDir = deepDirectory(base, 180, 9);
    const box = new BoxSockets('box1', realDir, { base });
    box.ensureSync();
    const names = box.budget().sockets.map(({ name }) => `.${'x'.repeat(name.length - 1)}`);
    const lowest = floor('probe', [realDir, box.bindingDir, ...names], CALLS);
    const probe = () => {
      if (!box.probeSync().ok) throw new Error('a name does not bind');
    };
    const samples = await compare([lowest, calls('probeSync', probe, CALLS)], rounds);
    await lowest.end();
    return {
      title: 'Probing the names of a box',
      setting: `${names.length} names, each bound, found, connected to, given a byte, and removed.`,
      rows: toRows(samples, 'µs'),
      targets: [times(samples, 'probeSync', 'floor', { atMost: 1.3, guard: 1.5 })],
    };
  },
};
