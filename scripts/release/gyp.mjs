// binding.gyp is the one list of sources and flags: node-gyp builds from it, and so does the cross build.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

/**
 * @typedef {object} Recipe
 * @property {string[]} sources relative to the root
 * @property {string[]} defines `NAME` or `NAME=value`
 * @property {string[]} flags compiler flags, as written there
 */

/**
 * Reads what the cross build needs of a `binding.gyp` with one target.
 *
 * @param {string} root directory that holds the file
 * @returns {Recipe}
 */
export function readRecipe(root) {
  const gyp = parseGyp(fs.readFileSync(path.join(root, 'binding.gyp'), 'utf8'));
  const target = gyp.targets?.find((each) => each.type !== 'none');
  if (target === undefined) throw new Error('binding.gyp has no target that is built');
  const sources = strings(target.sources);
  if (sources.length === 0) throw new Error('binding.gyp lists no sources');
  return {
    sources,
    defines: strings(target.defines),
    flags: [...strings(target.cflags), ...strings(target.cflags_cc)],
  };
}

/**
 * A gyp file is a Python literal: JSON with single quotes, trailing commas and `#` comments. Without the comments
 * it is a JavaScript literal too.
 *
 * @param {string} text
 * @returns {{ targets?: Record<string, unknown>[] }}
 */
export function parseGyp(text) {
  const literal = text.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|#[^\n]*/g, (token) =>
    token.startsWith('#') ? '' : token,
  );
  return vm.runInNewContext(`(${literal})`, Object.create(null), { timeout: 1000 });
}

/**
 * @param {unknown} list
 * @returns {string[]}
 */
function strings(list) {
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.some((each) => typeof each !== 'string')) {
    throw new Error(`binding.gyp: expected a list of strings, found ${JSON.stringify(list)}`);
  }
  return list;
}
