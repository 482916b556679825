// checkKrunPin() reads a binary at the speed of grep or better, in one buffer.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { checkKrunPinSync } from '../dist/index.js';
import { compare } from './lib/contenders.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const SIZE = 200 << 20;
const BUFFER_MIB = 1;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'krun-pin',
  missing: () => missingTool('grep'),
  async run({ rounds }) {
    const some = Math.ceil(rounds / 8);
    const library = makeLibrary();
    const samples = await compare(
      [
        contender('checkKrunPinSync', () => checkKrunPinSync({ library }).scheme === 'suffix'),
        contender('grep -c krun', () => spawnSync('grep', ['-c', 'krun', library]).status === 0),
        contender('cat', () => spawnSync('cat', [library], { stdio: 'ignore' }).status === 0),
      ],
      some,
    );
    const grown = Array.from({ length: some }, () => memoryOf(library));
    return {
      title: 'checkKrunPin() of a binary of 200 MiB',
      setting: 'The binary is Node, again and again, with a name of libkrun in it. In the page cache.',
      rows: toRows(samples, 'ms'),
      targets: [
        times(samples, 'grep -c krun', 'checkKrunPinSync', {
          what: 'speed of checkKrunPinSync / grep -c',
          atLeast: 0.7,
        }),
        { what: 'memory beyond the buffer', unit: 'MiB', ...summarize(grown), atMost: 4, guard: 8 },
      ],
    };
  },
};

/**
 * @param {string} name
 * @param {() => boolean} run
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function contender(name, run) {
  return {
    name,
    async round() {
      const start = process.hrtime.bigint();
      const found = run();
      const took = Number(process.hrtime.bigint() - start);
      if (!found) throw new Error(`${name} failed`);
      return took;
    },
  };
}

function makeLibrary() {
  const library = path.join(scratch(IN_MEMORY), 'libkrun.so');
  const node = fs.readFileSync(process.execPath);
  for (let left = SIZE; left > 0; left -= node.length) fs.appendFileSync(library, node.subarray(0, left));
  fs.appendFileSync(library, 'net.sock-krun.sock');
  return library;
}

/**
 * @param {string} library
 * @returns {number} MiB
 */
function memoryOf(library) {
  const child = path.join(import.meta.dirname, 'lib/krun-pin-memory.cjs');
  const { stdout, stderr } = spawnSync(process.execPath, [child, library], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return Number(stdout) - BUFFER_MIB;
}
