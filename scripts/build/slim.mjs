// For the package: JavaScript without comments and, but for what is packed into one file, without space between words;
// and no types but those that an entry leads to. It makes the tarball a tenth smaller.

import fs from 'node:fs';
import path from 'node:path';
import esbuild from 'esbuild';

/** @param {string} dist @param {readonly string[]} entries relative to it */
export function slim(dist, entries) {
  const types = new Set();
  for (const entry of entries) collectTypes(path.join(dist, entry.replace(/\.js$/, '.d.ts')), types);
  for (const name of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(dist, name);
    if (name.endsWith('.d.ts') && !types.has(file)) fs.rmSync(file);
    // Its licence is a comment, and it is small already.
    if (!name.endsWith('.js') || name === 'cli/commander.js') continue;
    const code = fs.readFileSync(file, 'utf8');
    const { code: slimmer } = esbuild.transformSync(code, { platform: 'node', minifyWhitespace: name !== 'index.js' });
    // What never runs: it tells Node the names.
    fs.writeFileSync(file, `${slimmer}${/^0 && \(module.*$/m.exec(code)?.[0] ?? ''}\n`);
  }
}

/** @param {string} file @param {Set<string>} found */
function collectTypes(file, found) {
  if (found.has(file)) return;
  found.add(file);
  for (const [, module = ''] of fs.readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\..+?)\.js['"]/g)) {
    collectTypes(path.join(path.dirname(file), `${module}.d.ts`), found);
  }
}
