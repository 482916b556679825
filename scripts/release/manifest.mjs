#!/usr/bin/env node
// What npm runs around its packing, which takes package.json as it lies there: for that moment, it is the one that is
// published, without what concerns a checkout alone. In a package, npm would warn of the script `prepare`.
//
//   node scripts/release/manifest.mjs publish    builds as it is published, and puts the checkout's manifest aside
//   node scripts/release/manifest.mjs restore    puts it back

import fs from 'node:fs';
import path from 'node:path';

import { fail, root, run } from '../tools/checkout.mjs';

const CHECKOUT_ALONE = ['allowScripts', 'binary', 'devDependencies', 'scripts'];
const manifest = path.join(root, 'package.json');
const aside = path.join(root, 'build/package.json');

const [, , command] = process.argv;
if (command !== 'publish' && command !== 'restore') fail('usage: manifest.mjs publish|restore');
// Also where a packing was interrupted.
if (fs.existsSync(aside)) fs.renameSync(aside, manifest);
if (command === 'publish') {
  run(process.execPath, ['scripts/build/typescript.mjs', '--release']);
  const published = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  for (const field of CHECKOUT_ALONE) delete published[field];
  fs.mkdirSync(path.dirname(aside), { recursive: true });
  fs.copyFileSync(manifest, aside);
  fs.writeFileSync(`${manifest}.new`, `${JSON.stringify(published, null, 2)}\n`);
  fs.renameSync(`${manifest}.new`, manifest);
}
