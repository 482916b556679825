// What a claim comes to: rows that were measured, and targets that they are held against.

import { ratio, summarize } from './statistics.mjs';

/** @typedef {import('./statistics.mjs').Summary} Summary */

/** @typedef {{ name: string, unit: string } & Summary} Row */

/**
 * @typedef {object} Limit
 * @property {number} [atMost]
 * @property {number} [atLeast]
 * @property {number} [guard] the limit that holds on any machine, for `npm run bench -- --check`; the same where left out,
 * none where it is not finite
 */

/** @typedef {{ what: string, unit: string } & Summary & Limit} Target */

/**
 * @typedef {object} Outcome
 * @property {string} title
 * @property {string} setting what was measured, in a sentence or two
 * @property {Row[]} rows
 * @property {Target[]} targets
 */

/**
 * @typedef {object} Effort
 * @property {boolean} quick a short run, for ratios alone
 * @property {number} rounds
 */

/**
 * @typedef {object} Claim
 * @property {string} name
 * @property {(effort: Effort) => Promise<Outcome>} run
 * @property {() => string | null} [missing] why it cannot be measured here
 */

/**
 * @param {Map<string, number[]>} samples in nanoseconds
 * @param {string} unit `ns`, `µs`, `ms`
 * @param {Record<string, string>} [names] what a contender is called in the table
 * @returns {Row[]}
 */
export function toRows(samples, unit, names = {}) {
  const scale = { ns: 1, µs: 1e3, ms: 1e6 }[unit] ?? 1;
  return Array.from(samples, ([name, values]) => ({
    name: names[name] ?? name,
    unit,
    ...summarize(values.map((value) => value / scale)),
  }));
}

/**
 * @param {Map<string, number[]>} samples
 * @param {string} name of the contender
 * @param {string} reference of the one that it is compared with
 * @param {Limit & { what?: string }} limit
 * @returns {Target}
 */
export function times(samples, name, reference, { what = `${name} / ${reference}`, ...limit }) {
  return { what, unit: '×', ...ratio(samples.get(name) ?? [], samples.get(reference) ?? []), ...limit };
}

/**
 * @param {Target} target
 * @returns {boolean}
 */
export function isMet({ median, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY }) {
  return median <= atMost && median >= atLeast;
}

/**
 * @param {Target} target
 * @returns {boolean}
 */
export function isGuarded({ median, atMost, atLeast, guard }) {
  if (atMost !== undefined) return median <= (guard ?? atMost);
  if (atLeast !== undefined) return median >= (guard ?? atLeast);
  return true;
}
