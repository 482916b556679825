#!/usr/bin/env node
// Runs a fuzzer of test/fuzz in libFuzzer: `node scripts/fuzz/javascript.mjs FUZZER [argument of libFuzzer…]`. The files
// of dist/ that it loads count what runs of them in an array that libFuzzer looks at, as it does for code of clang's.

import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import esbuild from 'esbuild';
import { root } from '../../tools/checkout.mjs';
import { requirePinned } from '../../tools/pinned.mjs';
import { buildDirectory } from '../variants.mjs';
import { emptyDirectory, writableDirectory } from './corpus.mjs';

/**
 * What a fuzzer exports.
 *
 * @typedef {object} Fuzzer
 * @property {(data: Buffer) => void} fuzz throws where a promise is broken
 * @property {(string | Uint8Array)[]} seeds where the very first run begins; of a string, a byte a character
 * @property {string[]} [dictionary] words that would take long to be found, a byte a character
 */

const COVERAGE = '__fuzz_coverage__';
const LONGEST_INPUT = 1 << 16;

const [name = '', ...args] = process.argv.slice(2);
const require = createRequire(import.meta.url);
loadInstrumented();
const fuzzer = /** @type {Fuzzer} */ (require(path.join(root, 'test/fuzz', `${name}.ts`)));
const input = Buffer.alloc(LONGEST_INPUT);
const { run } = require(path.join(buildDirectory('fuzz'), 'Debug/js_driver.node'));
run([itself(), ...args, ...beginnings()], counters(), input, (/** @type {number} */ size) => {
  fuzzer.fuzz(Buffer.from(input.subarray(0, size)));
});

/** How libFuzzer starts this program again, to merge a corpus: it puts it before what it appends, in a shell. */
function itself() {
  return [process.execPath, import.meta.filename, name].join(' ');
}

/** Further arguments: the words, and where it explores (rather than doing one input again) the seeds. */
function beginnings() {
  const words = path.join(writableDirectory('dictionaries'), name);
  fs.writeFileSync(words, (fuzzer.dictionary ?? []).map((word) => `"${inHex(word)}"\n`).join(''));
  const further = [`-dict=${words}`, '-detect_leaks=0'];
  if (!args.some((argument) => fs.existsSync(argument) && fs.statSync(argument).isDirectory())) return further;
  const seeds = emptyDirectory(path.join('seeds', name));
  fuzzer.seeds.forEach((seed, index) => {
    fs.writeFileSync(path.join(seeds, String(index)), typeof seed === 'string' ? Buffer.from(seed, 'latin1') : seed);
  });
  return [...further, seeds];
}

/** @param {string} word a character a byte */
function inHex(word) {
  return Buffer.from(word, 'latin1').toString('hex').replace(/../g, '\\x$&');
}

/** The fuzzer itself counts, too: its oracle shows libFuzzer steps where the parser is one regular expression. */
function loadInstrumented() {
  const { createInstrumenter } = requirePinned('coverage', 'istanbul-lib-instrument');
  const instrumenter = createInstrumenter({ coverageVariable: COVERAGE, compact: false });
  const dist = path.join(root, 'dist') + path.sep;
  const { _extensions: loaders } = /** @type {any} */ (Module);
  const loadAsItIs = loaders['.js'];
  loaders['.js'] = (/** @type {any} */ module, /** @type {string} */ file) => {
    if (!file.startsWith(dist)) return loadAsItIs(module, file);
    return module._compile(instrumenter.instrumentSync(fs.readFileSync(file, 'utf8'), file), file);
  };
  loaders['.ts'] = (/** @type {any} */ module, /** @type {string} */ file) => {
    const { code } = esbuild.transformSync(fs.readFileSync(file, 'utf8'), { loader: 'ts', format: 'cjs' });
    // As everywhere, an import names what the compiler would make of a file.
    const resolved = code.replace(/require\("(\.\/[\w-]+)\.js"\)/g, 'require("$1.ts")');
    return module._compile(instrumenter.instrumentSync(resolved, file), file);
  };
}

/** Istanbul counts in objects and arrays; given parts of one array of bytes instead, it counts in those. */
function counters() {
  const files = Object.values(/** @type {any} */ (globalThis)[COVERAGE]);
  const lists = files.flatMap((file) => [[file, 's'], [file, 'f'], ...Object.keys(file.b).map((key) => [file.b, key])]);
  const lengths = lists.map(([owner, key]) => Object.keys(owner[key]).length);
  const all = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  lists.forEach(([owner, key], index) => {
    owner[key] = all.subarray(at, at + (lengths[index] ?? 0));
    at += lengths[index] ?? 0;
  });
  return all;
}
