import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { releaseFindings } from '../../scripts/release/check-release.mjs';
import { compareSums, writeSums } from '../../scripts/release/sums.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';

const changelog = '# Changelog\n\n## 1.2.3 (2026-01-31)\n\n- Something.\n\n## 1.2.2 (2026-01-01)\n\n- Older.\n';
const manifest = { version: '1.2.3', repository: 'github:a/b' };
const release = { manifest, changelog };

test('a whole release is let through, by its tag and without', () => {
  expect(releaseFindings(release)).toEqual([]);
  expect(releaseFindings({ ...release, tag: 'v1.2.3' })).toEqual([]);
});

test.each([
  ['an entry without a date', changelog.replace('2026-01-31', 'unreleased'), /needs its date/],
  ['a date that there is not', changelog.replace('2026-01-31', '2026-13-31'), /needs its date/],
  [
    'an entry of another version',
    changelog.replace('1.2.3', '1.2.4'),
    /newest entry is '1\.2\.4 \(2026-01-31\)', not one of 1\.2\.3/,
  ],
  ['an older entry alone', changelog.replace(/## 1\.2\.3.*?(?=## )/s, ''), /newest entry is '1\.2\.2/],
  ['an entry that says nothing', changelog.replace('- Something.', ''), /1\.2\.3 says nothing/],
  ['no entry', '# Changelog\n', /newest entry is ''/],
])('a changelog with %s is refused', (_, text, finding) => {
  expect(releaseFindings({ manifest, changelog: text })).toEqual([expect.stringMatching(finding)]);
});

test('a tag of another version is refused, and a package that names no repository', () => {
  for (const tag of ['v1.2.4', '1.2.3']) {
    expect(releaseFindings({ ...release, tag })).toEqual([expect.stringMatching(/^the tag is .*version 1\.2\.3$/)]);
  }
  for (const repository of [undefined, { url: 'https://example.com/placeholder' }]) {
    const nowhere = { version: '1.2.3', ...(repository === undefined ? {} : { repository }) };
    expect(releaseFindings({ manifest: nowhere, changelog })).toEqual([expect.stringMatching(/names no repository/)]);
  }
});

test('npm publish asks first', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.resolve(__dirname, '../../package.json'), 'utf8'));
  expect(scripts.prepublishOnly).toBe(
    'node scripts/release/check-prebuilds.mjs && node scripts/release/check-release.mjs',
  );
});

test('checksums tell of a binary that is another, or missing, and of one that they do not state', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const files = TARGETS.map(({ file }) => path.join(folder, path.relative('prebuilds', file)));
  for (const file of files) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, file);
  }
  const sums = path.join(folder, 'SHA256SUMS');
  writeSums(folder);
  expect(compareSums(folder, sums)).toEqual([]);

  const [first = '', second = ''] = files;
  fs.writeFileSync(first, 'another');
  expect(compareSums(folder, sums)).toContainEqual(expect.stringMatching(/^linux-x64\/.*: FAILED$/));
  fs.rmSync(second);
  expect(compareSums(folder, sums)).toContainEqual(expect.stringMatching(/^linux-arm64\/.*: FAILED open or read$/));

  fs.writeFileSync(sums, fs.readFileSync(sums, 'utf8').split('\n').slice(1).join('\n'));
  expect(compareSums(folder, sums)).toContain('SHA256SUMS is not one of the six binaries');
  fs.rmSync(sums);
  expect(compareSums(folder, sums)).toEqual(['SHA256SUMS is missing: npm run prebuilds']);
});
