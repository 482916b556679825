// What every script needs: where the checkout is, and how a program is run that may be missing.

import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** Which package of Debian brings a program, where it is not called as the program is. @type {Record<string, string>} */
const PACKAGES = {
  'c++': 'g++',
  ctest: 'cmake',
  'ld64.lld-19': 'lld-19',
  'llvm-nm-19': 'llvm-19',
  'llvm-objdump-19': 'llvm-19',
  'llvm-readobj-19': 'llvm-19',
  sha256sum: 'coreutils',
  strip: 'binutils',
};

/**
 * Why programs cannot be run, with what installs them; undefined where all are there.
 *
 * @param {...string} programs
 * @returns {string | undefined}
 */
export function whyMissing(...programs) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const missing = programs.filter((name) => !folders.some((folder) => fs.existsSync(path.join(folder, name))));
  if (missing.length === 0) return undefined;
  const packages = new Set(missing.map((name) => PACKAGES[name] ?? name));
  return `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: apt-get install ${[...packages].join(' ')}`;
}

/**
 * Ends this process with one sentence where a program is missing.
 *
 * @param {...string} programs
 */
export function need(...programs) {
  const missing = whyMissing(...programs);
  if (missing !== undefined) fail(missing);
}

/**
 * Runs a program in the checkout; ends this process with its status where that is not 0.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: NodeJS.ProcessEnv, cwd?: string }} [options] quiet: its output is shown only where
 *   it fails; `env` is added to this process's
 * @returns {string} what it wrote, where it was quiet
 */
export function run(program, args, { quiet = false, env = {}, cwd = root } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return stdout ?? '';
  if (quiet) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  if (error !== undefined) process.stderr.write(`${program}: ${error.message}\n`);
  return process.exit(status ?? 1);
}

/**
 * Runs a program in the checkout, beside others.
 *
 * @param {readonly string[]} command
 * @returns {Promise<{ passed: boolean, output: string }>}
 */
export function capture([program = '', ...args]) {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: root, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      resolve({ passed: error === null, output: `${stdout}${stderr}` });
    });
  });
}

/**
 * Works on all of them, as many at once as there are processors.
 *
 * @template T
 * @param {readonly T[]} all
 * @param {(one: T) => Promise<void>} work
 */
export async function inParallel(all, work) {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
}

/**
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/**
 * @param {string} option its name
 * @param {string} text its value
 * @returns {number}
 */
export function wholeNumber(option, text) {
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : fail(`${option} takes a whole number, not ${text}`);
}
