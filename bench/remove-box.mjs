// Removing a box of many files costs what fs.rm of its tree costs, though it follows nothing and leaves no file system.

import fs from 'node:fs';
import path from 'node:path';
import { BoxLayout } from '../dist/box/index.js';
import { compare } from './lib/contenders.mjs';
import { longestBlock } from './lib/event-loop.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const FILES = 10_000;
const DIRECTORIES = 100;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'remove-box',
  async run({ rounds, quick }) {
    const files = quick ? FILES / 5 : FILES;
    const some = Math.ceil(rounds / 4);
    const layout = new BoxLayout(path.join(scratch(IN_MEMORY), 'boxes', 'box1'), { base: scratch(IN_MEMORY) });
    const rm = () => fs.promises.rm(layout.boxHome, { recursive: true });
    const samples = await compare(
      [contender(layout, files, 'fs.promises.rm', rm), contender(layout, files, 'cleanup', () => layout.cleanup())],
      some,
    );
    const blocks = [];
    for (let i = 0; i < some; i++) {
      fill(layout, files);
      blocks.push(await longestBlock(() => layout.cleanup()));
    }
    return {
      title: `Removing a box of ${files.toLocaleString('en')} files`,
      setting: `In ${DIRECTORIES} directories. cleanup() is what remove() of a BoxRuntime calls, and removes the binding, too.`,
      rows: [
        ...toRows(samples, 'ms'),
        { name: 'longest block of the event loop by cleanup', unit: 'ms', ...summarize(blocks) },
      ],
      targets: [times(samples, 'cleanup', 'fs.promises.rm', { atMost: 1.1, guard: 1.5 })],
    };
  },
};

/**
 * @param {BoxLayout} layout
 * @param {number} files
 * @param {string} name
 * @param {() => Promise<unknown>} remove
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function contender(layout, files, name, remove) {
  return {
    name,
    async round() {
      fill(layout, files);
      const start = process.hrtime.bigint();
      await remove();
      const took = Number(process.hrtime.bigint() - start);
      if (fs.existsSync(layout.boxHome)) throw new Error('the home is still there');
      return took;
    },
  };
}

/**
 * @param {BoxLayout} layout
 * @param {number} files
 */
function fill(layout, files) {
  layout.prepareSync();
  for (let i = 0; i < DIRECTORIES; i++) {
    const directory = path.join(layout.disksDir, `d${i}`);
    fs.mkdirSync(directory);
    for (let j = 0; j < files / DIRECTORIES; j++) fs.writeFileSync(path.join(directory, `f${j}`), '');
  }
}
