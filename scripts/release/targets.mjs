// What is built, and what each binary must be. The gate reads the same table as the build, so neither can drift.

import { fail } from '../tools/checkout.mjs';

/**
 * @typedef {object} Target
 * @property {string} name `<platform>-<arch>`, on Linux with the libc
 * @property {'linux' | 'darwin'} platform as in `process.platform`
 * @property {'x64' | 'arm64'} arch as in `process.arch`
 * @property {'glibc' | 'musl' | undefined} libc
 * @property {string} triple zig's name for it, the oldest system included
 * @property {string} file path under the package's root; the names are prebuildify's, and the loader's literal ones
 * @property {number} maxBytes
 * @property {readonly string[]} needed the only libraries it may ask the dynamic loader for
 */

/** The oldest glibc that a binary may need: that of RHEL 7, and of the manylinux2014 images. */
export const OLDEST_GLIBC = '2.17';
/** The oldest macOS: the first that runs on arm64. */
export const OLDEST_MACOS = '11.0';
/** The Node-API version whose functions may be called. */
export const NODE_API_VERSION = 8;
/** What the binary shows to others: the two functions that Node looks up. */
export const EXPORTED = Object.freeze(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);

const LINUX_MAX_BYTES = 100 * 1024;
// Mach-O segments are padded to 16 KiB pages on arm64.
const DARWIN_MAX_BYTES = 136 * 1024;

/** @type {readonly Target[]} */
export const TARGETS = Object.freeze([
  linux('x64', 'glibc', `x86_64-linux-gnu.${OLDEST_GLIBC}`, ['libc.so.6', 'libpthread.so.0']),
  linux('arm64', 'glibc', `aarch64-linux-gnu.${OLDEST_GLIBC}`, ['libc.so.6', 'libpthread.so.0']),
  linux('x64', 'musl', 'x86_64-linux-musl', ['libc.so']),
  linux('arm64', 'musl', 'aarch64-linux-musl', ['libc.so']),
  darwin('x64', `x86_64-macos.${OLDEST_MACOS}`),
  darwin('arm64', `aarch64-macos.${OLDEST_MACOS}`),
]);

/**
 * @param {readonly string[]} [names] all where there are none
 * @returns {readonly Target[]}
 */
export function chooseTargets(names) {
  const chosen = TARGETS.filter(({ name }) => names?.includes(name) ?? true);
  if (names !== undefined && chosen.length !== names.length) {
    fail(`--only takes: ${TARGETS.map(({ name }) => name).join(', ')}`);
  }
  return chosen;
}

/**
 * @param {'x64' | 'arm64'} arch
 * @param {'glibc' | 'musl'} libc
 * @param {string} triple
 * @param {string[]} needed
 * @returns {Target}
 */
function linux(arch, libc, triple, needed) {
  return {
    name: `linux-${arch}-${libc}`,
    platform: 'linux',
    arch,
    libc,
    triple,
    file: `prebuilds/linux-${arch}/boxsockets.${libc}.node`,
    maxBytes: LINUX_MAX_BYTES,
    needed,
  };
}

/**
 * @param {'x64' | 'arm64'} arch
 * @param {string} triple
 * @returns {Target}
 */
function darwin(arch, triple) {
  return {
    name: `darwin-${arch}`,
    platform: 'darwin',
    arch,
    libc: undefined,
    triple,
    file: `prebuilds/darwin-${arch}/boxsockets.node`,
    maxBytes: DARWIN_MAX_BYTES,
    needed: ['/usr/lib/libSystem.B.dylib'],
  };
}
