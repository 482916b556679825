// The types, from the installed package: what compiles and what must not, in each way to resolve modules.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { installedProject, root, run } from './installed.js';

const SOURCE = path.join(__dirname, 'types/compiles.ts');
let project: string;

beforeAll(() => {
  project = installedProject();
  const types = path.join(project, 'node_modules/@types');
  fs.mkdirSync(types);
  fs.symlinkSync(path.join(root, 'node_modules/@types/node'), path.join(types, 'node'));
  fs.symlinkSync(path.join(root, 'node_modules/undici-types'), path.join(project, 'node_modules/undici-types'));
  for (const name of ['host.cts', 'host.mts', 'host.ts']) fs.copyFileSync(SOURCE, path.join(project, name));
});

async function compile(files: string[], options: string[]): Promise<string> {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const strict = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
  ];
  const args = [tsc, ...strict, '--types', 'node', '--target', 'es2022', ...options, ...files];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: project });
  return stdout + stderr;
}

test.each(['node16', 'nodenext'])(
  "%s, for require and for import, the package's own types checked too",
  async (module) => {
    expect(await compile(['host.cts', 'host.mts'], ['--module', module, '--skipLibCheck', 'false'])).toBe('');
  },
);

test('bundler', async () => {
  expect(await compile(['host.ts'], ['--module', 'esnext', '--moduleResolution', 'bundler'])).toBe('');
});

test('a type that is wrong is found: the test is able to fail', async () => {
  const text = fs.readFileSync(SOURCE, 'utf8').replaceAll('// @ts-expect-error', '//');
  fs.writeFileSync(path.join(project, 'wrong.ts'), text);
  const errors = await compile(['wrong.ts'], ['--module', 'esnext', '--moduleResolution', 'bundler']);
  const expected = fs.readFileSync(SOURCE, 'utf8').split('@ts-expect-error').length - 1;
  expect(errors.match(/^wrong\.ts\(\d+,\d+\): error/gm)?.length).toBe(expected);
});
