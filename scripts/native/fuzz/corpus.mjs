// Where the inputs of the fuzzers are: what the repository keeps (test/fuzz/corpus, an input in base64 a line), and what
// this machine has found since (native/build/fuzz/corpus).

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../../tools/checkout.mjs';
import { buildDirectory } from '../variants.mjs';

/** @typedef {import('./fuzzers.mjs').Fuzzer} Fuzzer */

/**
 * The directories that a run begins with. libFuzzer writes to the first one.
 *
 * @param {Fuzzer} fuzzer
 * @returns {string[]}
 */
export function prepareCorpus({ name, seeds }) {
  const kept = emptyDirectory(path.join('kept', name));
  readLines(name).forEach((line, index) => {
    fs.writeFileSync(path.join(kept, String(index)), Buffer.from(line, 'base64'));
  });
  const isDirectory = fs.existsSync(seeds) && fs.statSync(seeds).isDirectory();
  return [writableDirectory(path.join('corpus', name)), kept, ...(isDirectory ? [seeds] : [])];
}

/**
 * Puts into the repository what is worth keeping of both: the smallest inputs that reach all that they reach together.
 *
 * @param {Fuzzer} fuzzer
 */
export function keepCorpus(fuzzer) {
  const merged = emptyDirectory(path.join('merged', fuzzer.name));
  const [file = '', ...args] = fuzzer.command;
  execFileSync(file, [...args, '-merge=1', '-max_len=512', merged, ...prepareCorpus(fuzzer)], { stdio: 'ignore' });
  const inputs = fs.readdirSync(merged).map((entry) => fs.readFileSync(path.join(merged, entry)));
  const lines = inputs.sort((a, b) => a.length - b.length || a.compare(b)).map((input) => input.toString('base64'));
  fs.writeFileSync(keptFile(fuzzer.name), lines.map((line) => `${line}\n`).join(''));
}

/**
 * Makes a directory that a fuzzer may write to, which may give up being root.
 *
 * @param {string} name below the fuzzers' build directory
 * @returns {string} its path
 */
export function writableDirectory(name) {
  const whole = path.join(buildDirectory('fuzz'), name);
  fs.mkdirSync(whole, { recursive: true });
  fs.chmodSync(whole, 0o777);
  return whole;
}

/** @param {string} name */
export function emptyDirectory(name) {
  fs.rmSync(path.join(buildDirectory('fuzz'), name), { recursive: true, force: true });
  return writableDirectory(name);
}

/** @param {string} name */
function keptFile(name) {
  return path.join(root, 'test/fuzz/corpus', `${name}.base64`);
}

/** @param {string} name @returns {string[]} */
function readLines(name) {
  return fs.existsSync(keptFile(name)) ? fs.readFileSync(keptFile(name), 'utf8').split('\n').slice(0, -1) : [];
}
