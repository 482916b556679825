// Every fuzzer, and how to start it.

import path from 'node:path';
import { root } from '../../tools/checkout.mjs';
import { buildDirectory } from '../variants.mjs';

/**
 * @typedef {object} Fuzzer
 * @property {string} name
 * @property {string[]} command takes the arguments of libFuzzer
 * @property {number} share of the executions of all: the slower, the smaller
 * @property {string} seeds a directory of them, or a module that exports them
 */

/** Executions of a thousand. @type {Readonly<Record<string, number>>} */
const NATIVE = { proc_locks_fuzzer: 60, operations_fuzzer: 10 };
/** @type {Readonly<Record<string, number>>} */
const JAVASCRIPT = {
  paths: 60,
  names: 60,
  library: 120,
  'box-config': 130,
  'shim-pid': 250,
};

/** @type {readonly Fuzzer[]} */
export const FUZZERS = [
  ...Object.entries(NATIVE).map(([name, share]) => ({
    name,
    command: [path.join(buildDirectory('fuzz'), 'native/fuzz', name)],
    share,
    seeds: path.join(root, 'native/fuzz/seeds', name),
  })),
  ...Object.entries(JAVASCRIPT).map(([name, share]) => ({
    name,
    command: [process.execPath, path.join(import.meta.dirname, 'javascript.mjs'), name],
    share,
    seeds: path.join(root, 'test/fuzz', `${name}.ts`),
  })),
];
