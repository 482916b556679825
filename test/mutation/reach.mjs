// Which lines of the POSIX layer each native unit test reaches, so that a mutant is judged by those that can find it.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildDirectory, cmake } from '../../scripts/native/variants.mjs';
import { root, run } from '../../scripts/tools/checkout.mjs';
import { hash, runConfined } from './native.mjs';

/**
 * @typedef {object} Test
 * @property {string} program
 * @property {string} name
 * @property {number} seconds that it takes
 * @property {(file: string, from: number, to: number) => boolean} reached whether it runs one of these lines; where they
 *   have no code of their own, whether it runs any of the file
 */

/** By file: the lines that were run, and those that were not. @typedef {Record<string, { run: number[], idle: number[] }>} Reach */
/** @typedef {{ program: string, name: string, seconds: number, reach: Reach }} Measured */

/**
 * @param {string} work the directory where it is kept until a source or a test changes
 * @returns {Promise<{ tests: Test[], sums: Record<string, string> }>} `sums`: of each test's name, of its source
 */
export async function reachOfTests(work) {
  const directory = path.join(buildDirectory('coverage'), 'native/test');
  const sources = ['posix', 'test'].flatMap((folder) => {
    const above = path.join(root, 'native', folder);
    const shared = fs.readdirSync(above).filter((name) => !name.endsWith('_test.cc'));
    return shared.map((name) => path.join(above, name)).filter((file) => fs.statSync(file).isFile());
  });
  const key = hash(...sources.map((file) => fs.readFileSync(file, 'utf8')));
  const kept = path.join(work, 'reach.json');
  /** @type {{ key: string, tests: (Measured & { sum: string })[] }} */
  const before = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, 'utf8')) : { key, tests: [] };
  cmake('coverage', 'build');
  const measured = await measureAll(directory, work, before.key === key ? before.tests : []);
  fs.writeFileSync(kept, JSON.stringify({ key, tests: measured }));
  return {
    sums: Object.fromEntries(measured.map(({ name, sum }) => [name, sum])),
    tests: measured.map(withReach),
  };
}

/** @param {Measured} measured @returns {Test} */
function withReach({ reach, ...test }) {
  const sets = new Map(
    Object.entries(reach).map(([file, lines]) => [file, { run: new Set(lines.run), idle: new Set(lines.idle) }]),
  );
  const reached = (/** @type {string} */ file, /** @type {number} */ from, /** @type {number} */ to) => {
    const lines = sets.get(file);
    if (lines === undefined || lines.run.size === 0) return false;
    let isCode = false;
    // And the lines beside: behind a block that returns, a count is a difference of two, which threads make a wrong zero.
    for (let line = from - 1; line <= to + 1; line++) {
      if (lines.run.has(line)) return true;
      isCode ||= lines.idle.has(line);
    }
    return !isCode;
  };
  return { ...test, reached };
}

/**
 * @param {string} directory @param {string} work
 * @param {(Measured & { sum: string })[]} before what is known of tests
 */
async function measureAll(directory, work, before) {
  const all = ['posix_test', 'faults_test', 'threads_test'].flatMap((program) => {
    const list = run(path.join(directory, program), ['-ltc', '-r=xml'], {
      quiet: true,
      env: { LLVM_PROFILE_FILE: '/dev/null' },
    });
    const found = list.matchAll(/<TestCase name="([^"]*)"[^>]*filename="([^"]*)" line="(\d+)"/g);
    return [...found].map(([, escaped = '', file = '', line]) => {
      const name = escaped.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity) => ENTITIES[entity] ?? '');
      return { program, name, sum: sumOf(fs.readFileSync(file, 'utf8'), Number(line)) };
    });
  });
  const tests = all.flatMap(({ name, sum }) => before.find((one) => one.name === name && one.sum === sum) ?? []);
  const queue = all.filter(({ name }) => !tests.some((one) => one.name === name));
  const measure = async (/** @type {number} */ slot) => {
    for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
      const one = await measureOne(path.join(directory, test.program), test, path.join(work, `profile-${slot}`));
      tests.push({ ...one, sum: test.sum });
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, (_, slot) => measure(slot)));
  return tests;
}

/** Of a test, and of what its file has beside tests. @param {string} text @param {number} line where it begins */
function sumOf(text, line) {
  const tests = /^TEST_CASE[\s\S]*?^}/gm;
  const own =
    text
      .split('\n')
      .slice(line - 1)
      .join('\n')
      .match(tests)?.[0] ?? '';
  return hash(text.replace(tests, ''), own);
}

/** @type {Readonly<Record<string, string>>} */
const ENTITIES = Object.freeze({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' });

/** @param {string} program @param {{ program: string, name: string }} test @param {string} profiles @returns {Promise<Measured>} */
async function measureOne(program, test, profiles) {
  fs.rmSync(profiles, { recursive: true, force: true });
  fs.mkdirSync(profiles, { recursive: true });
  // Some tests act as another user.
  fs.chmodSync(profiles, 0o777);
  const started = performance.now();
  // 77: skipped.
  const command = ['sh', '-c', '"$0" "$1" || [ $? = 77 ]', program, `-tc=${test.name.replaceAll(',', '\\,')}`];
  const env = { LLVM_PROFILE_FILE: path.join(profiles, '%c%4m.profraw') };
  const { passed, output } = await runConfined(command, 600, { env, writable: [profiles] });
  if (!passed) throw new Error(`a test fails without a mutant: ${test.name}\n${output}`);
  const seconds = (performance.now() - started) / 1000;
  const merged = path.join(profiles, 'merged');
  const raw = fs.readdirSync(profiles).map((name) => path.join(profiles, name));
  run('llvm-profdata', ['merge', '-sparse', '-o', merged, ...raw], { quiet: true });
  const args = ['export', program, `-instr-profile=${merged}`, '-format=lcov', path.join(root, 'native/posix')];
  return { ...test, seconds, reach: readLcov(run('llvm-cov', args, { quiet: true })) };
}

/** @param {string} lcov @returns {Reach} */
function readLcov(lcov) {
  /** @type {Reach} */
  const reach = {};
  for (const record of lcov.split('end_of_record')) {
    const file = /^SF:(.*)$/m.exec(record)?.[1];
    if (file === undefined) continue;
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => [Number(line), Number(count)]);
    const ofCount = (/** @type {(count: number) => boolean} */ is) =>
      lines.filter(([, count = 0]) => is(count)).map(([line = 0]) => line);
    reach[path.relative(root, file)] = { run: ofCount((count) => count > 0), idle: ofCount((count) => count === 0) };
  }
  return reach;
}
