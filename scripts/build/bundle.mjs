// Packs all that is loaded together into one file, dist/index.js: the time that a package takes to load is the number of
// its files. What the compiler wrote for those files is replaced by a reference to their part of it. What is loaded
// later, by a require within a function, stays a file of its own. So does lib/native/host.ts, which the ES modules have to
// reach before all others.

import fs from 'node:fs';
import path from 'node:path';

import esbuild from 'esbuild';

import { root } from '../tools/checkout.mjs';
import { entries, writeEsModules } from './es-modules.mjs';

const lib = path.join(root, 'lib');
const dist = path.join(root, 'dist');

const ENTRY = 'index.ts';
// Where the entry's exports keep the parts, out of sight of whoever lists them.
const PARTS = "Symbol.for('boxsockets.parts')";

const packed = path.join(dist, 'index.js');

/**
 * @param {{ maps: boolean }} options maps: to the sources, for whoever reads a stack trace
 * @returns {Promise<void>}
 */
export async function bundle({ maps }) {
  const exported = new Map(entries().map((file) => [file, exportedNames(file)]));
  const parts = (await eagerFiles()).filter((file) => file !== ENTRY);
  await esbuild.build({
    ...settings(),
    stdin: { contents: entry(parts), resolveDir: lib },
    outfile: packed,
    footer: { js: hint(exported.get('index.js') ?? []) },
    legalComments: 'none',
    sourcemap: maps,
    sourcesContent: false,
  });
  if (fs.readFileSync(packed, 'utf8').includes('__toESM(require')) {
    throw new Error(
      "Import from node: by name in what is packed: all of a module's names are copied otherwise, at a tenth of the time that the package takes to load",
    );
  }
  for (const file of parts) writeReference(file);
  makeConfigurable();
  await bundleCommander();
  writeEsModules(exported);
}

/** Whatever is exported may be replaced by whoever tests against it, as jest.spyOn does: both compilers make it fixed. */
function makeConfigurable() {
  const fixed =
    /^Object\.defineProperty\(exports, "(\w+)", \{ enumerable: true, get: function \(\) \{ return (\w+\.\w+); \} \}\);/gm;
  for (const file of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue;
    const code = fs.readFileSync(path.join(dist, file), 'utf8');
    const packed = code.replace('get: all[name], enumerable: true', '$&, configurable: true');
    const loose = packed.replace(fixed, 'exports.$1 = $2;');
    if (loose !== code) fs.writeFileSync(path.join(dist, file), loose);
  }
}

// A dependency of the command line alone, with its licence, so that the package has none.
async function bundleCommander() {
  const licence = fs.readFileSync(path.join(root, 'node_modules/commander/LICENSE'), 'utf8');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [path.join(lib, 'cli/commander.ts')],
    outfile: path.join(dist, 'cli/commander.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    banner: { js: `/* commander\n${licence}*/` },
  });
}

/**
 * @param {readonly string[]} parts
 * @returns {string}
 */
function entry(parts) {
  return [
    `import * as entry from './${ENTRY}';`,
    ...parts.map((file) => `import * as ${nameOf(file)} from './${file}';`),
    `Object.defineProperty(entry, '__esModule', { value: true });`,
    `Object.defineProperty(entry, ${PARTS}, { value: { ${parts.map(nameOf).join(', ')} } });`,
    'module.exports = entry;',
  ].join('\n');
}

/**
 * The files that the package's own entry imports, and what those import.
 *
 * @returns {Promise<string[]>} relative to lib
 */
async function eagerFiles() {
  const { metafile } = await esbuild.build({
    ...settings(),
    entryPoints: [path.join(lib, ENTRY)],
    outfile: packed,
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
    logOverride: { 'commonjs-variable-in-esm': 'silent', 'assign-to-import': 'silent' },
    plugins: [{ name: 'later', setup: leaveWhatIsRequired }],
  };
}

/**
 * An import is packed; a require, which stands in a function, is not.
 *
 * @param {import('esbuild').PluginBuild} build
 */
function leaveWhatIsRequired(build) {
  build.onResolve({ filter: /^\./ }, ({ kind, path: wanted, resolveDir }) => {
    if (kind !== 'require-call' && !wanted.endsWith('/host.js')) return undefined;
    const fromPacked = path.relative(lib, path.join(resolveDir, wanted));
    return { path: fromPacked.startsWith('.') ? fromPacked : `./${fromPacked}`, external: true };
  });
}

/** @param {string} file */
function writeReference(file) {
  const output = outputOf(file);
  const toPacked = path.relative(path.dirname(output), packed);
  const from = toPacked.startsWith('.') ? toPacked : `./${toPacked}`;
  const reference = `module.exports = require('${from}')[${PARTS}].${nameOf(file)};`;
  const lines = ["'use strict';", reference, hint(exportedNames(file)), ''];
  fs.writeFileSync(output, lines.join('\n'));
  fs.rmSync(`${output}.map`, { force: true });
}

/**
 * For the eyes of Node's import of CommonJS (cjs-module-lexer), which runs nothing.
 *
 * @param {readonly string[]} exported
 */
function hint(exported) {
  return `0 && (module.exports = { ${exported.join(', ')} });`;
}

/**
 * @param {string} file as the compiler has just written it
 * @returns {string[]}
 */
function exportedNames(file) {
  const code = fs.readFileSync(outputOf(file), 'utf8');
  const found = code.matchAll(/^exports\.(\w+) = |^Object\.defineProperty\(exports, "(\w+)"/gm);
  const exported = new Set(Array.from(found, ([, assigned, defined]) => assigned ?? defined ?? ''));
  exported.delete('__esModule');
  if (code.includes('__exportStar(')) throw new Error(`${file} exports by *, which hides the names`);
  return [...exported];
}

/** @param {string} file */
function outputOf(file) {
  return path.join(dist, file.replace(/\.ts$/, '.js'));
}

/**
 * @param {string} file
 * @returns {string} what its part is called
 */
function nameOf(file) {
  return file.replace(/\.ts$/, '').replace(/\W(\w)/g, (_, letter) => letter.toUpperCase());
}
