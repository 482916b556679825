// Compiles one prebuild with zig, and links it with zig or, for macOS, with LLVM's linker. The bytes depend on the
// sources, the pinned packages, LLVM's version and this file, and on nothing else: not on the checkout's place, the time,
// the user or the machine.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { llvm } from './llvm.mjs';
import { EXPORTED, OLDEST_MACOS } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/** @typedef {{ sources: string[], defines: string[], flags: string[] }} Recipe */

/**
 * @typedef {object} BuildInput
 * @property {string} root of the checkout
 * @property {Target} target
 * @property {import('./zig.mjs').Zig} zig
 */

/**
 * @param {BuildInput} input
 * @returns {Promise<Buffer>} the finished binary
 */
export async function buildTarget({ root, target, zig }) {
  const recipe = readRecipe(root);
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
    await link({ target, zig, objects, library });
    return fs.readFileSync(library);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {{ target: Target, zig: import('./zig.mjs').Zig, objects: readonly string[], library: string }} input
 * @param {(flags: string[]) => string[]} [change] for tests: other flags than these
 */
export async function link({ target, zig, objects, library }, change = (flags) => flags) {
  const files = ['-o', library, ...objects];
  if (target.platform === 'darwin') llvm('ld64.lld', [...change(machOLinker(target, zig)), ...files]);
  else await zig.run([...change(elfLinker(target, path.dirname(library))), ...files], '/');
}

/**
 * binding.gyp is the one list of sources and flags: node-gyp builds from it, and so does the cross build.
 *
 * @param {string} root
 * @returns {Recipe}
 */
export function readRecipe(root) {
  const { targets } = JSON.parse(fs.readFileSync(path.join(root, 'binding.gyp'), 'utf8'));
  const [{ sources, defines, cflags, cflags_cc }] = targets;
  return { sources, defines, flags: [...cflags, ...cflags_cc] };
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
 * @param {import('./zig.mjs').Zig} zig that brings the list of what macOS's library has
 * @returns {string[]}
 */
function machOLinker(target, zig) {
  return [
    ...['-dylib', '-arch', target.arch === 'x64' ? 'x86_64' : 'arm64'],
    ...['-platform_version', 'macos', OLDEST_MACOS, OLDEST_MACOS],
    ...['-install_name', '@rpath/boxsockets.node'],
    ...EXPORTED.flatMap((name) => ['-exported_symbol', `_${name}`]),
    '-dead_strip',
    ...['-x', '-S'], // no names but those that others look up, and nothing for debuggers
    ...['-undefined', 'dynamic_lookup'], // Node-API is in whatever program loads the library
    '-no_fixup_chains',
    '-adhoc_codesign',
    path.join(zig.directory, 'lib/libc/darwin/libSystem.tbd'),
  ];
}

/**
 * @param {Target} target
 * @param {string} scratch
 * @returns {string[]}
 */
function elfLinker(target, scratch) {
  const script = path.join(scratch, 'exports.map');
  fs.writeFileSync(script, `{ global: ${EXPORTED.join('; ')}; local: *; };\n`);
  return [
    ...['cc', '-target', target.triple, '-shared', '-nostdlib++', '-s', '-flto', '-Os'],
    '-Wl,--gc-sections',
    '-Wl,--build-id=none',
    '-Wl,--hash-style=gnu',
    '-Wl,-z,now', // a missing symbol shows when the library is loaded, not at the first call
    '-Wl,-z,relro',
    '-Wl,-z,noexecstack',
    `-Wl,--version-script=${script}`,
  ];
}
