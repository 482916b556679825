// What the tarball may hold: test/package/tarball.txt, the documentation and the examples, for each source file its build
// and its types, and for each entry those of the ES module.

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
  const built = filesOf('lib')
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => ['.js', '.d.ts'].map((ending) => `dist/${file.slice('lib/'.length, -'.ts'.length)}${ending}`));
  const { exports } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const esModules = Object.values(exports as Record<string, { import?: object }>)
    .flatMap((entry) => Object.values(entry.import ?? {}))
    .map((file) => path.posix.normalize(file));
  return [...listed, ...built, ...esModules, ...filesOf('docs'), ...filesOf('examples')].sort();
}

function filesOf(folder: string): string[] {
  const names = fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => `${folder}/${name}`);
  return files.filter((file) => fs.statSync(path.join(root, file)).isFile());
}
