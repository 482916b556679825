#!/usr/bin/env node
// The long form of the proofs of test/proofs/faults: `node scripts/tools/soak.mjs [--seconds N]`. Each call of each
// operation fails with every errno that its manual page allows, each is the last one of its process, every race runs for
// N seconds (60), a hostile box attacks for as long, as many random worlds are tried as take it, and what is done again and again is done ten times as often. Then ten
// million inputs for the fuzzers.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import util from 'node:util';

import { root, wholeNumber } from './checkout.mjs';

const { values } = util.parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = wholeNumber('--seconds', values.seconds);

const proofs = ['faults', 'hostile-box', 'judgement/worlds'].map((name) => `test/proofs/${name}`);
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const fuzz = path.join(root, 'scripts/native/fuzz.mjs');
const statuses = [
  [vitest, 'run', ...proofs, '--no-file-parallelism'],
  [fuzz, '--runs', '10000000'],
].map((args) => {
  const env = { ...process.env, BOXSOCKETS_SOAK_SECONDS: String(seconds) };
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env }).status;
});
process.exitCode = statuses.every((status) => status === 0) ? 0 : 1;
