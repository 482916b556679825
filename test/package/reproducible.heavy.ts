import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildTarget } from '../../scripts/release/build-target.mjs';
import { checkBinary } from '../../scripts/release/gate.mjs';
import { prebuilt } from '../../scripts/release/prebuilt.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';
import { openZig } from '../../scripts/release/zig.mjs';
import { withFile } from './variations.js';

const root = path.resolve(__dirname, '../..');
let elsewhere: string;
let cache: string;

beforeAll(() => {
  elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-a-checkout-in-a-place-with-a-longer-name-'));
  cache = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  for (const each of ['native', 'binding.gyp', 'package.json']) {
    fs.cpSync(path.join(root, each), path.join(elsewhere, each), { recursive: true });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(elsewhere, 'node_modules'));
});
afterAll(() => {
  fs.rmSync(elsewhere, { recursive: true });
  fs.rmSync(cache, { recursive: true });
});

test.each(TARGETS.map((target) => [target.name, target] as const))(
  '%s: another checkout, another day and an empty compiler cache give the same bytes, and they pass the gate',
  async (_, target) => {
    const bytes = fs.readFileSync(path.join(await prebuilt(root), target.file));
    for (const file of fs.readdirSync(path.join(elsewhere, 'native/posix'))) {
      fs.utimesSync(path.join(elsewhere, 'native/posix', file), 86_400, 86_400);
    }
    const again = await buildTarget({ root: elsewhere, target, zig: openZig({ cache }) });
    expect(again.equals(bytes)).toBe(true);
    expect(withFile(bytes, (file) => checkBinary(target, file, root))).toEqual([]);
  },
);
