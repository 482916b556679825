#!/usr/bin/env node
// Fuzzes the native layer: `npm run fuzz -- [--seconds N] [fuzzer…]`, 30 seconds each by default. What a fuzzer found
// interesting stays in native/build/fuzz/corpus and is where the next run begins; an input that breaks a promise is
// kept in native/build/fuzz/artifacts, and its path is all the arguments that its fuzzer needs to do it again.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';
import { buildDirectory, cmake, fail, root } from './variants.mjs';

const FUZZERS = ['proc_locks_fuzzer', 'operations_fuzzer'];

const { values, positionals } = util.parseArgs({
  options: { seconds: { type: 'string', default: '30' } },
  allowPositionals: true,
});
if (!/^[1-9][0-9]*$/.test(values.seconds)) fail('--seconds takes a whole number');
const unknown = positionals.find((name) => !FUZZERS.includes(name));
if (unknown !== undefined) fail(`no fuzzer ${unknown}; there are: ${FUZZERS.join(', ')}`);

cmake('fuzz', 'build');
const directory = buildDirectory('fuzz');
for (const name of positionals.length > 0 ? positionals : FUZZERS) {
  const args = [
    `-max_total_time=${values.seconds}`,
    '-max_len=512',
    '-timeout=20',
    '-print_final_stats=1',
    `-artifact_prefix=${open('artifacts')}/${name}-`,
    open(path.join('corpus', name)),
  ];
  const seeds = path.join(root, 'native/fuzz/seeds', name);
  if (fs.existsSync(seeds)) args.push(seeds);
  const { status, stderr } = spawnSync(path.join(directory, 'native/fuzz', name), args, {
    stdio: process.env.NATIVE_VERBOSE === undefined ? ['ignore', 'ignore', 'pipe'] : 'inherit',
    maxBuffer: 1 << 28,
  });
  if (status !== 0 && stderr !== null) process.stderr.write(stderr.subarray(-8000));
  console.log(`${name}: ${status === 0 ? `nothing found in ${values.seconds} s` : 'FAILED'}`);
  if (status !== 0) process.exitCode = 1;
}

/**
 * Makes a directory that a fuzzer may write to, which gives up being root.
 *
 * @param {string} name
 */
function open(name) {
  const whole = path.join(directory, name);
  fs.mkdirSync(whole, { recursive: true });
  fs.chmodSync(whole, 0o777);
  return whole;
}
