// Results, as one file of JSON a claim and as text.

import fs from 'node:fs';
import path from 'node:path';
import { isMet } from './outcome.mjs';

/** @typedef {import('./outcome.mjs').Outcome & { machine: import('./machine.mjs').Machine, rounds: number }} Result */

const directory = path.join(path.dirname(import.meta.dirname), 'results');

/**
 * @param {string} name of the claim
 * @param {Result} result
 */
export function saveResult(name, result) {
  fs.mkdirSync(directory, { recursive: true });
  const rounded = (/** @type {string} */ _, /** @type {unknown} */ value) =>
    typeof value === 'number' ? (Number.isFinite(value) ? Number(value.toPrecision(4)) : undefined) : value;
  fs.writeFileSync(path.join(directory, `${name}.json`), `${JSON.stringify(result, rounded, 2)}\n`);
}

/** @returns {Map<string, Result>} by claim */
export function loadResults() {
  const files = fs.readdirSync(directory).filter((file) => file.endsWith('.json'));
  return new Map(
    files.map((file) => [
      path.basename(file, '.json'),
      JSON.parse(fs.readFileSync(path.join(directory, file), 'utf8')),
    ]),
  );
}

/** @param {import('./outcome.mjs').Outcome} outcome */
export function printOutcome({ title, rows, targets }) {
  console.log(`\n${title}`);
  for (const { name, unit, ...spread } of rows) console.log(`  ${name.padEnd(44)} ${describe(spread, unit)}`);
  for (const target of targets) {
    const { what, unit } = target;
    console.log(
      `  ${isMet(target) ? 'met   ' : 'MISSED'} ${what.padEnd(37)} ${describe(target, unit)}  ${limitOf(target)}`,
    );
  }
}

/**
 * @param {import('./outcome.mjs').Target} target
 * @returns {string}
 */
export function limitOf({ atMost, atLeast, unit }) {
  if (atMost !== undefined) return `at most ${format(atMost)} ${unit}`;
  return atLeast === undefined ? '' : `at least ${format(atLeast)} ${unit}`;
}

/**
 * @param {import('./statistics.mjs').Summary} summary
 * @param {string} unit
 * @returns {string}
 */
export function describe({ median, p25, p75 }, unit) {
  return `${format(median)} ${unit} (${format(p25)} to ${format(p75)})`;
}

/**
 * @param {number} value
 * @returns {string} with three digits that count
 */
export function format(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}
