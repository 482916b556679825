#!/usr/bin/env node
// Fuzzes all that parses bytes: `node scripts/native/fuzz.mjs [--seconds N] [--runs N] [--keep] [fuzzer…]`. The native fuzzers are in
// native/fuzz, those of TypeScript in test/fuzz; libFuzzer drives both. `--seconds` is for each (30 where nothing is
// said), `--runs` how often all of them together run, each at least as often as its share of that. What a fuzzer found
// interesting is where its next run begins; `--keep` puts it into the repository (see test/fuzz/README.md).

import util from 'node:util';
import { buildStale } from '../build/fresh.mjs';
import { capture, fail, inParallel, wholeNumber } from '../tools/checkout.mjs';
import { keepCorpus, prepareCorpus, writableDirectory } from './fuzz/corpus.mjs';
import { FUZZERS } from './fuzz/fuzzers.mjs';
import { cmake } from './variants.mjs';

const { values, positionals } = util.parseArgs({
  options: { seconds: { type: 'string' }, runs: { type: 'string' }, keep: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !FUZZERS.some((fuzzer) => fuzzer.name === name));
if (unknown !== undefined) {
  fail(`no fuzzer ${unknown}; there are: ${FUZZERS.map(({ name }) => name).join(', ')}`);
}
const chosen = FUZZERS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const runs = values.runs === undefined ? undefined : wholeNumber('--runs', values.runs);
const seconds = values.seconds === undefined ? undefined : wholeNumber('--seconds', values.seconds);
const limit = seconds ?? (runs === undefined ? 30 : undefined);
const shares = chosen.reduce((sum, { share }) => sum + share, 0);

// The fuzzers of TypeScript run what is in dist/.
buildStale();
cmake('fuzz', 'build');
const artifacts = writableDirectory('artifacts');
let total = 0;
await inParallel(chosen, fuzz);
console.log(`${total} executions of ${chosen.length} fuzzers`);
if (runs !== undefined && total < runs) fail(`of ${runs} executions, ${total} were made`);

/** @param {import('./fuzz/fuzzers.mjs').Fuzzer} fuzzer */
async function fuzz(fuzzer) {
  const { name, command, share } = fuzzer;
  const args = [
    '-max_len=512',
    '-timeout=20',
    '-print_final_stats=1',
    `-artifact_prefix=${artifacts}/${name}-`,
    ...(limit === undefined ? [] : [`-max_total_time=${limit}`]),
    ...(runs === undefined ? [] : [`-runs=${Math.ceil((runs * share) / shares)}`]),
    ...prepareCorpus(fuzzer),
  ];
  const began = Date.now();
  const { passed: ended, output } = await capture([...command, ...args]);
  const executions = Number(/number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0);
  const passed = ended && executions > 0;
  if (passed && values.keep) keepCorpus(fuzzer);
  // Without the lines of its progress.
  if (!passed) process.stderr.write(output.replace(/^#.*\n/gm, '').slice(-8000));
  if (!passed) process.exitCode = 1;
  const took = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${name}: ${passed ? 'nothing found' : 'FAILED'} in ${executions} executions, ${took} s`);
  total += executions;
}
