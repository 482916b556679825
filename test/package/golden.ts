// What the tarball may hold: test/package/tarball.txt, and for each source file its build and its types.

import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

/** Undefined where the checksums of the binaries are stated; `npm run prebuilds` states them. */
export const whyNoSums = fs.existsSync(path.join(root, 'prebuilds/SHA256SUMS'))
  ? undefined
  : 'prebuilds/SHA256SUMS is missing: npm run prebuilds';

/** Paths within the package, sorted. */
export function golden(): string[] {
  const stated = fs.readFileSync(path.join(__dirname, 'tarball.txt'), 'utf8').trim().split('\n');
  const listed = stated.filter((file) => whyNoSums === undefined || file !== 'prebuilds/SHA256SUMS');
  const sources = fs.readdirSync(path.join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const built = sources
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => ['.js', '.d.ts'].map((ending) => `dist/${file.slice(0, -'.ts'.length)}${ending}`));
  return [...listed, ...built].sort();
}
