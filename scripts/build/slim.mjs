// For the package: JavaScript without comments and space, and no file that nothing leads to. It makes the tarball a fifth
// smaller. The names of functions stay, for whoever reads a stack trace.

import fs from 'node:fs';
import path from 'node:path';
import esbuild from 'esbuild';
import { slimTypes } from './slim-types.mjs';

const PROGRAM = 'cli/main.js';

/** @param {string} dist @param {readonly string[]} entries relative to it */
export function slim(dist, entries) {
  // Nobody imports from the program, and its types name a package that is not there.
  for (const name of fs.readdirSync(path.join(dist, 'cli'), { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.d.ts')) fs.rmSync(path.join(dist, 'cli', name));
  }
  slimTypes(dist, entries);
  const needed = new Set();
  for (const file of [...entries, PROGRAM]) collect(dist, file, needed);
  for (const name of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    const file = path.join(dist, name);
    if (!needed.has(name)) fs.rmSync(file);
    // Its licence is a comment, and it is small already.
    else if (name !== 'cli/commander.js') shrink(file, entries.includes(name));
  }
}

/** @param {string} file @param {boolean} isEntry */
function shrink(file, isEntry) {
  const code = fs.readFileSync(file, 'utf8');
  const { code: slimmer } = esbuild.transformSync(code, { platform: 'node', minify: true });
  // What never runs: it tells Node's import the names.
  const hint = isEntry ? `${/^0 && \(module.*$/m.exec(code)?.[0] ?? ''}\n` : '';
  fs.writeFileSync(file, `${slimmer}${hint}`);
}

/** A file and those that it requires. @param {string} dist @param {string} file @param {Set<string>} found */
function collect(dist, file, found) {
  if (found.has(file)) return;
  found.add(file);
  for (const [, wanted = ''] of fs
    .readFileSync(path.join(dist, file), 'utf8')
    .matchAll(/require\(["'](\..+?\.js)["']\)/g)) {
    collect(dist, path.join(path.dirname(file), wanted), found);
  }
}
