#!/usr/bin/env node
// Measures every claim, or those that are named, against a floor and rivals, and keeps what it found in bench/results:
//
//   npm run bench                        all
//   npm run bench -- steady replace      some
//   npm run bench -- --rounds 9 steady   fewer rounds than the 201 that a result is made of

import util from 'node:util';
import { chooseClaims } from '../../bench/lib/claims.mjs';
import { describeMachine } from '../../bench/lib/machine.mjs';
import { printOutcome, saveResult } from '../../bench/lib/results.mjs';
import { cleanUp } from '../../bench/lib/scene.mjs';

const { values: options, positionals } = util.parseArgs({
  options: { rounds: { type: 'string', default: '201' } },
  allowPositionals: true,
});

for (const claim of await chooseClaims(positionals)) {
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
