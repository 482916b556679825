// prebuilds/SHA256SUMS, which sha256sum writes and checks.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { need } from '../tools/checkout.mjs';
import { TARGETS } from './targets.mjs';

const NAME = 'SHA256SUMS';
const FILES = TARGETS.map(({ file }) => file.replace(/^prebuilds\//, '')).sort();

/** @param {string} folder that holds every binary, and gets their sums */
export function writeSums(folder) {
  fs.writeFileSync(path.join(folder, NAME), sha256sum(folder, FILES).stdout);
}

/**
 * @param {string} folder that holds the binaries
 * @param {string} stated what writeSums() wrote, of these or others
 * @param {readonly string[]} [files] of the folder: some of them
 * @returns {string[]} what differs, in sha256sum's words
 */
export function compareSums(folder, stated, files = FILES) {
  if (!fs.existsSync(stated)) return [`${NAME} is missing: npm run prebuilds`];
  const lines = fs.readFileSync(stated, 'utf8').split('\n').filter(Boolean);
  const named = lines.map((line) => line.slice(66));
  const wrong = FILES.join() === named.join() ? [] : [`${NAME} is not one of the six binaries`];
  const chosen = lines.filter((_, index) => files.includes(named[index] ?? ''));
  const { stdout, stderr } = sha256sum(folder, ['--check', '--strict', '--quiet'], `${chosen.join('\n')}\n`);
  return [...wrong, ...`${stdout}${stderr}`.split('\n').filter(Boolean)];
}

/**
 * @param {string} cwd
 * @param {readonly string[]} args
 * @param {string} [input]
 */
function sha256sum(cwd, args, input = '') {
  need('sha256sum');
  return spawnSync('sha256sum', args, { cwd, input, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
}
