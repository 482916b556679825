// Medians and quartiles: a benchmark's mean is the mean of its disturbances.

/** @typedef {{ median: number, p25: number, p75: number }} Summary */

/**
 * @param {readonly number[]} samples at least one
 * @returns {Summary}
 */
export function summarize(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75) };
}

/**
 * What one contender takes of another, round by round: a disturbance that lasts hits both, and cancels out.
 *
 * @param {readonly number[]} samples
 * @param {readonly number[]} reference of the same rounds
 * @returns {Summary}
 */
export function ratio(samples, reference) {
  return summarize(samples.map((sample, i) => sample / (reference[i] ?? Number.NaN)));
}

/**
 * @param {readonly number[]} sorted
 * @param {number} q
 * @returns {number}
 */
function quantile(sorted, q) {
  const at = q * (sorted.length - 1);
  const [below = Number.NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}
