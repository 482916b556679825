// sweepStale() costs its system calls, keeps little in memory, grows in step with the links, and never blocks the event
// loop for long.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BoxSockets } from '../dist/index.js';
import { compare } from './lib/contenders.mjs';
import { longestBlock } from './lib/event-loop.mjs';
import { floor, links } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const LINKS = 100_000;
const SIZES = [1_000, 10_000, 1_000_000];
const RETURNED = 10_000;

/** @typedef {{ base: string, parent: string, uid: number, links: number }} Parent */

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'sweep',
  missing: () => missingTool('g++'),
  async run({ rounds, quick }) {
    const some = Math.ceil(rounds / 8);
    const parent = makeParent(quick ? LINKS / 10 : LINKS);
    const samples = await sweepBoth(parent, some);
    const grown = Array.from({ length: some }, () => memoryOf(parent));
    const blocks = [];
    for (let i = 0; i < some; i++) {
      fill({ ...parent, links: 2 * RETURNED });
      blocks.push(await longestBlock(() => BoxSockets.sweepStale({ base: parent.base, uid: parent.uid })));
    }
    const sizes = quick ? [] : await sweepSizes();
    return {
      title: `sweepStale() of ${parent.links.toLocaleString('en')} links`,
      setting: 'Half of the links dangle. Per link.',
      rows: [...toRows(samples, 'ns'), ...sizes.flatMap(({ rows }) => rows)],
      targets: [
        // A link is moved aside and looked at again before it goes: two calls that the floor does not make.
        times(samples, 'sweepStaleSync', 'floor', { atMost: 1.2, guard: 1.6 }),
        { what: 'memory beyond the returned names', unit: 'MiB', ...summarize(grown), atMost: 8 },
        ...sizes.map(({ target }) => target),
        // A machine that is busy with something else blocks every loop: no guard.
        {
          what: `longest block of the event loop, ${RETURNED.toLocaleString('en')} names returned`,
          unit: 'ms',
          ...summarize(blocks),
          atMost: 5,
          guard: Infinity,
        },
      ],
    };
  },
};

/**
 * @param {Parent} parent
 * @param {number} rounds
 */
async function sweepBoth(parent, rounds) {
  const lowest = floor('sweep', [parent.base, parent.parent], parent.links);
  const careless = floor('sweep', [parent.base, parent.parent, 'careless'], parent.links);
  const sweep = { name: 'sweepStaleSync', round: async () => sweepAll(parent) };
  const contenders = [lowest, { ...careless, name: 'without a second look' }, sweep];
  const samples = await compare(contenders, rounds, () => fill(parent));
  await lowest.end();
  await careless.end();
  return samples;
}

/**
 * In step with the links means: as the floor does. The kernel's own time for a link grows, too, when a million of them
 * do not fit the processor's caches.
 */
async function sweepSizes() {
  const sizes = [];
  for (const size of SIZES) {
    const parent = makeParent(size);
    const samples = await sweepBoth(parent, size > LINKS ? 5 : 21);
    links('clear', parent.parent);
    const what = `${size.toLocaleString('en')} links`;
    sizes.push({
      rows: toRows(samples, 'ns').map((row) => ({ ...row, name: `${row.name}, ${what}` })),
      target: times(samples, 'sweepStaleSync', 'floor', { what: `sweepStaleSync / floor, ${what}`, atMost: 1.2 }),
    });
  }
  return sizes;
}

/**
 * @param {number} count of its links
 * @returns {Parent}
 */
function makeParent(count) {
  const base = scratch(IN_MEMORY);
  const uid = process.getuid?.() ?? 0;
  const parent = path.join(base, `bl-${uid}`);
  fs.mkdirSync(parent, { mode: 0o700 });
  fs.mkdirSync(path.join(base, 'sockets'));
  return { base, parent, uid, links: count };
}

/**
 * Puts back what a sweep has removed.
 *
 * @param {Parent} parent
 */
function fill({ base, parent, links: count }) {
  links('fill', parent, String(count), `${base}/sockets`, `${base}/gone`);
}

/** @param {Parent} parent */
function sweepAll({ base, uid, links: count }) {
  const start = process.hrtime.bigint();
  const { removed } = BoxSockets.sweepStaleSync({ base, uid });
  const took = Number(process.hrtime.bigint() - start) / count;
  if (removed.length !== count / 2) throw new Error(`expected ${count / 2} names, found ${removed.length}`);
  return took;
}

/**
 * @param {Parent} parent
 * @returns {number} MiB that the peak of a process's memory grows by, less what the names that it returns take
 */
function memoryOf(parent) {
  fill(parent);
  const child = path.join(import.meta.dirname, 'lib/sweep-memory.cjs');
  return Number(execFileSync(process.execPath, ['--expose-gc', child, parent.base, String(parent.uid)]));
}
