// Replacing a binding costs its system calls.

import path from 'node:path';
import { BoxSockets } from '../dist/index.js';
import { calls, compare } from './lib/contenders.mjs';
import { floor } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { replace } from './lib/rivals.mjs';
import { deepDirectory, IN_MEMORY, scratch } from './lib/scene.mjs';

const CALLS = 40;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'replace',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const base = scratch(IN_MEMORY);
    const realDir = deepDirectory(path.join(base, 'one'), 180, 9);
    const otherDir = deepDirectory(path.join(base, 'two'), 180, 9);
    const box = new BoxSockets('box1', realDir, { base });
    const other = new BoxSockets('box1', otherDir, { base });
    const place = { base, parent: box.parentDir, binding: box.bindingDir, realDir };
    box.ensureSync();
    const lowest = floor('replace', [base, place.parent, place.binding, realDir, otherDir, box.boxId], CALLS);
    let turn = false;
    const replaceBox = () => {
      turn = !turn;
      const { status } = (turn ? other : box).ensureSync();
      if (status !== 'replaced') throw new Error(`expected a replacement, found ${status}`);
    };
    const samples = await compare(
      [
        lowest,
        calls('ensureSync', replaceBox, CALLS),
        calls('node:fs without a lock', replace(place, otherDir), CALLS),
      ],
      rounds,
    );
    await lowest.end();
    return {
      title: 'Replacing a binding',
      setting: 'The binding leads to another directory, in which no process holds a socket.',
      rows: toRows(samples, 'µs'),
      targets: [times(samples, 'ensureSync', 'floor', { atMost: 1.25, guard: 1.4 })],
    };
  },
};
