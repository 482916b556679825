#!/usr/bin/env node
// Compiles lib/ into dist/ and packs it: `npm run build:ts`. With `-- --release`, as it is published: without the maps to
// the sources, which are not in the package, and slim.

import fs from 'node:fs';
import path from 'node:path';

import { root, run } from '../tools/checkout.mjs';
import { bundle } from './bundle.mjs';
import { entries } from './es-modules.mjs';
import { manPage } from './man-page.mjs';
import { slim } from './slim.mjs';

const maps = !process.argv.includes('--release');
const dist = path.join(root, 'dist');

run(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json', '--sourceMap', String(maps)]);
await bundle({ maps });
removeLeftovers();
fs.writeFileSync(path.join(dist, 'boxsockets.1'), manPage());
// Newer than all that it was made of: fresh.mjs looks at it. What is published is not what is worked on.
if (maps) fs.writeFileSync(path.join(dist, '.built'), '');
else slim(dist, entries());

/** What earlier builds made of files that are gone. */
function removeLeftovers() {
  for (const file of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const source = path.join(root, 'lib', file.replace(/\.(js|js\.map|d\.ts|mjs|d\.mts)$/, '.ts'));
    const isLeft = !fs.existsSync(source) || (!maps && file.endsWith('.map'));
    if (isLeft) fs.rmSync(path.join(dist, file), { recursive: true, force: true });
  }
}
