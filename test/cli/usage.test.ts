import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../dist/cli/cli.js';
import { boxsockets, json, program, scratch } from './run.js';

const test = scratch();
const NAMES = COMMANDS.map((command) => command.name);

const WRONG: [args: string[], message: string][] = [
  [['ensrue'], "unknown command 'ensrue'\n(Did you mean ensure?)"],
  [['-x'], "unknown option '-x'"],
  [['ensure'], 'give either ID and DIR, or --dir DIR'],
  [['remove', 'id'], "missing required argument 'DIR'"],
  [['ensure', 'id', '/', 'more'], 'too many arguments'],
  [['ensure', 'id', '/', '--takover'], "unknown option '--takover'\n(Did you mean --takeover?)"],
  [['ensure', 'id', '/', '--base'], "option '--base <DIR>' argument missing"],
  [['ensure', 'id', '/', '--base='], 'It must not be empty.'],
  [['ensure', 'id', '/', '--uid', '-1'], 'It must be a whole number of at least 0.'],
  [['ensure', 'id', '/', '--uid', '0x10'], 'It must be a whole number of at least 0.'],
  [['ensure', 'id', '/', '--uid', '1.5'], 'It must be a whole number of at least 0.'],
  [['ensure', 'id', '/', '--uid', '9999999999'], '--uid must be an integer from 0 to 4294967294'],
  [['ensure', 'id', '/', '--lock-timeout', 'soon'], 'It must be a whole number of at least 0.'],
  [['ensure', 'id', '/', '--krun', 'prefix'], 'Allowed choices are none, suffix, temp-dir.'],
  [['ensure', 'a/b', '/'], 'boxId'],
  [['ensure', '', '/'], 'boxId'],
  [['list', 'more'], 'too many arguments'],
  [['sweep', '--dry'], "unknown option '--dry'"],
  [['probe'], "missing required argument 'PATH'"],
  [['probe', ''], 'must not be an empty path'],
  [['probe', '/x', '--type', 'raw'], 'Allowed choices are stream, dgram.'],
  [['pin', '/x', '--expect', 'prefix'], 'Allowed choices are none, suffix, temp-dir.'],
  [['policy', 'id', '/'], "required option '--format <FORMAT>' not specified"],
  [['policy', 'id', '/', '--format', 'xml'], 'Allowed choices are json, seatbelt, bwrap.'],
  [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish, words.'],
  [['doctor', 'more'], 'too many arguments'],
];

describe('wrong usage', () => {
  it.each(WRONG)('%j: exit status 2, what was wrong, and nothing on standard output', async (args, message) => {
    const result = await boxsockets(args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/^\s+at |argument 'options|"options/m);
  });

  it.each(WRONG)('%j with --json: one document with code and message', async (args, message) => {
    const result = await boxsockets([...args.slice(0, 1), '--json', ...args.slice(1)]);
    expect(result).toMatchObject({ status: 2, stderr: '' });
    const document = json(result);
    expect(document).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^ERR_/) } });
    if (!message.startsWith('--')) expect(document.error.message).toContain(message);
  });

  it('a document is not drawn again and again', async () => {
    const result = await boxsockets(['list', '--watch', '--json']);
    expect([result.status, json(result).error.message]).toEqual([
      2,
      "option '--watch' cannot be used with option '--json'",
    ]);
  });

  it('no command: the help, on standard error', async () => {
    const result = await boxsockets([]);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toBe((await boxsockets(['--help'])).stdout);
  });

  it('an id that begins with a dash follows a double dash', async () => {
    expect((await boxsockets(['policy', '--format', 'json', '--', '-id', '/'])).status).toBe(0);
    // What follows the double dash is no option, --json neither.
    expect((await boxsockets(['policy', '--format', 'json', '--', '--json'])).stderr).toContain("argument 'DIR'");
  });
});

describe('the base', () => {
  it('that is relative is resolved, and BOXSOCKETS_BASE names it where no option does', () => {
    const list = (base: string[], env: NodeJS.ProcessEnv = {}) => program(['list', ...base], { cwd: test.dir, env });
    program(['ensure', 'b1', '.', '--base', 'b'], { cwd: test.dir });
    expect(list(['--base', 'b', '--quiet']).stdout).toBe('b1\n');
    expect(list(['--quiet'], { BOXSOCKETS_BASE: 'b' }).stdout).toBe('b1\n');
    expect(list(['--quiet', '--base', test.dir], { BOXSOCKETS_BASE: 'b' }).stdout).toBe('');
  });
});

describe('help', () => {
  it('names every command and the exit statuses', async () => {
    const { status, stdout } = await boxsockets(['--help']);
    expect(status).toBe(0);
    for (const command of NAMES) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(stdout).toContain('Exit status: 0 fine, 1 findings or a failure, 2 wrong usage.');
    expect(stdout).toBe((await boxsockets(['help'])).stdout);
  });

  it.each(NAMES)('of %s says how it is used, with examples, and does nothing', async (command) => {
    const { status, stdout, stderr } = await boxsockets([command, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.startsWith(`Usage: boxsockets ${command}`)).toBe(true);
    expect(stdout).toMatch(/^ {2}--json /m);
    expect(stdout).toMatch(new RegExp(`^Examples:\n  .+\n    boxsockets ${command}`, 'm'));
    expect(stdout).toBe((await boxsockets(['help', command])).stdout);
    const [text] = stdout.split('Examples:');
    for (const line of text?.split('\n') ?? []) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each(NAMES)('of %s fits 40 columns, but for usage, examples and what is one word', async (command) => {
    const [text] = (await boxsockets([command, '--help'], { columns: 40, env: { NO_COLOR: '1' } })).stdout.split(
      'Examples:',
    );
    const lines = text?.split('\n').slice(1) ?? [];
    for (const line of lines) if (/\S\s\S/.test(line)) expect(line.length, line).toBeLessThanOrEqual(40);
  });

  it.each(NAMES)('every option in an example of %s is one of its options', async (command) => {
    const { stdout } = await boxsockets([command, '--help']);
    const lines = [...stdout.matchAll(/^ {4}boxsockets (.*?)(?: [|>].*)?$/gm)].map((match) => match[1] ?? '');
    expect(lines.length).toBeGreaterThan(0);
    const [options = ''] = stdout.split('Examples:');
    const used = lines.flatMap((line) => line.match(/--[a-z-]+/g) ?? []);
    expect(used.filter((option) => !options.includes(option))).toEqual([]);
  });

  it.each(NAMES)('docs/cli.md says of %s what its help says', async (command) => {
    const [usage] = (await boxsockets([command, '--help'])).stdout.split('\n\n');
    const text = fs.readFileSync('docs/cli.md', 'utf8');
    expect(
      text.includes(`

    ${usage?.replace('Usage: ', '')}
`),
      usage,
    ).toBe(true);
  });

  it('-h is --help', async () => {
    expect((await boxsockets(['-h'])).stdout).toBe((await boxsockets(['--help'])).stdout);
    expect((await boxsockets(['list', '-h'])).stdout).toBe((await boxsockets(['list', '--help'])).stdout);
  });
});

describe('version', () => {
  const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string };

  it('is that of the package', async () => {
    for (const words of [['--version'], ['version']]) {
      expect(await boxsockets(words)).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    }
    expect(json(await boxsockets(['version', '--json']))).toMatchObject({ version, node: process.version });
  });
});
