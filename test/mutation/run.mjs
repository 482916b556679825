#!/usr/bin/env node
// Mutation testing: puts in one fault at a time, and looks whether a test finds it.
//
//   npm run mutate                             all of both languages: an hour
//   npm run mutate -- native listen.cc         one language, some files
//   npm run mutate -- --sample 30 --seed x     a sample of each; another seed is another sample
//   npm run mutate -- --check                  the sample of test/mutation/scores.json, which may not fall below

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';
import { fail, wholeNumber } from '../../scripts/tools/checkout.mjs';
import { mutateNative, runConfined } from './native.mjs';
import { mutateTypeScript } from './typescript.mjs';

/** Of mutants; `equivalent` are those that nobody can find, which are not put in. @typedef {{ found: number, missed: number, equivalent: number }} Count */
/** By file, or by folder. @typedef {{ layers: Map<string, Count>, survivors: string[] }} Score */

const LANGUAGES = { native: mutateNative, typescript: mutateTypeScript };
const { values, positionals } = util.parseArgs({
  allowPositionals: true,
  options: { sample: { type: 'string' }, seed: { type: 'string', default: 'a' }, check: { type: 'boolean' } },
});
const [first = ''] = positionals;
const names = /** @type {(keyof typeof LANGUAGES)[]} */ (Object.keys(LANGUAGES));
const chosen = names.filter((name) => positionals.length === 0 || name === first);
if (chosen.length === 0) fail(`native or typescript, not ${first}`);
if (!(await runConfined(['true'], 60)).passed) {
  console.log(
    '0 passed, 0 failed, 1 skipped: a mutant may do anything, and there are no namespaces here to confine it in',
  );
  process.exit();
}
// What runs a mutant ends it at this process's exit.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
/** @type {Record<string, { sample: number, seed: string, percent: number }>} */
const least = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'scores.json'), 'utf8'));
for (const name of chosen) {
  const { sample, seed } =
    values.check === true
      ? (least[name] ?? fail(`test/mutation/scores.json says nothing of ${name}`))
      : { sample: values.sample && wholeNumber('--sample', values.sample), seed: values.seed };
  const { layers, survivors } = await LANGUAGES[name]({
    files: positionals.slice(1),
    sample: sample || undefined,
    seed,
  });
  for (const survivor of survivors) console.log(survivor);
  const percent = tell(name, layers);
  // A score of nothing is none: of a name that no file bears, or of a sample that was not taken.
  if (Number.isNaN(percent)) fail(`${name}: no file of these names has a mutant`);
  const floor = least[name]?.percent ?? 0;
  const holds = percent >= floor;
  if (values.check === true) console.log(`${holds ? 1 : 0} passed, ${holds ? 0 : 1} failed, 0 skipped`);
  if (values.check !== true || holds) continue;
  console.log(`${name}: ${percent.toFixed(1)} % is less than the ${floor} % of test/mutation/scores.json`);
  process.exitCode = 1;
}

/** Prints the score of each layer, and of all. @param {string} name @param {Score['layers']} layers @returns {number} */
function tell(name, layers) {
  const all = { found: 0, missed: 0, equivalent: 0 };
  for (const [layer, count] of [...layers].sort()) {
    console.log(`${layer}: ${describe(count)}`);
    for (const key of /** @type {(keyof Count)[]} */ (Object.keys(all))) all[key] += count[key];
  }
  console.log(`${name}: ${describe(all)}`);
  return (100 * all.found) / (all.found + all.missed);
}

/** @param {Count} count */
function describe({ found, missed, equivalent }) {
  if (found + missed === 0) return 'no mutants';
  const score = `${found} of ${found + missed} mutants found, ${((100 * found) / (found + missed)).toFixed(1)} %`;
  return equivalent === 0 ? score : `${score}; ${equivalent} more change nothing`;
}
