// Creating and removing a binding costs its system calls.

import { BoxSockets } from '../dist/index.js';
import { calls, compare } from './lib/contenders.mjs';
import { floor } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { createAndRemove } from './lib/rivals.mjs';
import { deepDirectory, IN_MEMORY, scratch } from './lib/scene.mjs';

const CALLS = 40;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'create-remove',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const base = scratch(IN_MEMORY);
    const realDir = deepDirectory(base, 180, 9);
    const box = new BoxSockets('box1', realDir, { base });
    const place = { base, parent: box.parentDir, binding: box.bindingDir, realDir };
    box.ensureSync();
    box.removeSync();
    const lowest = floor('create_remove', [base, place.parent, place.binding, realDir, box.boxId], CALLS);
    const createAndRemoveBox = () => {
      box.ensureSync();
      box.removeSync();
    };
    const samples = await compare(
      [
        lowest,
        calls('ensureSync, removeSync', createAndRemoveBox, CALLS),
        calls('node:fs without a lock', createAndRemove(place), CALLS),
      ],
      rounds,
    );
    await lowest.end();
    return {
      title: 'Creating and removing a binding',
      setting: 'One ensureSync() that creates and one removeSync() together.',
      rows: toRows(samples, 'µs'),
      targets: [times(samples, 'ensureSync, removeSync', 'floor', { atMost: 1.25, guard: 1.4 })],
    };
  },
};
