// What the tarball may hold: test/package/tarball.txt, the documentation (but for docs/api, which says again what the
// types say, and what nobody needs beside the code: measurements, alternatives, words) and the examples (but for the machine, which is the checkout's); of the build, what each entry names, and
// JavaScript and types that these lead to, whichever they are: that they suffice, compilers see.

import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
export const LEFT_OUT = ['docs/benchmarks.md', 'docs/glossary.md', 'docs/why-tmp.md'];

/** Undefined where the checksums of the binaries are stated; `npm run prebuilds` states them. */
export const whyNoSums = fs.existsSync(path.join(root, 'prebuilds/SHA256SUMS'))
  ? undefined
  : 'prebuilds/SHA256SUMS is missing: npm run prebuilds';

/** Paths within the package, sorted. */
export function golden(): string[] {
  const always = fs.readFileSync(path.join(__dirname, 'tarball.txt'), 'utf8').trim().split('\n');
  const listed = always.filter((file) => whyNoSums === undefined || file !== 'prebuilds/SHA256SUMS');
  const built = filesOf('lib')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `dist/${file.slice('lib/'.length, -'.ts'.length)}.js`);
  const { exports } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const stated = Object.values(exports as Record<string, Record<string, Record<string, string>> | string>)
    .flatMap((entry) => (typeof entry === 'string' ? [] : Object.values(entry)))
    .flatMap((condition) => Object.values(condition));
  const named = stated.map((file) => path.posix.normalize(file));
  return [
    ...new Set([
      ...listed,
      ...built,
      ...named,
      ...filesOf('docs').filter((file) => !file.startsWith('docs/api/') && !LEFT_OUT.includes(file)),
      ...filesOf('examples').filter((file) => !file.startsWith('examples/machine/')),
    ]),
  ].sort();
}

function filesOf(folder: string): string[] {
  const names = fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => `${folder}/${name}`);
  return files.filter((file) => fs.statSync(path.join(root, file)).isFile());
}
