import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { TARGETS } from '../../scripts/release/targets.mjs';

const root = path.resolve(__dirname, '../..');

test('the loader asks for exactly the files that are built, each by a literal require', () => {
  const loader = fs.readFileSync(path.join(root, 'lib/native/load.ts'), 'utf8');
  const required = [...loader.matchAll(/require\('\.\.\/\.\.\/(prebuilds\/[^']+)'\)/g)].map(([, file]) => file);
  expect(required.toSorted()).toEqual(TARGETS.map(({ file }) => file).toSorted());
});
