import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

import { formatSums, sha256 } from '../../scripts/release/checksums.mjs';
import { releaseFindings } from '../../scripts/release/findings.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';

const ENTRY = '# Changelog\n\n## 1.2.3 (2026-01-31)\n\n- Something.\n\n## 1.2.2 (2026-01-01)\n\n- Older.\n';
const MANIFEST = { name: 'boxsockets', version: '1.2.3', repository: 'github:a/b' };
let checkout: string;

beforeEach(() => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  checkout = folder;
  write('package.json', JSON.stringify(MANIFEST));
  write('package-lock.json', JSON.stringify({ version: '1.2.3' }));
  write('CHANGELOG.md', ENTRY);
  for (const { file, name } of TARGETS) write(file, name);
  const sums = TARGETS.map(({ file, name }) => [file, sha256(Buffer.from(name))] as const);
  write('prebuilds/SHA256SUMS', formatSums(new Map(sums)));
});

function write(file: string, text: string): void {
  fs.mkdirSync(path.join(checkout, path.dirname(file)), { recursive: true });
  fs.writeFileSync(path.join(checkout, file), text);
}

function remove(file: string): void {
  fs.rmSync(path.join(checkout, file));
}

test('a whole release is let through, by its tag and without', () => {
  expect(releaseFindings(checkout)).toEqual([]);
  expect(releaseFindings(checkout, 'v1.2.3')).toEqual([]);
});

test.each(TARGETS.map(({ file }) => file))('a release without %s is refused', (file) => {
  remove(file);
  expect(releaseFindings(checkout)).toEqual([`${file} is missing: npm run prebuilds`]);
});

test('a binary that is not the one of the checksums is refused', () => {
  write('prebuilds/linux-x64/boxsockets.musl.node', 'another');
  expect(releaseFindings(checkout)).toEqual([
    expect.stringMatching(/^prebuilds\/linux-x64\/boxsockets\.musl\.node: has [0-9a-f]{64}, SHA256SUMS states/),
  ]);
});

test('checksums that are missing, or do not state every binary, are refused', () => {
  const sums = fs.readFileSync(path.join(checkout, 'prebuilds/SHA256SUMS'), 'utf8');
  write('prebuilds/SHA256SUMS', sums.split('\n').slice(1).join('\n'));
  expect(releaseFindings(checkout)).toEqual([expect.stringMatching(/not stated in SHA256SUMS/)]);
  remove('prebuilds/SHA256SUMS');
  expect(releaseFindings(checkout)).toEqual(['prebuilds/SHA256SUMS is missing: npm run prebuilds']);
});

test.each([
  ['an entry without a date', ENTRY.replace('2026-01-31', 'unreleased'), /needs its date/],
  ['a date that there is not', ENTRY.replace('2026-01-31', '2026-13-31'), /needs its date/],
  [
    'an entry of another version',
    ENTRY.replace('1.2.3', '1.2.4'),
    /newest entry is '1\.2\.4 \(2026-01-31\)', not one of 1\.2\.3/,
  ],
  ['an older entry alone', ENTRY.replace(/## 1\.2\.3.*?(?=## )/s, ''), /newest entry is '1\.2\.2/],
  ['an entry that says nothing', ENTRY.replace('- Something.', ''), /1\.2\.3 says nothing/],
  ['no entry', '# Changelog\n', /newest entry is ''/],
])('a changelog with %s is refused', (_, text, finding) => {
  write('CHANGELOG.md', text);
  expect(releaseFindings(checkout)).toEqual([expect.stringMatching(finding)]);
});

test('a tag of another version is refused', () => {
  expect(releaseFindings(checkout, 'v1.2.4')).toEqual([expect.stringMatching(/the tag must be v1\.2\.3/)]);
  expect(releaseFindings(checkout, '1.2.3')).toEqual([expect.stringMatching(/the tag must be v1\.2\.3/)]);
});

test('a lock of another version, a private package and one without a repository are refused', () => {
  write('package-lock.json', JSON.stringify({ version: '1.2.2' }));
  write('package.json', JSON.stringify({ ...MANIFEST, private: true, repository: undefined }));
  expect(releaseFindings(checkout)).toEqual([
    expect.stringMatching(/package-lock\.json has version 1\.2\.2/),
    expect.stringMatching(/private/),
    expect.stringMatching(/names no repository/),
  ]);
});

test('npm publish asks first', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.resolve(__dirname, '../../package.json'), 'utf8'));
  expect(scripts.prepublishOnly).toBe(
    'node scripts/release/check-prebuilds.mjs && node scripts/release/check-release.mjs',
  );
});
