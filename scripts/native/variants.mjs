// The developers' variants of the native code, each in a build directory of its own: native/build/<variant>.
// cmake-js runs CMake, so that the addon's headers are found as they are for any other addon.

import path from 'node:path';

import { fail, need, root, run } from '../tools/checkout.mjs';
import { installPinned } from '../tools/pinned.mjs';

/**
 * @typedef {object} Variant
 * @property {boolean} [clang] needs clang, for its sanitizers or its coverage
 * @property {Record<string, string>} options of native/CMakeLists.txt
 */

/** @type {Record<string, Variant>} */
export const VARIANTS = {
  // The system's own compiler, the addon included.
  plain: { options: { BOXSOCKETS_TESTS: 'ON', BOXSOCKETS_ADDON: 'ON' } },
  asan: { clang: true, options: { BOXSOCKETS_TESTS: 'ON', BOXSOCKETS_SANITIZERS: 'address,undefined' } },
  // The addon alone, by the system's compiler, whose runtime can be loaded before that of a program without one.
  'addon-asan': { options: { BOXSOCKETS_ADDON: 'ON', BOXSOCKETS_SANITIZERS: 'address,undefined' } },
  tsan: { clang: true, options: { BOXSOCKETS_TESTS: 'ON', BOXSOCKETS_SANITIZERS: 'thread' } },
  fuzz: { clang: true, options: { BOXSOCKETS_FUZZERS: 'ON', BOXSOCKETS_SANITIZERS: 'address,undefined' } },
  coverage: {
    clang: true,
    options: { BOXSOCKETS_TESTS: 'ON', BOXSOCKETS_ADDON: 'ON', BOXSOCKETS_COVERAGE: 'ON' },
  },
  // Never built: its compile_commands.json knows every source.
  lint: { clang: true, options: { BOXSOCKETS_TESTS: 'ON', BOXSOCKETS_ADDON: 'ON', BOXSOCKETS_FUZZERS: 'ON' } },
};

/** Given with every variant, so that none keeps what its build directory remembers of an older list. */
const NONE = Object.freeze({
  BOXSOCKETS_ADDON: 'OFF',
  BOXSOCKETS_TESTS: 'OFF',
  BOXSOCKETS_FUZZERS: 'OFF',
  BOXSOCKETS_COVERAGE: 'OFF',
  BOXSOCKETS_SANITIZERS: 'none',
});

/** @param {string} name */
export function buildDirectory(name) {
  return path.join(root, 'native/build', name);
}

/**
 * Runs one of cmake-js' commands for a variant. Its chatter is shown where it fails, or with NATIVE_VERBOSE set.
 *
 * @param {string} name of the variant
 * @param {'build' | 'configure'} command
 */
export function cmake(name, command) {
  const variant = VARIANTS[name];
  if (variant === undefined) return fail(`no variant ${name}; there are: ${Object.keys(VARIANTS).join(', ')}`);
  need('cmake', ...(variant.clang === true ? ['clang++'] : ['c++', 'make']));
  const program = path.join(installPinned('cmake-js'), 'cmake-js/bin/cmake-js');
  const options = Object.entries({ ...NONE, ...variant.options }).map(([key, value]) => `--CD${key}=${value}`);
  const compiler = variant.clang === true ? ['--cc', 'clang', '--cxx', 'clang++'] : [];
  const where = ['-d', root, '-O', buildDirectory(name), '-B', 'Debug'];
  const quiet = { quiet: process.env.NATIVE_VERBOSE === undefined };
  // cmake-js itself configures only what was never configured, and then keeps to the options of that day.
  run(process.execPath, [program, 'configure', ...where, ...compiler, ...options], quiet);
  if (command === 'build') run(process.execPath, [program, 'build', ...where], quiet);
}
