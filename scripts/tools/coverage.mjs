#!/usr/bin/env node
// Measures what the tests reach of TypeScript and C++ together, in one run of all of them: `npm run coverage`. Prints a
// table of each, and writes coverage/lcov.info for whatever draws it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const coverage = path.join(root, 'coverage');
const profiles = path.join(coverage, 'v8');
fs.rmSync(coverage, { recursive: true, force: true });
fs.mkdirSync(profiles, { recursive: true });
// Some tests act as another user, who writes there too.
fs.chmodSync(profiles, 0o777);

try {
  // Each file for itself, with the map to its source; not packed, as what is shipped is.
  run('npx', ['tsc', '-p', 'tsconfig.json', '--sourceMap']);
  run('node', ['scripts/native/coverage.mjs', '--package'], { NODE_V8_COVERAGE: profiles });
  const filters = ['--src', 'lib', '--include', 'lib/**', '--exclude-after-remap'];
  const reporters = [
    '--reporter',
    'text',
    '--reporter',
    'lcovonly',
    '--reports-dir',
    path.join(coverage, 'typescript'),
  ];
  run('npx', ['c8', 'report', '--temp-directory', profiles, ...filters, ...reporters]);
} finally {
  run('npm', ['run', 'build:ts', '--silent']);
}
const reports = ['typescript/lcov.info', 'native.info'].map((file) => path.join(coverage, file));
fs.writeFileSync(path.join(coverage, 'lcov.info'), reports.map((file) => fs.readFileSync(file, 'utf8')).join(''));
for (const [language, report] of [
  ['TypeScript', reports[0]],
  ['C++', reports[1]],
]) {
  console.log(`${language}: ${summary(fs.readFileSync(report ?? '', 'utf8'))}`);
}

/**
 * @param {string} lcov
 * @returns {string}
 */
function summary(lcov) {
  const sum = (/** @type {string} */ key) =>
    [...lcov.matchAll(new RegExp(`^${key}:(\\d+)`, 'gm'))].reduce((total, [, count]) => total + Number(count), 0);
  const [found, hit] = [sum('LF'), sum('LH')];
  return `${hit} of ${found} lines, ${((100 * hit) / found).toFixed(1)} %`;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed (exit status ${status})`);
}
