// A steady ensureSync() costs its system calls, and beats node:fs.

import os from 'node:os';
import { BoxSockets } from '../dist/index.js';
import { calls, compare } from './lib/contenders.mjs';
import { floor } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { byIdentity, byStrings, linkPerOperation } from './lib/rivals.mjs';
import { BASE, deepDirectory, IN_MEMORY, scratch, strangeUid } from './lib/scene.mjs';

const CALLS = 500;

// Milliseconds after which the link of a binding that did not change is proven.
const PROVEN_AFTER = 250;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'steady',
  missing: () => missingTool('g++'),
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid() });
    const place = { base: BASE, parent: box.parentDir, binding: box.bindingDir, realDir };
    box.ensureSync();
    const lowest = floor('steady', [BASE, place.parent, realDir], CALLS);
    const unproven = floor('steady', [BASE, place.parent, realDir, place.binding], CALLS);
    const until = Date.now() + PROVEN_AFTER;
    while (Date.now() < until) box.ensureSync();
    const samples = await compare(
      [
        lowest,
        { ...unproven, name: 'the four calls of an unproven link' },
        calls('ensureSync', () => box.ensureSync(), CALLS),
        calls('node:fs, identity', byIdentity(place), CALLS),
        calls('node:fs, strings', byStrings(place), CALLS),
        calls('node:fs, a link per operation', linkPerOperation({ ...place, base: scratch(IN_MEMORY) }), CALLS),
      ],
      rounds,
    );
    await lowest.end();
    await unproven.end();
    return {
      title: 'Steady ensureSync()',
      setting: 'The binding has been right for a while. The real directory has 180 bytes and nine levels.',
      rows: toRows(samples, 'µs'),
      targets: [
        times(samples, 'ensureSync', 'floor', { atMost: 1.15, guard: 1.25 }),
        times(samples, 'node:fs, identity', 'ensureSync', { atLeast: 1.8, guard: 1.8 }),
        times(samples, 'node:fs, strings', 'ensureSync', { atLeast: 3.5, guard: 2.8 }),
      ],
    };
  },
};
