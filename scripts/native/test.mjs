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
  cmake(variant, 'build');
  const counts = runTests(buildDirectory(variant));
  console.log(`native (${variant}): ${describe(counts)}`);
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
}
console.log(`native: ${describe(total)}`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** @param {string} directory */
function runTests(directory) {
  const args = ['--test-dir', directory, '-j', '2', '--output-on-failure'];
  const { stdout } = spawnSync('ctest', args, { encoding: 'utf8', env: { ...process.env, ...ENVIRONMENT } });
  const [, failed, all] = /, (\d+) tests? failed out of (\d+)/.exec(stdout)?.map(Number) ?? [0, 1, 1];
  if (failed !== 0) process.stderr.write(stdout);
  const skipped = stdout.match(/^\t *\d+ - .* \(Skipped\)$/gm)?.length ?? 0;
  // What a test said is in ctest's log alone, where it has not failed.
  const log = path.join(directory, 'Testing/Temporary/LastTest.log');
  const reasons = skipped > 0 ? fs.readFileSync(log, 'utf8').match(/^SKIPPED: .*$/gm) : null;
  for (const reason of reasons ?? []) console.log(reason);
  return { passed: Number(all) - Number(failed) - skipped, failed: Number(failed), skipped };
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
