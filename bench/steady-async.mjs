// A steady ensure() costs little more than one fs.promises.stat.

import fs from 'node:fs';
import os from 'node:os';
import { BoxSockets } from '../dist/index.js';
import { asyncCalls, compare } from './lib/contenders.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { byIdentityAsync } from './lib/rivals.mjs';
import { BASE, deepDirectory, scratch, strangeUid } from './lib/scene.mjs';

const LOADS = [
  { what: 'one after another', count: 100, callers: 1 },
  { what: '64 at a time', count: 640, callers: 64 },
];

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'steady-async',
  async run({ rounds }) {
    const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
    const box = new BoxSockets('box1', realDir, { base: BASE, uid: strangeUid() });
    const place = { base: BASE, parent: box.parentDir, binding: box.bindingDir, realDir };
    await box.ensure();
    /** @type {import('./lib/outcome.mjs').Outcome} */
    const outcome = {
      title: 'Steady ensure()',
      setting: 'As the steady ensureSync(), on a worker thread. The stat is of the binding.',
      rows: [],
      targets: [],
    };
    for (const { what, ...load } of LOADS) {
      const samples = await compare(
        [
          asyncCalls('ensure', () => box.ensure(), load),
          asyncCalls('fs.promises.stat', () => fs.promises.stat(place.binding), load),
          asyncCalls('fs.promises, identity', byIdentityAsync(place), load),
        ],
        rounds,
      );
      outcome.rows.push(...toRows(samples, 'µs').map((row) => ({ ...row, name: `${row.name}, ${what}` })));
      outcome.targets.push(
        times(samples, 'ensure', 'fs.promises.stat', {
          what: `ensure / fs.promises.stat, ${what}`,
          atMost: 1.3,
          guard: 1.6,
        }),
      );
    }
    return outcome;
  },
};
