#!/usr/bin/env node
// The gate: reads every prebuilt binary and fails on any surprise.
//
//   node scripts/release/check-prebuilds.mjs                  every target, and prebuilds/SHA256SUMS
//   node scripts/release/check-prebuilds.mjs --only linux-x64-musl    some (repeatable)
//   node scripts/release/check-prebuilds.mjs --list        also prints what each binary asks of its system

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

import { compareSums, parseSums, sha256 } from './checksums.mjs';
import { describe } from './describe.mjs';
import { checkBinary } from './gate.mjs';
import { TARGETS } from './targets.mjs';

const root = path.resolve(import.meta.dirname, '../..');

const { values: options } = util.parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean', default: false } },
});

const targets = TARGETS.filter(({ name }) => options.only === undefined || options.only.includes(name));
if (targets.length === 0 || (options.only !== undefined && targets.length !== options.only.length)) {
  console.error(`--only takes: ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

let failed = false;
/** @type {Map<string, string>} */
const sums = new Map();
for (const target of targets) {
  const file = path.join(root, target.file);
  if (!fs.existsSync(file)) {
    report(target.file, ['is missing: npm run prebuilds']);
    continue;
  }
  const bytes = fs.readFileSync(file);
  sums.set(target.file, sha256(bytes));
  report(`${target.file} (${bytes.length} bytes)`, checkBinary(target, bytes, root));
  if (options.list) console.log(describe(target, bytes));
}
if (options.only === undefined) {
  report('prebuilds/SHA256SUMS', checkSums());
}
process.exitCode = failed ? 1 : 0;

/**
 * @returns {string[]}
 */
function checkSums() {
  const file = path.join(root, 'prebuilds/SHA256SUMS');
  if (!fs.existsSync(file)) return ['is missing: npm run prebuilds'];
  return compareSums(parseSums(fs.readFileSync(file, 'utf8')), sums);
}

/**
 * @param {string} what
 * @param {string[]} findings
 */
function report(what, findings) {
  failed ||= findings.length > 0;
  console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'} ${what}`);
  for (const finding of findings) console.log(`     ${finding}`);
}
