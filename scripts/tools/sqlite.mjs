#!/usr/bin/env node
// better-sqlite3, for the tests of a Node that has no SQLite of its own. It compiles for two minutes, so that the set-up
// of a checkout goes without it. Prints the node_modules where it is; ends with a reason where it is not to be had.
//
//   node scripts/tools/sqlite.mjs            where it is not there yet, it is compiled
//   node scripts/tools/sqlite.mjs --look     where it is not there yet, that is the reason

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { fail } from './checkout.mjs';
import { installPinned, pinnedModules } from './pinned.mjs';

// What is built for one version of V8 is no other's.
const variant = `-abi${process.versions.modules}`;
const isThere = fs.existsSync(pinnedModules('sqlite', variant));
if (process.argv.includes('--look') && !isThere) fail('better-sqlite3 is not compiled yet: npm run test:all');
try {
  console.log(installPinned('sqlite', { variant, finish: compile }));
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

/** @param {string} modules */
function compile(modules) {
  // It needs V8's headers, which lie beside most Nodes; nothing is fetched.
  const nodedir = path.resolve(process.execPath, '../..');
  if (!fs.existsSync(path.join(nodedir, 'include/node/v8.h'))) throw new Error(`${nodedir} has no headers of V8`);
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [gyp, 'rebuild', '--release'], {
    cwd: path.join(modules, 'better-sqlite3'),
    env: { ...process.env, npm_config_nodedir: nodedir, npm_config_jobs: 'max' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`better-sqlite3 does not compile: ${stdout}${stderr}`);
}
