// The claims: every file of bench/ holds one.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const directory = path.dirname(import.meta.dirname);

/**
 * @param {readonly string[]} names none for all
 * @returns {Promise<import('./outcome.mjs').Claim[]>}
 */
export async function chooseClaims(names) {
  const known = fs
    .readdirSync(directory)
    .flatMap((file) => (file.endsWith('.mjs') ? [path.basename(file, '.mjs')] : []));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}, only ${known.join(', ')}`);
  const chosen = names.length === 0 ? known : names;
  return Promise.all(
    chosen.map(async (name) => (await import(pathToFileURL(path.join(directory, `${name}.mjs`)).href)).claim),
  );
}
