// The binaries of every platform for the sources at hand, built once and kept in the user's cache.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from '../tools/pinned.mjs';
import { buildTarget } from './build-target.mjs';
import { TARGETS } from './targets.mjs';
import { openZig } from './zig.mjs';

/** All that the bytes depend on: see prebuilds/README.md. */
const INPUTS = ['binding.gyp', 'native', 'package-lock.json', 'scripts/release', 'scripts/pinned/toolchain'];

/**
 * @param {string} root of the checkout
 * @returns {Promise<string>} a folder that holds each target's file under its own path
 */
export async function prebuilt(root) {
  const wanted = path.join(cacheDirectory(), `prebuilt-${fingerprint(root)}`);
  if (fs.existsSync(wanted)) return wanted;
  const zig = openZig();
  // Under a name of its own until it is whole.
  const partial = fs.mkdtempSync(`${wanted}.`);
  try {
    for (const target of TARGETS) {
      const file = path.join(partial, target.file);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, await buildTarget({ root, target, zig }), { mode: 0o755 });
    }
    fs.renameSync(partial, wanted);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (!fs.existsSync(wanted)) throw error; // otherwise somebody else was faster
  }
  return wanted;
}

/**
 * @param {string} root
 * @returns {string}
 */
function fingerprint(root) {
  const hash = crypto.createHash('sha256');
  const files = INPUTS.flatMap((input) => filesOf(path.join(root, input))).sort();
  for (const file of files)
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} at
 * @returns {string[]}
 */
function filesOf(at) {
  if (!fs.statSync(at).isDirectory()) return [at];
  // What the developers' variants were built into (native/build) is no source.
  const names = fs.readdirSync(at).filter((name) => name !== 'build');
  return names.flatMap((name) => filesOf(path.join(at, name)));
}
