#!/usr/bin/env node
// The long form of the proofs of test/proofs/faults: `npm run soak [-- --seconds N]`. Each call of each operation fails with every
// errno that its manual page allows, each is the last one of its process, every race runs for N seconds (60), and what is
// done again and again is done ten times as often. Then ten million inputs for the fuzzers.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const seconds = secondsOf(process.argv.slice(2));
if (seconds === null) {
  console.error('usage: npm run soak [-- --seconds N]');
  process.exit(2);
}

const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/proofs/faults', '--no-file-parallelism'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, BOXSOCKETS_SOAK_SECONDS: String(seconds) },
});
const fuzzed = spawnSync(process.execPath, [path.join(root, 'scripts/native/fuzz.mjs'), '--runs', '10000000'], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status === 0 && fuzzed.status === 0 ? 0 : 1;

/**
 * @param {string[]} args
 * @returns {number | null} null where they are wrong
 */
function secondsOf(args) {
  try {
    const { values } = parseArgs({ args, options: { seconds: { type: 'string', default: '60' } } });
    const number = Number(values.seconds);
    return Number.isInteger(number) && number > 0 ? number : null;
  } catch {
    return null;
  }
}
