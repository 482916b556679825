#!/usr/bin/env node
// The gate: has LLVM read every prebuilt binary, and fails on any surprise.
//
//   node scripts/release/check-prebuilds.mjs                          every target, and prebuilds/SHA256SUMS
//   node scripts/release/check-prebuilds.mjs --only linux-x64-musl    some (repeatable)

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

import { root } from '../tools/checkout.mjs';
import { checkBinary } from './gate.mjs';
import { compareSums } from './sums.mjs';
import { chooseTargets } from './targets.mjs';

const { values: options } = util.parseArgs({ options: { only: { type: 'string', multiple: true } } });

for (const target of chooseTargets(options.only)) {
  const file = path.join(root, target.file);
  if (!fs.existsSync(file)) report(target.file, ['is missing: npm run prebuilds']);
  else report(`${target.file} (${fs.statSync(file).size} bytes)`, checkBinary(target, file, root));
}
if (options.only === undefined) {
  const folder = path.join(root, 'prebuilds');
  report('prebuilds/SHA256SUMS', compareSums(folder, path.join(folder, 'SHA256SUMS')));
}

/**
 * @param {string} what
 * @param {string[]} findings
 */
function report(what, findings) {
  if (findings.length > 0) process.exitCode = 1;
  console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'} ${what}`);
  for (const finding of findings) console.log(`     ${finding}`);
}
