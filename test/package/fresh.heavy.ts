// What is changed is what is tested: scripts/build/fresh.mjs in a copy of the checkout.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(__dirname, '../..');
let checkout: string;

beforeAll(() => {
  checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  for (const name of [
    'binding.gyp',
    'lib',
    'native/posix',
    'native/glue',
    'package.json',
    'scripts',
    'tsconfig.json',
  ]) {
    fs.cpSync(path.join(root, name), path.join(checkout, name), { recursive: true, preserveTimestamps: true });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
});
afterAll(() => fs.rmSync(checkout, { recursive: true }));

/** What the tests begin with; returns which of the two parts it has built. */
function setUp(): string[] {
  const outputs = ['dist/.built', addon()];
  const before = outputs.map(timeOf);
  const call = "import('./scripts/build/fresh.mjs').then(({ setup }) => setup({ onTestsRerun() {} }))";
  execFileSync(process.execPath, ['-e', call], { cwd: checkout, stdio: 'pipe' });
  return ['dist/.built', addon()].filter((file, index) => timeOf(file) !== before[index]);
}

function addon(): string {
  const folder = path.join(checkout, `prebuilds/${process.platform}-${process.arch}`);
  const [name = ''] = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return path.join(`prebuilds/${process.platform}-${process.arch}`, name);
}

function timeOf(file: string): number | undefined {
  return fs.statSync(path.join(checkout, file), { throwIfNoEntry: false })?.mtimeMs;
}

test('what is out of date is built before the tests, in either language, and nothing else', () => {
  expect(setUp()).toEqual(['dist/.built', addon()]);
  expect(setUp()).toEqual([]);

  fs.appendFileSync(path.join(checkout, 'lib/index.ts'), 'export const changed = 1;\n');
  expect(setUp()).toEqual(['dist/.built']);
  const print = "console.log(require('./dist/index.js').changed)";
  expect(execFileSync(process.execPath, ['-e', print], { cwd: checkout, encoding: 'utf8' })).toBe('1\n');

  fs.utimesSync(path.join(checkout, 'native/posix/lock.cc'), Date.now() / 1000, Date.now() / 1000);
  expect(setUp()).toEqual([addon()]);
});

test('where it does not compile, nothing is tested, and the compiler has said why', () => {
  const file = path.join(checkout, 'lib/wrong.ts');
  fs.writeFileSync(file, 'export const wrong: string = 1;\n');
  expect(setUp).toThrow(/does not build/);
  fs.rmSync(file);
  expect(setUp()).toEqual(['dist/.built']);
  expect(fs.existsSync(path.join(checkout, 'dist/wrong.js'))).toBe(false);
});
