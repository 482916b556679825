// The words that a shell asks for; test/proofs/cli/completion.test.ts asks as the shells do.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../dist/cli/cli.js';
import { boxsockets, scratch, uid } from './run.js';

const test = scratch();
const NAMES = [...COMMANDS.map(({ name }) => name), 'help'];
const SCHEMES = ['none', 'suffix', 'temp-dir'];
const IDS = ['my-box', 'other\\x1b'];

beforeEach(() => {
  const parent = path.join(test.base, `bl-${uid}`);
  fs.mkdirSync(parent, { mode: 0o700 });
  for (const id of ['my-box', 'other\u001b']) fs.symlinkSync('/nowhere', path.join(parent, id));
  vi.stubEnv('BOXSOCKETS_BASE', test.base);
});
afterEach(() => void vi.unstubAllEnvs());

/** What may stand in the place of the last of the words. */
async function wordsFor(line: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await boxsockets(['completion', 'words', '--', ...line]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').slice(0, -1).sort();
}

it.each<[line: string[], words: string[]]>([
  [[], [...NAMES, '--help', '--version']],
  [['doc'], [...NAMES, '--help', '--version']],
  [['help', ''], NAMES],
  [['help', 'pol'], NAMES],
  [['nosuch', ''], []],
  [['sweep', ''], []],
  [
    ['sweep', '-'],
    ['--base', '--uid', '--dry-run', '--json', '--quiet', '--help'],
  ],
  [
    ['sweep', '--dry-run', '--'],
    ['--base', '--uid', '--dry-run', '--json', '--quiet', '--help'],
  ],
  [
    ['version', '--'],
    ['--json', '--quiet', '--help'],
  ],
  // A value of an option, which is one of a few, a path or anything.
  [['doctor', '--krun', ''], SCHEMES],
  [['pin', '--expect', 'su'], SCHEMES],
  [
    ['policy', '--format', '-'],
    ['json', 'seatbelt', 'bwrap'],
  ],
  [
    ['probe', '--type', ''],
    ['stream', 'dgram'],
  ],
  [['doctor', '--home', ''], []],
  [['doctor', '--home', '--krun'], []],
  [['ensure', '--name', ''], []],
  [['ensure', '--names', ''], []],
  // An operand is counted without the options before it, and their values.
  [['ensure', ''], IDS],
  [['remove', 'my'], IDS],
  [['remove', '--uid', '7', 'my'], IDS],
  [['remove', '--json', 'my'], IDS],
  [['ensure', '--names', 'a.sock', ''], IDS],
  [['ensure', 'my-box', ''], []],
  [['ensure', 'my-box', '/', ''], []],
  [['remove', 'my-box', '--base', '/tmp', ''], []],
  [['probe', ''], []],
  [['doctor', ''], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish', 'words'],
  ],
  [['completion', 'words', ''], []],
  [['completion', 'words', 'doctor', ''], []],
])('%j', async (line, words) => {
  expect(await wordsFor(line)).toEqual([...words].sort());
});

describe('the script of a shell', () => {
  it.each([
    [
      'bash',
      /^# Completion of boxsockets for bash: .*\n_boxsockets\(\) \{\n[\s\S]*\ncomplete -o default .*boxsockets\n$/,
    ],
    ['zsh', /^#compdef boxsockets\n[\s\S]*compdef _boxsockets boxsockets; fi\n$/],
    ['fish', /^# Completion of boxsockets for fish: [\s\S]*\ncomplete -c boxsockets -f -a '\(__boxsockets\)'\n$/],
  ])('%s asks this program for the words', async (shell, form) => {
    const { status, stdout } = await boxsockets(['completion', shell]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(form)]);
    expect(stdout).toContain('boxsockets completion words -- ');
  });
});

it('a parent that cannot be read has no ids to offer, and says why', async () => {
  const parent = path.join(test.base, `bl-${uid}`);
  fs.rmSync(parent, { recursive: true });
  fs.writeFileSync(parent, '');
  const { status, stdout, stderr } = await boxsockets(['completion', 'words', '--', 'remove', '']);
  expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining('ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY')]);
});
