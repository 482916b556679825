#!/usr/bin/env node
// Builds and runs the native unit tests: `npm run test:native -- [variant…]`. By default: plain, with AddressSanitizer
// and UndefinedBehaviorSanitizer, and what uses threads with ThreadSanitizer. The last line counts them all.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseJunit } from './junit.mjs';
import { buildDirectory, cmake } from './variants.mjs';

const ENVIRONMENT = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

const total = { passed: 0, failed: 0, skipped: 0 };
const variants = process.argv.length > 2 ? process.argv.slice(2) : ['plain', 'asan', 'tsan'];
for (const variant of variants) {
  cmake(variant, 'build');
  const counts = runTests(variant);
  console.log(`native (${variant}): ${describe(counts)}`);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
console.log(`native: ${describe(total)}`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** @param {string} variant */
function runTests(variant) {
  const directory = buildDirectory(variant);
  const report = path.join(directory, 'tests.xml');
  fs.rmSync(report, { force: true });
  const args = ['--test-dir', directory, '-j', '2', '--quiet', '--output-junit', report];
  spawnSync('ctest', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...ENVIRONMENT } });
  if (!fs.existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const tests = parseJunit(fs.readFileSync(report, 'utf8'));
  for (const { name, outcome, output } of tests) {
    if (outcome === 'failed') console.log(`FAILED: ${name}\n${output}`);
    if (outcome === 'skipped') console.log(`skipped: ${name}: ${output.match(/SKIPPED: (.*)/)?.[1] ?? 'no reason'}`);
  }
  const count = (/** @type {string} */ outcome) => tests.filter((test) => test.outcome === outcome).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
