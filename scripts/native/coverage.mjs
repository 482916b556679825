#!/usr/bin/env node
// Measures what the tests reach of the native layer: `node scripts/native/coverage.mjs [--package]`. A table of every file,
// and coverage/native.info for whatever merges it with the rest. With --package, the tests of the package run on an
// instrumented addon too (the one in prebuilds/ is put back afterwards), so that the glue is measured as well.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

import { root, run } from '../tools/checkout.mjs';
import { runPackageTests } from './package-tests.mjs';
import { UNCOVERED } from './uncovered.mjs';
import { buildDirectory, cmake } from './variants.mjs';

const { values } = util.parseArgs({ options: { package: { type: 'boolean', default: false } } });

cmake('coverage', 'build');
const directory = buildDirectory('coverage');
const profiles = path.join(directory, 'profiles');
fs.rmSync(profiles, { recursive: true, force: true });
fs.mkdirSync(profiles, { recursive: true });
// %4m: four files for each program, into which its processes merge. %c: at once, for a test runner's workers are ended
// without a word. Some of them act as another user.
fs.chmodSync(profiles, 0o777);
const env = { ...process.env, LLVM_PROFILE_FILE: path.join(profiles, '%c%4m.profraw') };

const tests = spawnSync('ctest', ['--test-dir', directory, '-j', '2', '--output-on-failure'], { env, stdio: 'pipe' });
if (tests.status !== 0) {
  process.stderr.write(tests.stdout);
  process.exit(1);
}
const addon = path.join(directory, 'Debug/boxsockets.node');
if (values.package) {
  if (runPackageTests(addon, env) !== 0) {
    console.log('Some of these tests look at what the addon itself is, and fail on an instrumented one.');
  }
  // Of children that were started with no environment.
  fs.rmSync(path.join(root, 'default.profraw'), { force: true });
}

const programs = ['posix_test', 'faults_test', 'threads_test'].map((name) => path.join(directory, 'native/test', name));
const objects = [...programs.filter((file) => fs.existsSync(file)), ...(values.package ? [addon] : [])];
const merged = path.join(directory, 'native.profdata');
const raw = fs.readdirSync(profiles).map((name) => path.join(profiles, name));
run(llvm('llvm-profdata'), ['merge', '-sparse', '-o', merged, ...raw]);
const [first = '', ...others] = objects;
const what = [first, ...others.flatMap((file) => ['-object', file]), `-instr-profile=${merged}`];
const sources = ['native/posix', ...(values.package ? ['native/glue'] : [])].map((name) => path.join(root, name));
const report = run(llvm('llvm-cov'), ['report', ...what, '-show-region-summary=false', ...sources], { quiet: true });
const [header, ...rows] = report.split('\n').filter((line) => line !== '' && !/^-+$/.test(line));
const total = rows.pop();
console.log([header, ...rows.sort(), total].join('\n'));

const lcov = run(llvm('llvm-cov'), ['export', ...what, '-format=lcov', ...sources], { quiet: true });
const info = path.join(root, 'coverage/native.info');
fs.mkdirSync(path.dirname(info), { recursive: true });
fs.writeFileSync(info, lcov.replaceAll(`SF:${root}/`, 'SF:'));
console.log(`\n${path.relative(root, info)}`);
if (values.package) checkUncovered(fs.readFileSync(info, 'utf8'));

/**
 * Every line that no test reaches has a reason.
 *
 * @param {string} lcov
 */
function checkUncovered(lcov) {
  const reasons = Object.entries(UNCOVERED).flatMap(([file, texts]) =>
    Object.keys(texts).map((text) => `${file}: ${text}`),
  );
  const uncovered = lcov.split('end_of_record').flatMap((record) => {
    const file = /^SF:(.*)$/m.exec(record)?.[1];
    if (file === undefined) return [];
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
    const numbers = [...record.matchAll(/^DA:(\d+),0$/gm)].map(([, number]) => Number(number));
    return numbers.map((number) => `${file}: ${lines[number - 1]?.trim()}`).filter((line) => !line.endsWith(': }'));
  });
  const unexplained = uncovered.filter((line) => !reasons.includes(line));
  for (const line of unexplained) console.log(`without a test, and without a reason in uncovered.mjs: ${line}`);
  if (unexplained.length > 0) process.exitCode = 1;
}

/**
 * A tool of the same LLVM as clang, which must read its own format; it lies beside it, under a name with or without a
 * version, or is Xcode's.
 *
 * @param {string} name
 */
function llvm(name) {
  const found = run('clang', [`-print-prog-name=${name}`], { quiet: true }).trim();
  return found === '' ? name : found;
}
