// Tools that the set-up of a checkout does not need: pinned npm packages, installed into the user's cache when used.

import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { root } from './checkout.mjs';

/**
 * Where the cache of this project lies: `$XDG_CACHE_HOME/boxsockets` or `~/.cache/boxsockets`.
 *
 * @returns {string}
 */
export function cacheDirectory() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'boxsockets');
}

/**
 * Installs what the `package.json` and `package-lock.json` of a folder pin, and returns the `node_modules` that
 * holds it. The lock's integrity hashes are npm's to check. A second call finds the first one's work.
 *
 * @param {string} name of a folder of scripts/pinned
 * @param {object} [options]
 * @param {string} [options.variant] is added to its name in the cache
 * @param {(modules: string) => void} [options.finish] what is to be done besides, and once
 * @returns {string}
 */
export function installPinned(name, { variant = '', finish = () => {} } = {}) {
  const modules = pinnedModules(name, variant);
  if (!fs.existsSync(modules)) install(name, path.dirname(modules), finish);
  return modules;
}

/**
 * @param {string} name of a folder of scripts/pinned
 * @param {string} [variant]
 * @returns {string} its `node_modules`, whether it is installed or not
 */
export function pinnedModules(name, variant = '') {
  const hash = crypto.createHash('sha256');
  for (const file of pinningFiles(name)) hash.update(fs.readFileSync(file));
  return path.join(cacheDirectory(), `${name}${variant}-${hash.digest('hex').slice(0, 16)}`, 'node_modules');
}

/** @param {string} name */
function pinningFiles(name) {
  return ['package.json', 'package-lock.json'].map((file) => path.join(root, 'scripts/pinned', name, file));
}

/**
 * Loads a package of a pinned folder, which is installed where it is not there yet.
 *
 * @param {string} name of a folder of scripts/pinned
 * @param {string} module
 * @returns {any}
 */
export function requirePinned(name, module) {
  return createRequire(path.join(installPinned(name), 'index.js'))(module);
}

/**
 * @param {string} name
 * @param {string} wanted
 * @param {(modules: string) => void} finish
 */
function install(name, wanted, finish) {
  fs.mkdirSync(path.dirname(wanted), { recursive: true });
  // Under a name of its own until it is whole: an install that was interrupted is never taken for a good one.
  const partial = fs.mkdtempSync(`${wanted}.`);
  try {
    for (const file of pinningFiles(name)) fs.copyFileSync(file, path.join(partial, path.basename(file)));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { status, error } = spawnSync('npm', args, { cwd: partial, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`npm ci in ${partial} failed (${error?.message ?? `exit status ${status}`})`);
    finish(path.join(partial, 'node_modules'));
    fs.renameSync(partial, wanted);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (!fs.existsSync(wanted)) throw error; // otherwise somebody else was faster
  }
}
