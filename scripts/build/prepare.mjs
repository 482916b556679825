#!/usr/bin/env node
// What npm runs after `npm ci` in a checkout, and before it packs. Packing takes the binaries that `npm run prebuilds`
// made; a build for this machine would take the place of one of them.

import { spawnSync } from 'node:child_process';
import path from 'node:path';

const packing = process.env.npm_command === 'pack' || process.env.npm_command === 'publish';
const { status } = spawnSync('npm', ['run', packing ? 'build:ts' : 'build'], {
  cwd: path.resolve(import.meta.dirname, '../..'),
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
