#!/usr/bin/env node
// Builds variants of the native code: `node scripts/native/build.mjs [variant…]` (all but lint by default).
import { cmake, VARIANTS } from './variants.mjs';

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : Object.keys(VARIANTS).filter((name) => name !== 'lint')) {
  cmake(name, 'build');
  console.log(`built ${name}`);
}
