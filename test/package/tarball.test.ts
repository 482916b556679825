import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { TARGETS } from '../../scripts/release/targets.mjs';
import { golden } from './golden.js';

const root = path.resolve(__dirname, '../..');

test('npm would pack what is listed and nothing else, the binaries of other machines aside', () => {
  const args = ['pack', '--dry-run', '--ignore-scripts', '--json', '--loglevel=error'];
  const packed = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' })) as Packed[] | Packed;
  const [{ files } = { files: [] }] = Array.isArray(packed) ? packed : (Object.values(packed) as Packed[]);
  const isText = (file: string): boolean => !file.endsWith('.node');
  const names = files.map((file) => file.path).filter(isText);
  // A file of dist/ whose source is gone is this checkout's litter, and not in a tarball that is made from a fresh one.
  const sources = new Set(golden());
  expect(names.filter((name) => !name.startsWith('dist/') || sources.has(name)).sort()).toEqual(
    golden().filter(isText),
  );
});

test('the list names each binary that is built', () => {
  expect(golden().filter((file) => file.endsWith('.node'))).toEqual(TARGETS.map(({ file }) => file).sort());
});

test('every entry, the program and their types are listed', () => {
  const { exports, bin, main, types } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const stated = [exports, bin, main, types]
    .flatMap((value) => strings(value))
    .map((file) => path.posix.normalize(file));
  expect(stated.length).toBeGreaterThan(8);
  expect(stated.filter((file) => !golden().includes(file))).toEqual([]);
});

interface Packed {
  files: { path: string }[];
}

function strings(value: unknown): string[] {
  return typeof value === 'string' ? [value] : Object.values(value as object).flatMap(strings);
}
