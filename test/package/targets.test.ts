import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { readRecipe } from '../../scripts/release/build-target.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';

const root = path.resolve(__dirname, '../..');

test('the loader asks for exactly the files that are built, each by a literal require', () => {
  const loader = fs.readFileSync(path.join(root, 'lib/native/load.ts'), 'utf8');
  const required = [...loader.matchAll(/require\('\.\.\/\.\.\/(prebuilds\/[^']+)'\)/g)].map(([, file]) => file);
  expect(required.toSorted()).toEqual(TARGETS.map(({ file }) => file).toSorted());
});

test('the cross build compiles every source of the two native layers, and reads of binding.gyp what it needs', () => {
  const present = ['native/posix', 'native/glue'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  );
  const { sources, defines, flags } = readRecipe(root);
  expect(sources.toSorted()).toEqual(present.toSorted());
  expect([defines, flags]).toEqual([
    expect.arrayContaining(['NAPI_VERSION=8']),
    expect.arrayContaining(['-Werror', '-fno-exceptions']),
  ]);
});
