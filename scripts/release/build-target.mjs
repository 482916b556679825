// Compiles and links one prebuild with zig. The bytes depend on the sources, the pinned packages and this file, and on
// nothing else: not on the checkout's place, the time, the user or the machine.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { stripMachO } from './macho-strip.mjs';
import { EXPORTED } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */
/** @typedef {import('./gyp.mjs').Recipe} Recipe */

/**
 * @typedef {object} BuildInput
 * @property {string} root of the checkout, which the recipe is relative to
 * @property {Recipe} recipe
 * @property {Target} target
 * @property {import('./zig.mjs').Zig} zig
 */

/**
 * @param {BuildInput} input
 * @returns {Promise<Buffer>} the finished binary
 */
export async function buildTarget(input) {
  const bytes = await linkTarget(input);
  return input.target.platform === 'darwin' ? stripMachO(bytes, EXPORTED) : bytes;
}

/**
 * @param {BuildInput} input
 * @returns {Promise<Buffer>} as the linker leaves it
 */
export async function linkTarget({ root, recipe, target, zig }) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-build-'));
  try {
    const flags = compilerFlags({ root, recipe, target, zig, scratch });
    const objects = await Promise.all(
      sourcesOf(recipe, target).map(async (source, index) => {
        const object = path.join(scratch, `${index}.o`);
        const own = source.endsWith('.c')
          ? ['cc', '-std=c11', ...flags.common]
          : ['c++', ...flags.common, ...flags.cpp];
        await zig.run([...own, '-c', source, '-o', object], root);
        return object;
      }),
    );
    // The Mach-O linker derives the signature's identifier from the name of the file.
    const library = path.join(scratch, 'boxsockets.node');
    await zig.run([...linker(target, { library, scratch }), ...objects], root);
    return fs.readFileSync(library);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {Recipe} recipe
 * @param {Target} target
 * @returns {string[]}
 */
function sourcesOf(recipe, target) {
  return target.libc === 'glibc' ? [...recipe.sources, 'native/compat/glibc.c'] : recipe.sources;
}

/**
 * @param {{ root: string, recipe: Recipe, target: Target, zig: import('./zig.mjs').Zig, scratch: string }} input
 * @returns {{ common: string[], cpp: string[] }}
 */
function compilerFlags({ root, recipe, target, zig, scratch }) {
  const include = [addonApiHeaders(root), nodeApiHeaders(root)].map((each) => path.relative(root, each));
  const common = [
    '-target',
    target.triple,
    '-Os',
    '-g0',
    '-fPIC',
    '-fno-unwind-tables', // nothing is thrown through it; zig's default is to have them
    '-fvisibility=hidden',
    '-fno-sanitize=all', // zig's default is to trap undefined behaviour
    // Code across files is optimised at link time; zig's Mach-O linker cannot.
    ...(target.platform === 'linux' ? ['-flto', '-fno-ident', '-fno-plt'] : []),
    '-U_FORTIFY_SOURCE', // its checked functions do not exist in musl
    `-ffile-prefix-map=${root}=.`,
    `-ffile-prefix-map=${zig.directory}=zig`,
    `-ffile-prefix-map=${scratch}=.`,
  ];
  const cpp = [
    // Those of binding.gyp come last, so that they win.
    ...include.flatMap((each) => ['-isystem', each]),
    ...recipe.defines.map((define) => `-D${define}`),
    '-DBUILDING_NODE_EXTENSION',
    ...recipe.flags,
    // Smaller than binding.gyp's -Os by 6 KB, at 23 instructions more on the steady path's 166 (callgrind, x64). zig
    // itself takes -Oz for another word for -Os.
    ...['-Xclang', '-Oz'],
  ];
  return { common, cpp };
}

/**
 * @param {string} root
 * @returns {string}
 */
function addonApiHeaders(root) {
  return path.dirname(createRequire(path.join(root, 'package.json')).resolve('node-addon-api/napi.h'));
}

/**
 * Node's own headers would do as well, but they are another version on each machine.
 *
 * @param {string} root
 * @returns {string}
 */
function nodeApiHeaders(root) {
  return createRequire(path.join(root, 'package.json'))('node-api-headers').include_dir;
}

/**
 * @param {Target} target
 * @param {{ library: string, scratch: string }} where
 * @returns {string[]}
 */
function linker(target, { library, scratch }) {
  return target.platform === 'darwin' ? machOLinker(target, library) : elfLinker(target, library, scratch);
}

/**
 * `zig cc` would link in and export all of the compiler's own library (130 KB); only `build-lib` can leave it out.
 *
 * @param {Target} target
 * @param {string} library
 * @returns {string[]}
 */
function machOLinker(target, library) {
  return [
    ...['build-lib', '-dynamic', '-target', target.triple, '--name', 'boxsockets', `-femit-bin=${library}`],
    ...['-OReleaseSmall', '-fstrip', '-fno-compiler-rt', '-lc', '-dead_strip'],
    '-fallow-shlib-undefined', // Node-API is in whatever program loads the library
    ...['-install_name', '@rpath/boxsockets.node'],
  ];
}

/**
 * @param {Target} target
 * @param {string} library
 * @param {string} scratch
 * @returns {string[]}
 */
function elfLinker(target, library, scratch) {
  const script = path.join(scratch, 'exports.map');
  fs.writeFileSync(script, `{ global: ${EXPORTED.join('; ')}; local: *; };\n`);
  return [
    ...['cc', '-target', target.triple, '-shared', '-nostdlib++', '-s', '-flto', '-Os', '-o', library],
    '-Wl,--gc-sections',
    '-Wl,--build-id=none',
    '-Wl,--hash-style=gnu',
    '-Wl,-z,now', // a missing symbol shows when the library is loaded, not at the first call
    '-Wl,-z,relro',
    '-Wl,-z,noexecstack',
    `-Wl,--version-script=${script}`,
  ];
}
