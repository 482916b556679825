// ensureAll() costs its system calls, never blocks the event loop for long, and lets no box stop the others.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BoxSockets } from '../dist/index.js';
import { compare } from './lib/contenders.mjs';
import { longestBlock } from './lib/event-loop.mjs';
import { floor, links } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const BOXES = 10_000;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'ensure-all',
  missing: () => missingTool('g++'),
  async run({ rounds, quick }) {
    const boxes = makeBoxes(quick ? BOXES / 5 : BOXES);
    const [first] = boxes;
    if (first === undefined) throw new Error('no boxes');
    const list = path.join(scratch(os.tmpdir()), 'list');
    fs.writeFileSync(list, boxes.map((box) => `${box.bindingDir}\0${box.realDir}\0${box.boxId}\0`).join(''));
    const lowest = floor('ensure_all', [path.dirname(first.parentDir), first.parentDir, list], boxes.length);
    const contenders = [lowest, { name: 'ensureAll', round: () => ensureAll(boxes) }];

    await ensureAll(boxes);
    const some = Math.ceil(rounds / 4);
    const steady = await compare(contenders, some);
    const created = await compare(contenders, some, () => links('clear', first.parentDir));
    await lowest.end();

    const blocks = [];
    for (let i = 0; i < some; i++) {
      if (i % 2 === 0) links('clear', first.parentDir);
      blocks.push(await longestBlock(() => BoxSockets.ensureAll(boxes)));
    }
    await checkOrder(boxes);
    return {
      title: `ensureAll() of ${boxes.length.toLocaleString('en')} boxes`,
      setting: 'All bindings are right already, or all are missing; one job. Per box.',
      rows: [
        ...toRows(steady, 'µs').map((row) => ({ ...row, name: `${row.name}, all right` })),
        ...toRows(created, 'µs').map((row) => ({ ...row, name: `${row.name}, all missing` })),
      ],
      targets: [
        times(steady, 'ensureAll', 'floor', { what: 'ensureAll / floor, all right', atMost: 1.15, guard: 1.5 }),
        times(created, 'ensureAll', 'floor', { what: 'ensureAll / floor, all missing', atMost: 1.15, guard: 1.5 }),
        // A machine that is busy with something else blocks every loop: no guard.
        { what: 'longest block of the event loop', unit: 'ms', ...summarize(blocks), atMost: 5, guard: Infinity },
      ],
    };
  },
};

/**
 * @param {number} count
 * @returns {BoxSockets[]}
 */
function makeBoxes(count) {
  const base = scratch(IN_MEMORY);
  return Array.from({ length: count }, (_, i) => {
    const realDir = `${base}/boxes/${String(i).padStart(12, '0')}/sockets`;
    fs.mkdirSync(realDir, { recursive: true });
    return new BoxSockets(`b${i}`, realDir, { base });
  });
}

/** @param {BoxSockets[]} boxes */
async function ensureAll(boxes) {
  const start = process.hrtime.bigint();
  const outcomes = await BoxSockets.ensureAll(boxes);
  const took = Number(process.hrtime.bigint() - start) / boxes.length;
  if (outcomes.some(({ status }) => status === 'failed')) throw new Error('a box failed');
  return took;
}

// Each answer belongs to its box, and a box that fails stops none.
/** @param {BoxSockets[]} boxes */
async function checkOrder(boxes) {
  const lost = Math.floor(boxes.length / 2);
  fs.rmdirSync(boxes[lost]?.realDir ?? '');
  const outcomes = await BoxSockets.ensureAll(boxes);
  outcomes.forEach(({ status, bindingDir }, i) => {
    const expected = i === lost ? 'failed' : 'unchanged';
    if (status === expected && bindingDir === boxes[i]?.bindingDir) return;
    throw new Error(`box ${i}: expected ${expected}, found ${status} of ${bindingDir}`);
  });
}
