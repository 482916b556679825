#!/usr/bin/env node
// The binaries for macOS, run on Linux: `npm run test:darwin`.
//
//   npm run test:darwin                 both architectures
//   npm run test:darwin -- x64          one
//
// Builds the prebuilds for macOS and the hosts where they are stale, holds the host's numbers against Apple's headers,
// runs the package's own tests on each binary, and then the tests of this directory. The last line counts; what fails
// as differences.mjs says it must is counted as skipped.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { openZig } from '../../scripts/release/zig.mjs';
import { root } from '../../scripts/tools/checkout.mjs';
import { buildHost, missingHost } from './build.mjs';
import { DIFFERENCES } from './differences.mjs';
import { imageOf, makeImages } from './images.mjs';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-darwin-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const failures = [];
const ARCHS = /** @type {const} */ (['x64', 'arm64']);
const chosen = process.argv.slice(2);

try {
  makeImages();
  await checkNumbers();
  for (const arch of ARCHS) {
    if (chosen.length > 0 && !chosen.includes(arch)) continue;
    const missing = missingHost(arch);
    if (missing === null) testPackage(arch);
    else skip(`the tests of the package on darwin-${arch}`, missing);
  }
  if (chosen.length === 0) testOwn();
} finally {
  fs.rmSync(scratch, { recursive: true });
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Compiling abi_check.c for macOS is the test. */
async function checkNumbers() {
  const zig = openZig();
  for (const triple of ['x86_64-macos.11.0', 'aarch64-macos.11.0']) {
    const args = ['cc', '-target', triple, '-c', 'test/darwin/host/abi_check.c', '-o', path.join(scratch, 'abi.o')];
    try {
      await zig.run(args, root);
      total.passed++;
    } catch (error) {
      fail(`the host's numbers are not those of ${triple}: ${error}`);
    }
  }
}

/** @param {'x64' | 'arm64'} arch */
function testPackage(arch) {
  console.log(`\n==> the package's tests on darwin-${arch}`);
  const env = { DARWIN_IMAGE: imageOf(arch), DARWIN_HOST: buildHost(arch) };
  const { results, status } = vitest('vitest.config.mts', env);
  const met = new Set();
  let unexpected = 0;
  for (const { file, name, outcome } of results) {
    const difference = DIFFERENCES.find((each) => each.files.includes(file) && each.test.test(name));
    if (outcome === 'failed' && difference !== undefined) met.add(difference);
    if (outcome === 'failed' && difference === undefined) {
      unexpected++;
      fail(`darwin-${arch}: ${file}: ${name}`);
    } else total[outcome === 'failed' ? 'skipped' : outcome]++;
  }
  // A file that does not even load, or a process that the host has ended, fails no test.
  if (status !== 0 && unexpected === 0 && (met.size === 0 || results.length === 0)) {
    fail(`darwin-${arch}: vitest ended with ${status}`);
  }
  for (const difference of DIFFERENCES) {
    const { files, test, why } = difference;
    const outcomes = results.flatMap(({ file, name, outcome }) =>
      files.includes(file) && test.test(name) ? outcome : [],
    );
    const isRun = results.some(({ file }) => files.includes(file));
    if (met.has(difference)) console.log(`differs: ${files.join(', ')} ${test}: ${why}`);
    else if (isRun && !(outcomes.length > 0 && outcomes.every((outcome) => outcome === 'skipped')))
      fail(`does not differ any more: ${files.join(', ')} ${test}`);
  }
}

function testOwn() {
  console.log('\n==> the tests of test/darwin');
  const { results, status } = vitest('vitest.own.config.mts', {});
  for (const { file, name, outcome } of results) {
    if (outcome === 'failed') fail(`${file}: ${name}`);
    else total[outcome]++;
  }
  if (status !== 0 && !results.some(({ outcome }) => outcome === 'failed')) fail(`vitest ended with ${status}`);
}

/**
 * @typedef {{ file: string, name: string, outcome: 'passed' | 'failed' | 'skipped' }} Result
 * @param {string} config
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ results: Result[], status: number }}
 */
function vitest(config, env) {
  const report = path.join(scratch, `${Math.random()}.json`);
  const file = path.join('test/darwin', config);
  const args = ['vitest', 'run', '--config', file, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync('npx', args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (!fs.existsSync(report)) return { results: [], status: status ?? 1 };
  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const results = testResults.flatMap((/** @type {any} */ suite) =>
    suite.assertionResults.map((/** @type {any} */ test) => ({
      file: path.relative(root, suite.name),
      name: test.fullName,
      outcome: test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped',
    })),
  );
  const broken = testResults.filter(
    (/** @type {any} */ suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
  );
  for (const suite of broken) fail(`does not load: ${path.relative(root, suite.name)}`);
  return { results, status: status ?? 1 };
}

/** @param {string} what */
function fail(what) {
  total.failed++;
  failures.push(what);
}

/** @param {string} what @param {string} why */
function skip(what, why) {
  total.skipped++;
  console.log(`skipped: ${what}: ${why}`);
}
