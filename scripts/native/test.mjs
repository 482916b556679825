#!/usr/bin/env node
// Builds and runs the native unit tests: `npm run test:native -- [variant…]`. By default: plain, with AddressSanitizer
// and UndefinedBehaviorSanitizer, and what uses threads with ThreadSanitizer. The last line counts them all.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { need } from '../tools/checkout.mjs';
import { buildDirectory, cmake } from './variants.mjs';

const ENVIRONMENT = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

const total = { passed: 0, failed: 0, skipped: 0 };
const variants = process.argv.length > 2 ? process.argv.slice(2) : ['plain', 'asan', 'tsan'];
need('ctest', ...(variants.includes('valgrind') ? ['valgrind'] : []));
for (const variant of variants) {
  // Valgrind finds what the sanitizers do not: memory that is read before it is written.
  const [built, only] = variant === 'valgrind' ? ['plain', ['-C', 'Memcheck', '-R', '^memcheck:']] : [variant, []];
  cmake(built, 'build');
  const counts = runTests(buildDirectory(built), only);
  console.log(`native (${variant}): ${describe(counts)}`);
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
}
console.log(`native: ${describe(total)}`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** @param {string} directory @param {string[]} only what makes ctest run some of its tests, and not those of no configuration */
function runTests(directory, only) {
  const args = ['--test-dir', directory, '-j', '2', '--output-on-failure', ...only];
  const { stdout } = spawnSync('ctest', args, { encoding: 'utf8', env: { ...process.env, ...ENVIRONMENT } });
  const failed = Number(/, (\d+) tests? failed out of \d+/.exec(stdout)?.[1] ?? 1);
  if (failed !== 0) process.stderr.write(stdout);
  // What a test said is in ctest's log alone, where it has not failed.
  const log = fs.readFileSync(path.join(directory, 'Testing/Temporary/LastTest.log'), 'utf8');
  const cases = [...log.matchAll(/test cases: +\d+ \| +(\d+) passed/g)].reduce(
    (sum, [, passed]) => sum + Number(passed),
    0,
  );
  const reasons = log.match(/^SKIPPED: .*$/gm) ?? [];
  for (const reason of reasons) console.log(reason);
  return { passed: cases - reasons.length, failed, skipped: reasons.length };
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
