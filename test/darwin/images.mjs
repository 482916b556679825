// The binaries for macOS, as `npm run prebuilds` makes them.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { root } from '../../scripts/tools/checkout.mjs';

/** @param {'x64' | 'arm64'} arch */
export function imageOf(arch) {
  return path.join(root, `prebuilds/darwin-${arch}/boxsockets.node`);
}

/** Makes both where one is older than what it is made of. */
export function makeImages() {
  const sources = ['native/posix', 'native/glue', 'scripts/release'].flatMap((directory) =>
    fs.readdirSync(path.join(root, directory)).map((name) => path.join(root, directory, name)),
  );
  const newest = Math.max(...[...sources, path.join(root, 'binding.gyp')].map(timeOf));
  if (Math.min(timeOf(imageOf('x64')), timeOf(imageOf('arm64'))) > newest) return;
  const args = [path.join(root, 'scripts/release/prebuilds.mjs'), '--only', 'darwin-x64', '--only', 'darwin-arm64'];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error('the binaries for macOS do not build');
}

/** @param {string} file */
function timeOf(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
