// prebuilds/SHA256SUMS, in the format of sha256sum: `cd prebuilds && sha256sum --check SHA256SUMS` works as well.

import crypto from 'node:crypto';

const FOLDER = 'prebuilds/';

/**
 * @param {Buffer} bytes
 * @returns {string} in hexadecimal
 */
export function sha256(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

/**
 * @param {ReadonlyMap<string, string>} sums from a path under the package's root
 * @returns {string}
 */
export function formatSums(sums) {
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, sum]) => `${sum}  ${file.slice(FOLDER.length)}\n`)
    .join('');
}

/**
 * @param {string} text
 * @returns {Map<string, string>} from a path under the package's root
 */
export function parseSums(text) {
  const sums = new Map();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const match = /^([0-9a-f]{64}) [ *](\S+)$/.exec(line);
    if (match === null) throw new Error(`SHA256SUMS: not a checksum and a file: ${line}`);
    sums.set(FOLDER + match[2], match[1]);
  }
  return sums;
}

/**
 * @param {ReadonlyMap<string, string>} stated
 * @param {ReadonlyMap<string, string>} found
 * @returns {string[]} one sentence per difference
 */
export function compareSums(stated, found) {
  return [...new Set([...stated.keys(), ...found.keys()])].sort().flatMap((file) => {
    const [wanted, is] = [stated.get(file), found.get(file)];
    if (wanted === is) return [];
    if (wanted === undefined) return [`${file}: not stated in SHA256SUMS`];
    if (is === undefined) return [`${file}: stated in SHA256SUMS, and missing`];
    return [`${file}: has ${is}, SHA256SUMS states ${wanted}`];
  });
}
