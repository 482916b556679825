import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { compareSums, formatSums, parseSums, sha256 } from '../../scripts/release/checksums.mjs';

const sums = new Map([
  ['prebuilds/linux-x64/b.node', sha256(Buffer.from('b'))],
  ['prebuilds/darwin-x64/a.node', sha256(Buffer.from('a'))],
]);

test('what is written is read back', () => {
  expect([...parseSums(formatSums(sums))].sort()).toEqual([...sums].sort());
});

test('sha256sum itself reads the file', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    for (const [file, text] of [
      ['linux-x64/b.node', 'b'],
      ['darwin-x64/a.node', 'a'],
    ] as const) {
      fs.mkdirSync(path.join(directory, path.dirname(file)));
      fs.writeFileSync(path.join(directory, file), text);
    }
    fs.writeFileSync(path.join(directory, 'SHA256SUMS'), formatSums(sums));
    const output = execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' });
    expect(output).toBe('darwin-x64/a.node: OK\nlinux-x64/b.node: OK\n');
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

test('every difference is named: another file, one too many, one too few', () => {
  const found = new Map([
    ['prebuilds/linux-x64/b.node', sha256(Buffer.from('changed'))],
    ['prebuilds/new.node', sha256(Buffer.from('n'))],
  ]);
  const findings = compareSums(sums, found);
  expect(findings).toHaveLength(3);
  expect(findings[0]).toMatch(/darwin-x64\/a\.node: stated in SHA256SUMS, and missing/);
  expect(findings[1]).toMatch(/linux-x64\/b\.node: has [0-9a-f]{64}, SHA256SUMS states/);
  expect(findings[2]).toMatch(/new\.node: not stated/);
  expect(compareSums(sums, sums)).toEqual([]);
});

test('a line that is no checksum is refused', () => {
  expect(() => parseSums('deadbeef  a.node\n')).toThrow(/not a checksum/);
});
