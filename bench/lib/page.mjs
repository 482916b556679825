// The page of results: docs/benchmarks.md.

import { isMet } from './outcome.mjs';
import { misses } from './reasons.mjs';
import { describe, format, limitOf } from './results.mjs';

/** @typedef {import('./results.mjs').Result} Result */

const INTRODUCTION = `# Benchmarks

<!-- Made by npm run bench -- --report. Edit bench/lib/page.mjs. -->

Each claim is measured against a floor: a small C++ program (\`bench/floor/\`) that makes the system calls that the
guarantee needs, and nothing else. Contenders take turns, round by round, in one run. A number is the median of the
rounds; in parentheses are the quartiles. A ratio is the median of the ratios of each round. Where a target is not met,
[a paragraph](#what-misses-its-target-and-why) says why, and [System calls](#system-calls) what each call is for. Each claim
was measured at the load that bench/results states; a busy machine shows in the quartiles.

    npm run bench                  # measures all claims, into bench/results/
    npm run bench -- steady        # one of them
    npm run bench -- --report      # makes this page
    npm run bench -- --check       # a short run for CI: the ratios that do not depend on the machine, and instructions
`;

/** The order of the sections. */
export const ORDER = [
  'steady',
  'create-remove',
  'replace',
  'steady-async',
  'ensure-all',
  'sweep',
  'probe',
  'require',
  'krun-pin',
  'size',
  'instructions',
  'calls',
  'prepare',
  'open',
  'connect',
  'listen',
  'http',
  'launch',
  'remove-box',
  'doctor',
];

/**
 * @param {Map<string, Result>} results by claim
 * @returns {string} Markdown
 */
export function writePage(results) {
  const known = ORDER.flatMap((name) => {
    const result = results.get(name);
    return result === undefined ? [] : [{ name, result }];
  });
  return [
    INTRODUCTION,
    machines(known.map(({ result }) => result)),
    summary(known),
    misses(known),
    ...known.map(section),
    '',
  ].join('\n');
}

/**
 * @param {readonly Result[]} results
 * @returns {string}
 */
function machines(results) {
  const [first] = results;
  if (first === undefined) return '';
  const { processor, memory, system, node, temporary } = first.machine;
  const loads = results.map(({ machine }) => Number(machine.load));
  const rows = [
    ['Processor', processor],
    ['Memory', memory],
    ['System', system],
    ['Node', node],
    ['File systems', `${temporary} (the steady calls), tmpfs (all that makes links)`],
    ['Load before a claim', `${Math.min(...loads)} to ${Math.max(...loads)}`],
  ];
  return `## The machine\n\n| | |\n|---|---|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

/**
 * @param {readonly { name: string, result: Result }[]} results
 * @returns {string}
 */
function summary(results) {
  const rows = results.flatMap(({ result: { title, targets } }) =>
    targets.map((target) => {
      const measured = `${format(target.median)} ${target.unit}`;
      return `| [${title}](#${anchor(title)}) | ${target.what} | ${limitOf(target)} | ${measured} | ${isMet(target) ? 'yes' : '**no**'} |`;
    }),
  );
  return `## Targets\n\n| claim | what | target | measured | met |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** @param {string} title */
function anchor(title) {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}

/** @param {{ name: string, result: Result }} section */
function section({ name, result: { title, setting, rounds, rows, targets } }) {
  const table = rows.map(({ name: what, unit, ...spread }) => `| ${what} | ${describe(spread, unit)} |`);
  const judged = targets.map((target) => `| ${target.what} | ${describe(target, target.unit)} | ${limitOf(target)} |`);
  return [
    `## ${title}`,
    '',
    `${setting} ${rounds} rounds (\`bench/${name}.mjs\`).`,
    '',
    '| | median (quartiles) |',
    '|---|---|',
    ...table,
    '',
    '| | median (quartiles) | target |',
    '|---|---|---|',
    ...judged,
    '',
  ].join('\n');
}
