#!/usr/bin/env node
// The command line of this checkout, `doctor` where nothing else is asked for: `npm start`.

import fs from 'node:fs';
import path from 'node:path';

import { fail, root, run } from '../tools/checkout.mjs';
import { fileOfThisMachine } from './machine.mjs';

const program = path.join(root, 'dist/cli/main.js');
if (![program, path.join(root, fileOfThisMachine())].every((file) => fs.existsSync(file))) {
  fail('This checkout is not built yet: run npm ci first.');
}
const args = process.argv.slice(2);
run(process.execPath, [program, ...(args.length > 0 ? args : ['doctor'])]);
