// Tools that are too big for node_modules: pinned npm packages, installed on demand into the user's cache.

import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

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
 * @param {readonly string[]} [npmOptions] for instance `--force`, to get packages of another platform
 * @returns {string}
 */
export function installPinned(name, npmOptions = []) {
  const folder = path.resolve(import.meta.dirname, '../pinned', name);
  const files = ['package.json', 'package-lock.json'].map((file) => path.join(folder, file));
  const hash = crypto.createHash('sha256');
  for (const file of files) hash.update(fs.readFileSync(file));
  const wanted = path.join(cacheDirectory(), `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (!fs.existsSync(wanted)) install(files, wanted, npmOptions);
  return path.join(wanted, 'node_modules');
}

/**
 * @param {readonly string[]} files
 * @param {string} wanted
 * @param {readonly string[]} npmOptions
 */
function install(files, wanted, npmOptions) {
  fs.mkdirSync(path.dirname(wanted), { recursive: true });
  // Under a name of its own until it is whole: an install that was interrupted is never taken for a good one.
  const partial = fs.mkdtempSync(`${wanted}.`);
  try {
    for (const file of files) fs.copyFileSync(file, path.join(partial, path.basename(file)));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...npmOptions];
    const { status, error } = spawnSync('npm', args, { cwd: partial, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`npm ci in ${partial} failed (${error?.message ?? `exit status ${status}`})`);
    fs.renameSync(partial, wanted);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (!fs.existsSync(wanted)) throw error; // otherwise somebody else was faster
  }
}
