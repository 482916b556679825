// The reader against binutils, on every ELF library that is at hand.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { readElf } from '../../scripts/release/elf.mjs';

const root = path.resolve(__dirname, '../..');
const hasBinutils = spawnSync('readelf', ['--version']).status === 0 && spawnSync('nm', ['--version']).status === 0;
const samples = process.platform === 'linux' ? findSamples() : [];

function findSamples(): string[] {
  const folders = ['prebuilds/linux-x64', 'prebuilds/linux-arm64', 'node_modules/lightningcss-linux-x64-gnu'];
  const files = folders
    .map((folder) => path.join(root, folder))
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) => fs.readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => file.endsWith('.node'));
  return [...files, '/lib/x86_64-linux-gnu/libm.so.6', '/lib/x86_64-linux-gnu/libpthread.so.0'].filter((file) =>
    fs.existsSync(file),
  );
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, env: { ...process.env, LC_ALL: 'C' } });
}

describe.skipIf(!hasBinutils || samples.length === 0)(
  `the ELF reader agrees with binutils${hasBinutils ? '' : ' (skipped: readelf and nm are missing)'}`,
  () => {
    test.each(samples.map((file) => [path.basename(file), file]))('%s', (_, file) => {
      const elf = readElf(fs.readFileSync(file));
      const dynamic = run('readelf', '--dynamic', '--wide', file);
      expect(elf.needed).toEqual([...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name));
      expect(elf.bindNow).toBe(/BIND_NOW|Flags:.*NOW/.test(dynamic));
      const needs = run('readelf', '--version-info', '--wide', file).split('Version needs section')[1] ?? '';
      const versions = [...needs.matchAll(/Name: (\S+) +Flags/g)].map(([, name]) => name);
      expect(elf.versions).toEqual([...new Set(versions)].sort());
      expect(elf.sections).toEqual(sectionNames(file));
      expect(elf.segments.length).toBe(
        (run('readelf', '--segments', '--wide', file).match(/^ {2}[A-Z_]+ +0x/gm) ?? []).length,
      );
    });

    test.each(samples.map((file) => [path.basename(file), file]))('%s: its symbols', (_, file) => {
      const { symbols } = readElf(fs.readFileSync(file));
      const undefinedOnes = run('nm', '--dynamic', '--undefined-only', file).trim().split('\n').filter(Boolean);
      expect(
        symbols
          .filter(({ defined }) => !defined)
          .map(({ name, version, weak }) => `${weak ? 'w' : 'U'} ${name}${version === undefined ? '' : `@${version}`}`)
          .sort(),
      ).toEqual(undefinedOnes.map((line) => line.trim().replace(/^v /, 'w ')).sort());
      const defined = run('nm', '--dynamic', '--defined-only', '--without-symbol-versions', file).trim().split('\n');
      const names = defined.filter(Boolean).map((line) => line.split(' ').at(-1));
      expect(
        symbols
          .filter(({ defined: is }) => is)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(names.sort());
    });
  },
);

function sectionNames(file: string): string[] {
  const table = run('readelf', '--sections', '--wide', file);
  return [...table.matchAll(/^ +\[ *\d+\] (\S+) +[A-Z]/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'NULL');
}

test('what is no ELF library is refused', () => {
  expect(() => readElf(Buffer.from('#!/bin/sh\n'))).toThrow(/not a 64-bit little-endian ELF file/);
  expect(() => readElf(Buffer.alloc(0))).toThrow();
});

test.skipIf(samples.length === 0)(
  'a file that is cut anywhere before its sections gives an error, never a wrong answer',
  () => {
    const [file] = samples;
    if (file === undefined) return;
    const bytes = fs.readFileSync(file);
    for (let size = 0; size < 1024; size += 7) expect(() => readElf(bytes.subarray(0, size))).toThrow();
  },
);
