#!/usr/bin/env node
// Builds the binary of every platform on one Linux machine, and states their checksums.
//
//   npm run prebuilds                        build all into prebuilds/ and write prebuilds/SHA256SUMS
//   npm run prebuilds -- --check             build all anew and compare with SHA256SUMS; prebuilds/ is left alone
//   npm run prebuilds -- --only linux-x64-musl   build some (repeatable); SHA256SUMS is left alone

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

import { buildTarget } from './build-target.mjs';
import { compareSums, formatSums, parseSums, sha256 } from './checksums.mjs';
import { readRecipe } from './gyp.mjs';
import { TARGETS } from './targets.mjs';
import { openZig } from './zig.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const sumsFile = path.join(root, 'prebuilds/SHA256SUMS');

const { values: options } = util.parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
});

const targets = choose(options.only);
const zig = openZig();
const recipe = readRecipe(root);
/** @type {Map<string, string>} */
const sums = new Map();
for (const target of targets) {
  const bytes = await buildTarget({ root, recipe, target, zig });
  sums.set(target.file, sha256(bytes));
  if (!options.check) write(path.join(root, target.file), bytes);
  console.log(`${target.file}  ${bytes.length} bytes`);
}
if (options.check) check();
else if (options.only === undefined) fs.writeFileSync(sumsFile, formatSums(sums));

/**
 * @param {string[] | undefined} names
 * @returns {readonly import('./targets.mjs').Target[]}
 */
function choose(names) {
  if (names === undefined) return TARGETS;
  const chosen = TARGETS.filter(({ name }) => names.includes(name));
  if (chosen.length === names.length) return chosen;
  console.error(`--only takes: ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

/**
 * Replaces the file whole: a process that has the old one mapped keeps it.
 *
 * @param {string} file
 * @param {Buffer} bytes
 */
function write(file, bytes) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, bytes, { mode: 0o755 });
  fs.renameSync(`${file}.new`, file);
}

function check() {
  const stated = parseSums(fs.readFileSync(sumsFile, 'utf8'));
  const findings = compareSums(options.only === undefined ? stated : only(stated), sums);
  for (const finding of findings) console.error(finding);
  if (findings.length > 0) {
    console.error(
      'These sources do not give the binaries that prebuilds/SHA256SUMS states. Where they were changed on purpose: npm run prebuilds',
    );
    process.exit(1);
  }
  console.log(`${sums.size} binaries are as prebuilds/SHA256SUMS states.`);
}

/**
 * @param {Map<string, string>} stated
 * @returns {Map<string, string>}
 */
function only(stated) {
  return new Map([...stated].filter(([file]) => sums.has(file)));
}
