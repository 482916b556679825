// The tests of the package on another build of the addon than the one that is shipped.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../tools/checkout.mjs';

// The proofs, too; and the addon that lies there is the one to be tested.
const ALL = { BOXSOCKETS_TEST_ALL: '1', BOXSOCKETS_KEEP_ADDON: '1' };

/**
 * Runs them while `addon` lies in the place of what prebuilds/ holds for this machine, which is put back afterwards.
 *
 * @param {string} addon
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} [args] of vitest
 * @returns {number} the exit status
 */
export function runPackageTests(addon, env, args = []) {
  const prebuilds = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const binaries = fs.readdirSync(prebuilds).filter((name) => name.endsWith('.node'));
  const aside = fs.mkdtempSync(path.join(path.dirname(addon), 'prebuilds-'));
  for (const name of binaries) fs.copyFileSync(path.join(prebuilds, name), path.join(aside, name));
  try {
    for (const name of binaries) fs.copyFileSync(addon, path.join(prebuilds, name));
    return (
      spawnSync('npx', ['vitest', 'run', ...args], { cwd: root, env: { ...env, ...ALL }, stdio: 'inherit' }).status ?? 1
    );
  } finally {
    for (const name of binaries) fs.copyFileSync(path.join(aside, name), path.join(prebuilds, name));
    fs.rmSync(aside, { recursive: true });
  }
}
