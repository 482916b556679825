// prepare() costs little more than the bare mkdir calls and one ensure.

import fs from 'node:fs';
import path from 'node:path';
import { BoxLayout } from '../dist/box/index.js';
import { BoxSockets } from '../dist/index.js';
import { compare } from './lib/contenders.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';

const NAMES = ['', 'sockets', 'tmp', 'disks', 'mounts', 'shared', 'logs', 'bin'];
const BOXES = 8;

/** @typedef {{ id: string, home: string }} Box */

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'prepare',
  async run({ rounds }) {
    const base = scratch(IN_MEMORY);
    const samples = await compare(
      [
        contender('mkdirSync, ensureSync', base, async ({ id, home }) => {
          for (const name of NAMES) fs.mkdirSync(name === '' ? home : `${home}/${name}`, { mode: 0o700 });
          new BoxSockets(id, `${home}/sockets`, { base }).ensureSync();
        }),
        contender('prepareSync', base, async ({ home }) => new BoxLayout(home, { base }).prepareSync()),
        contender('mkdir, ensure', base, async ({ id, home }) => {
          for (const name of NAMES) await fs.promises.mkdir(name === '' ? home : `${home}/${name}`, { mode: 0o700 });
          await new BoxSockets(id, `${home}/sockets`, { base }).ensure();
        }),
        contender('prepare', base, ({ home }) => new BoxLayout(home, { base }).prepare()),
      ],
      rounds,
    );
    return {
      title: 'Preparing the directories of a box',
      setting: `A home and ${NAMES.length - 1} directories in it, and the binding.`,
      rows: toRows(samples, 'µs'),
      targets: [
        times(samples, 'prepareSync', 'mkdirSync, ensureSync', { atMost: 1.3, guard: 1.6 }),
        times(samples, 'prepare', 'mkdir, ensure', { atMost: 1.3, guard: 1.6 }),
      ],
    };
  },
};

/**
 * @param {string} name
 * @param {string} base
 * @param {(box: Box) => Promise<unknown>} make
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function contender(name, base, make) {
  return {
    name,
    async round() {
      const boxes = Array.from({ length: BOXES }, (_, i) => ({ id: `b${i}`, home: path.join(base, `b${i}`) }));
      const start = process.hrtime.bigint();
      for (const box of boxes) await make(box);
      const took = Number(process.hrtime.bigint() - start) / BOXES;
      for (const { id, home } of boxes) {
        fs.rmSync(home, { recursive: true });
        fs.rmSync(path.join(base, `bl-${process.getuid?.()}`, id));
      }
      return took;
    },
  };
}
