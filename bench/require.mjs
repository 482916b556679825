// Loading the package costs little, and its first call costs the binary.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { compare } from './lib/contenders.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { BASE, scratch, strangeUid } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const root = path.dirname(import.meta.dirname);
const EMPTY = 'an empty script';
const LOADED = 'require';
const CALLED = 'require, ensureSync';
const BARE = 'process.dlopen, readFileSync';

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'require',
  async run({ rounds }) {
    const directory = scratch('/tmp');
    const entry = path.join(root, 'dist/index.js');
    const { binary, files } = loadedFiles(entry);
    const box = `'b', ${JSON.stringify(directory)}, ${JSON.stringify({ base: BASE, uid: strangeUid() })}`;
    const scripts = {
      [EMPTY]: '',
      [LOADED]: `require(${JSON.stringify(entry)});`,
      [CALLED]: `const { BoxSockets } = require(${JSON.stringify(entry)}); new BoxSockets(${box}).ensureSync();`,
      [BARE]: `const fs = require('node:fs');
        for (const file of ${JSON.stringify(files)}) fs.readFileSync(file);
        process.dlopen({ exports: {} }, ${JSON.stringify(binary)});`,
    };
    const samples = await compare(
      Object.entries(scripts).map(([name, code], i) => script(name, path.join(directory, `${i}.cjs`), code)),
      rounds,
    );
    return {
      title: 'Loading the package',
      setting: `Whole processes. ${files.length} files of JavaScript are loaded, no binary before the first call.`,
      rows: toRows(samples, 'ms'),
      targets: [
        over(samples, LOADED, { atMost: 2, guard: 6 }),
        over(samples, CALLED, { atMost: 4, guard: 12 }),
        times(samples, CALLED, BARE, { atMost: 1.2, guard: 1.5 }),
      ],
    };
  },
};

/**
 * @param {string} name
 * @param {string} file
 * @param {string} code
 * @returns {import('./lib/contenders.mjs').Contender}
 */
function script(name, file, code) {
  fs.writeFileSync(file, code);
  return {
    name,
    async round() {
      const start = process.hrtime.bigint();
      const { status, stderr } = spawnSync(process.execPath, [file]);
      const took = Number(process.hrtime.bigint() - start);
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      return took;
    },
  };
}

/**
 * What the package reads, before its first call and with it.
 *
 * @param {string} entry
 * @returns {{ files: string[], binary: string }}
 */
function loadedFiles(entry) {
  const code = `const { BoxSockets } = require(${JSON.stringify(entry)});
    const before = Object.keys(require.cache);
    new BoxSockets('b', '/', { base: '/nonexistent' }).removeSync();
    const binary = Object.keys(require.cache).find((file) => file.endsWith('.node'));
    console.log(JSON.stringify({ files: before, binary }));`;
  const { files, binary } = JSON.parse(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }));
  if (binary === undefined || files.includes(binary)) throw new Error('the binary is not loaded at the first call');
  return { files, binary };
}

/**
 * @param {Map<string, number[]>} samples
 * @param {string} name
 * @param {import('./lib/outcome.mjs').Limit} limit
 * @returns {import('./lib/outcome.mjs').Target}
 */
function over(samples, name, limit) {
  const empty = samples.get(EMPTY) ?? [];
  const differences = samples.get(name)?.map((sample, i) => (sample - (empty[i] ?? Number.NaN)) / 1e6) ?? [];
  return { what: `${name}, over ${EMPTY}`, unit: 'ms', ...summarize(differences), ...limit };
}
