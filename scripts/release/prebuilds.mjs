#!/usr/bin/env node
// Builds the binary of every platform on one Linux machine, and states their checksums.
//
//   npm run prebuilds                        build all into prebuilds/ and write prebuilds/SHA256SUMS
//   npm run prebuilds -- --check             build all anew and compare with SHA256SUMS; prebuilds/ is left alone
//   npm run prebuilds -- --only linux-x64-musl   build some (repeatable); SHA256SUMS is left alone

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import util from 'node:util';

import { fail, root } from '../tools/checkout.mjs';
import { buildTarget } from './build-target.mjs';
import { compareSums, writeSums } from './sums.mjs';
import { chooseTargets } from './targets.mjs';
import { openZig } from './zig.mjs';

const { values: options } = util.parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
});

const targets = chooseTargets(options.only);
const folder = options.check ? fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')) : root;
try {
  for (const target of targets) {
    const bytes = await buildTarget({ root, target, zig: openZig() });
    write(path.join(folder, target.file), bytes);
    console.log(`${target.file}  ${bytes.length} bytes`);
  }
  if (options.check) check();
  else if (options.only === undefined) writeSums(path.join(root, 'prebuilds'));
} finally {
  if (options.check) fs.rmSync(folder, { recursive: true });
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
  const files = targets.map(({ file }) => path.relative('prebuilds', file));
  const findings = compareSums(path.join(folder, 'prebuilds'), path.join(root, 'prebuilds/SHA256SUMS'), files);
  for (const finding of findings) console.error(finding);
  if (findings.length === 0) console.log(`${targets.length} binaries are as prebuilds/SHA256SUMS states.`);
  else fail('These sources give other binaries. Where they were changed on purpose: npm run prebuilds');
}
