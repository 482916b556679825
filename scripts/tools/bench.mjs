#!/usr/bin/env node
// Measures every claim, or those that are named, against a floor and rivals, and keeps what it found in bench/results:
//
//   npm run bench                        all
//   npm run bench -- steady replace      some
//   npm run bench -- --rounds 9 steady   fewer rounds than the 201 that a result is made of
//   npm run bench -- --report            makes docs/benchmarks.md of what was found
//   npm run bench -- --check             is bench/lib/check.mjs; --update, too

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';
import { check } from '../../bench/lib/check.mjs';
import { chooseClaims } from '../../bench/lib/claims.mjs';
import { describeMachine } from '../../bench/lib/machine.mjs';
import { writePage } from '../../bench/lib/page.mjs';
import { loadResults, printOutcome, saveResult } from '../../bench/lib/results.mjs';
import { cleanUp } from '../../bench/lib/scene.mjs';
import { root } from './checkout.mjs';

const { values: options, positionals } = util.parseArgs({
  options: {
    rounds: { type: 'string', default: '201' },
    report: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

if (options.check) process.exitCode = (await check(options)) ? 0 : 1;
else if (options.report) fs.writeFileSync(path.join(root, 'docs/benchmarks.md'), writePage(loadResults()));
else for (const claim of await chooseClaims(positionals)) await measure(claim);

/** @param {import('../../bench/lib/outcome.mjs').Claim} claim */
async function measure(claim) {
  const missing = claim.missing?.() ?? null;
  if (missing !== null) throw new Error(`${claim.name} cannot be measured here: ${missing}`);
  const machine = describeMachine();
  try {
    const outcome = await claim.run({ quick: false, rounds: Number(options.rounds) });
    saveResult(claim.name, { machine, rounds: Number(options.rounds), ...outcome });
    printOutcome(outcome);
  } finally {
    cleanUp();
  }
}
