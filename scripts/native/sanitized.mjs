#!/usr/bin/env node
// Runs the tests of the package on an addon with AddressSanitizer and UndefinedBehaviorSanitizer, in all processes that
// they start: `node scripts/native/sanitized.mjs [--quick] [argument of vitest…]`. A finding ends its process, and fails its
// test. --quick: those that call the addon most.

import path from 'node:path';
import { fail, run } from '../tools/checkout.mjs';
import { runPackageTests } from './package-tests.mjs';
import { buildDirectory, cmake } from './variants.mjs';

const QUICK = [
  ...['operations', 'native', 'runtime/box-runtime'],
  ...['proofs/concurrency', 'proofs/descriptors', 'proofs/file-systems', 'proofs/interference'],
].map((name) => `test/${name}`);

// They start programs in an environment of their own, in which no sanitizer is loaded; and system calls are counted of what
// ships, which does not look again whether what it relied on still holds (invariant.h).
const EXCLUDED = [
  'test/operations/system-calls.test.ts',
  'test/cli/**',
  'test/box/wait-for-ready.test.ts',
  'test/sandbox/{bubblewrap-real,landlock}.test.ts',
  'test/proofs/strangers/identity.test.ts',
].flatMap((pattern) => ['--exclude', pattern]);

const args = process.argv.slice(2).flatMap((arg) => (arg === '--quick' ? QUICK : [arg]));
cmake('addon-asan', 'build');
const runtimes = ['libasan.so', 'libubsan.so'].map((name) => {
  const file = run('cc', [`-print-file-name=${name}`], { quiet: true }).trim();
  return path.isAbsolute(file) ? file : fail(`${name} is missing: the system's compiler brings it`);
});
const addon = path.join(buildDirectory('addon-asan'), 'Debug/boxsockets.node');
process.exitCode = runPackageTests(
  addon,
  {
    ...process.env,
    LD_PRELOAD: runtimes.join(' '),
    // What Node leaves at its end is no leak of ours: memory and descriptors are counted in test/proofs/faults/endurance.test.ts.
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  },
  [...EXCLUDED, ...args],
);
