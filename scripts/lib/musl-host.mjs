// Bun's musl build wants Alpine's libstdc++, which is not to be had from npm or Debian. Debian's own, made for glibc,
// serves a loading test under musl, once the few functions exist that it asks of glibc.

import fs from 'node:fs';
import path from 'node:path';

import { cacheDirectory } from './pinned.mjs';
import { openZig } from './zig.mjs';

const MUSL = '/lib/ld-musl-x86_64.so.1';
const LINKS = Object.freeze({
  'libstdc++.so.6': '/usr/lib/x86_64-linux-gnu/libstdc++.so.6',
  'libgcc_s.so.1': '/lib/x86_64-linux-gnu/libgcc_s.so.1',
  // libstdc++ asks for glibc's loader by name; musl does not load itself twice.
  'ld-linux-x86-64.so.2': MUSL,
});

/**
 * @returns {string | undefined} why it cannot be done on this machine
 */
export function whyNoMusl() {
  const missing = Object.values(LINKS).find((file) => !fs.existsSync(file));
  return missing === undefined ? undefined : `${missing} is missing (apt-get install musl libstdc++6)`;
}

/**
 * @returns {Promise<Record<string, string>>} the environment of a program that is linked with musl
 */
export async function muslEnvironment() {
  const folder = path.join(cacheDirectory(), 'musl-host');
  const shim = path.join(folder, 'glibc-for-libstdcxx.so');
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, target] of Object.entries(LINKS)) link(target, path.join(folder, name));
  const source = path.join(import.meta.dirname, '../runtimes/glibc-for-libstdcxx.c');
  const partial = `${shim}.${process.pid}`;
  await openZig().run(['cc', '-target', 'x86_64-linux-musl', '-shared', '-O1', '-o', partial, source], folder);
  fs.renameSync(partial, shim);
  return { LD_LIBRARY_PATH: folder, LD_PRELOAD: shim };
}

/**
 * Others may be using what is there: the new link takes its place at once.
 *
 * @param {string} target
 * @param {string} at
 */
function link(target, at) {
  const fresh = `${at}.${process.pid}`;
  fs.rmSync(fresh, { force: true });
  fs.symlinkSync(target, fresh);
  fs.renameSync(fresh, at);
}
