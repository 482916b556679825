// The package as it is published: packed from a copy of the checkout that holds every platform's binary and a fresh
// build of the TypeScript. The checkout itself is left alone.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { prebuilt } from './prebuilt.mjs';

// Not a part of any checkout, or made anew here.
const LEFT_OUT = /^(node_modules|\.git|dist|build|coverage|prebuilds\/[^/]+-[^/]+)$/;

/**
 * @param {string} root of the checkout
 * @param {string} folder where to make the copy, and the tarball beside it
 * @returns {Promise<string>} the tarball
 */
export async function packPackage(root, folder) {
  const stage = path.join(folder, 'checkout');
  fs.cpSync(root, stage, { recursive: true, filter: (file) => !LEFT_OUT.test(path.relative(root, file)) });
  fs.cpSync(path.join(await prebuilt(root), 'prebuilds'), path.join(stage, 'prebuilds'), { recursive: true });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(stage, 'node_modules'));
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', folder], {
    cwd: stage,
    stdio: ['ignore', 2, 2],
  });
  const [name = ''] = fs.readdirSync(folder).filter((each) => each.endsWith('.tgz'));
  return path.join(folder, name);
}
