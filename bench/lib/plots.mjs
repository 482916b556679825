// Plots of results, drawn by Vega-Lite.

import * as vega from 'vega';
import * as vegaLite from 'vega-lite';

/** @typedef {import('./results.mjs').Result} Result */

/** @type {import('vega-lite').Config} */
const CONFIG = {
  background: 'white',
  font: 'sans-serif',
  axis: { labelFontSize: 12, titleFontSize: 12, labelLimit: 700 },
};

/**
 * Every target: how much of its limit was used.
 *
 * @param {readonly Result[]} results
 * @returns {Promise<string>} SVG
 */
export function drawTargets(results) {
  const values = results.flatMap(({ title, targets }) =>
    targets.map((target) => ({
      target: `${title}: ${target.what}`,
      used: usedOf(target, target.median),
      low: Math.max(usedOf(target, target.p25), 0),
      high: usedOf(target, target.p75),
    })),
  );
  return draw({
    data: { values },
    encoding: { y: { field: 'target', type: 'nominal', sort: null, title: null, axis: { labelLimit: 700 } } },
    layer: [
      {
        mark: { type: 'bar', tooltip: false },
        encoding: {
          x: {
            field: 'used',
            type: 'quantitative',
            title: 'share of the limit (1: just met)',
            scale: { domainMin: 0 },
          },
          color: { condition: { test: 'datum.used > 1', value: '#c0392b' }, value: '#2e86c1' },
        },
      },
      spread('low', 'high'),
      { mark: { type: 'rule', strokeDash: [4, 4] }, encoding: { x: { datum: 1 }, y: null } },
    ],
  });
}

/**
 * The contenders of one claim.
 *
 * @param {Result} result
 * @returns {Promise<string>} SVG
 */
export function drawRows({ title, rows }) {
  const [unit] = rows.map((row) => row.unit);
  return draw({
    title,
    data: { values: rows },
    encoding: { y: { field: 'name', type: 'nominal', sort: null, title: null } },
    layer: [
      {
        mark: { type: 'bar', color: '#2e86c1' },
        encoding: { x: { field: 'median', type: 'quantitative', title: `${unit}, median and quartiles` } },
      },
      spread('p25', 'p75'),
    ],
  });
}

/**
 * @param {string} low
 * @param {string} high
 * @returns {object} a layer
 */
function spread(low, high) {
  return {
    mark: { type: 'rule', strokeWidth: 1.5 },
    encoding: { x: { field: low, type: 'quantitative' }, x2: { field: high } },
  };
}

/**
 * @param {import('./outcome.mjs').Target} target
 * @param {number} value
 * @returns {number}
 */
function usedOf({ atMost, atLeast }, value) {
  return atMost === undefined ? (atLeast ?? Number.NaN) / value : value / atMost;
}

/**
 * @param {object} spec but for what all plots share
 * @returns {Promise<string>}
 */
async function draw(spec) {
  const { spec: compiled } = vegaLite.compile(
    /** @type {import('vega-lite').TopLevelSpec} */ ({ config: CONFIG, width: 420, ...spec }),
  );
  const svg = await new vega.View(vega.parse(compiled), { renderer: 'none' }).toSVG();
  return `${svg}\n`;
}
