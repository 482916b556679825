#!/usr/bin/env node
// Packs all that is loaded together into one file, dist/core.js: the time that a package takes to load is the number of
// its files. What the compiler wrote for those files is replaced by a reference to their part of it. What is loaded
// later, by a require within a function, stays a file of its own.

import fs from 'node:fs';
import path from 'node:path';

import esbuild from 'esbuild';

const root = path.dirname(import.meta.dirname);
const lib = path.join(root, 'lib');
const dist = path.join(root, 'dist');

const core = path.join(dist, 'core.js');

const eager = await eagerFiles();
await esbuild.build({
  ...settings(),
  stdin: { contents: eager.map((file) => `export * as ${nameOf(file)} from './${file}';`).join('\n'), resolveDir: lib },
  outfile: core,
  legalComments: 'none',
});
for (const file of eager) writeReference(file);

/**
 * The files that the package's own entry imports, and what those import.
 *
 * @returns {Promise<string[]>} relative to lib
 */
async function eagerFiles() {
  const { metafile } = await esbuild.build({
    ...settings(),
    entryPoints: [path.join(lib, 'index.ts')],
    outfile: core,
    write: false,
    metafile: true,
  });
  return Object.keys(metafile.inputs).map((input) => path.relative(lib, path.resolve(root, input)));
}

/** @returns {import('esbuild').BuildOptions} */
function settings() {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    tsconfig: path.join(root, 'tsconfig.json'),
    logLevel: 'warning',
    plugins: [{ name: 'later', setup: leaveWhatIsRequired }],
  };
}

/**
 * An import is of the core; a require, which stands in a function, is not.
 *
 * @param {import('esbuild').PluginBuild} build
 */
function leaveWhatIsRequired(build) {
  build.onResolve({ filter: /^\./ }, ({ kind, path: wanted, resolveDir }) => {
    if (kind !== 'require-call') return undefined;
    const fromCore = path.relative(lib, path.join(resolveDir, wanted));
    return { path: fromCore.startsWith('.') ? fromCore : `./${fromCore}`, external: true };
  });
}

/** @param {string} file */
function writeReference(file) {
  const output = path.join(dist, file.replace(/\.ts$/, '.js'));
  const toCore = path.relative(path.dirname(output), core);
  const reference = `require('${toCore.startsWith('.') ? toCore : `./${toCore}`}').${nameOf(file)}`;
  // The names are for the eyes of Node's import of CommonJS (cjs-module-lexer), which runs nothing.
  const names = exportedNames(fs.readFileSync(output, 'utf8'));
  fs.writeFileSync(
    output,
    `'use strict';\nmodule.exports = ${reference};\n0 && (module.exports = { ${names.join(', ')} });\n`,
  );
}

/**
 * @param {string} code as the compiler writes it
 * @returns {string[]}
 */
function exportedNames(code) {
  const found = code.matchAll(/^exports\.(\w+) = |^Object\.defineProperty\(exports, "(\w+)"/gm);
  const names = new Set(Array.from(found, ([, assigned, defined]) => assigned ?? defined ?? ''));
  names.delete('__esModule');
  return [...names];
}

/**
 * @param {string} file
 * @returns {string} what its part of the core is called
 */
function nameOf(file) {
  return file.replace(/\.ts$/, '').replace(/\W(\w)/g, (_, letter) => letter.toUpperCase());
}
