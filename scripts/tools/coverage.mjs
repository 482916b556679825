#!/usr/bin/env node
// Measures what the tests reach of TypeScript and C++ together, in one run of all of them. Prints a table of each, and
// writes coverage/lcov.info for whatever draws it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { root, run } from './checkout.mjs';
import { installPinned } from './pinned.mjs';

const coverage = path.join(root, 'coverage');
const profiles = path.join(coverage, 'v8');
fs.rmSync(coverage, { recursive: true, force: true });
fs.mkdirSync(profiles, { recursive: true });
// Some tests act as another user, who writes there too.
fs.chmodSync(profiles, 0o777);

// Each file for itself, not packed as what is shipped is: in a map of many sources c8 takes all of them for reached.
run(process.execPath, ['scripts/build/fresh.mjs']);
process.once('exit', () => spawnSync(process.execPath, ['scripts/build/typescript.mjs'], { cwd: root }));
run('node_modules/.bin/tsc', ['-p', 'tsconfig.json', '--sourceMap']);
run('node', ['scripts/native/coverage.mjs', '--package'], { env: { NODE_V8_COVERAGE: profiles } });
const c8 = path.join(installPinned('coverage'), 'c8/bin/c8.js');
const filters = ['--src', 'lib', '--include', 'lib/**', '--exclude-after-remap'];
const reporters = ['--reporter', 'text', '--reporter', 'lcovonly', '--reports-dir', path.join(coverage, 'typescript')];
run(process.execPath, [c8, 'report', '--temp-directory', profiles, ...filters, ...reporters]);
const reports = ['typescript/lcov.info', 'native.info'].map((file) =>
  fs.readFileSync(path.join(coverage, file), 'utf8'),
);
fs.writeFileSync(path.join(coverage, 'lcov.info'), reports.join(''));
