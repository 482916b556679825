import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { boxsockets, json } from './run.js';

const COMMANDS = ['doctor', 'ensure', 'remove', 'list', 'sweep', 'probe', 'pin', 'policy'];

const WRONG: [args: string[], message: string][] = [
  [[], 'No command given'],
  [['ensrue'], "Unknown command 'ensrue'"],
  [['-x'], "Unknown command '-x'"],
  [['ensure'], 'ID and DIR missing'],
  [['ensure', 'id'], 'DIR missing'],
  [['ensure', 'id', '/', 'more'], "Unexpected argument 'more'"],
  [['ensure', 'id', '/', '--nope'], "Unknown option '--nope'"],
  [['ensure', 'id', '/', '--base'], "Option '--base <value>' argument missing"],
  [['ensure', 'id', '/', '--base='], '--base must not be empty'],
  [['ensure', 'id', '/', '--takeover=yes'], "Option '--takeover' does not take an argument"],
  [['ensure', 'id', '/', '--uid', '-1'], "Option '--uid' argument is ambiguous"],
  [['ensure', 'id', '/', '--uid=-1'], '--uid must be a whole number of at least 0'],
  [['ensure', 'id', '/', '--uid', '0x10'], '--uid must be a whole number of at least 0'],
  [['ensure', 'id', '/', '--uid', '1.5'], '--uid must be a whole number of at least 0'],
  [['ensure', 'id', '/', '--uid', '9999999999'], 'must be an integer from 0 to 4294967294'],
  [['ensure', 'id', '/', '--lock-timeout', 'soon'], '--lock-timeout must be a whole number of at least 0'],
  [['ensure', 'id', '/', '--krun', 'prefix'], '--krun must be one of none, suffix, temp-dir'],
  [['ensure', 'a/b', '/'], 'must be 1 to 128 of'],
  [['ensure', '', '/'], 'must be 1 to 128 of'],
  [['ensure', 'id', '/', '--base', 'relative'], 'must be an absolute path'],
  [['list', 'more'], "Unexpected argument 'more'"],
  [['list', '--base', 'relative'], 'must be an absolute path'],
  [['sweep', '--dry'], "Unknown option '--dry'"],
  [['probe'], 'PATH missing'],
  [['probe', ''], 'must not be an empty path'],
  [['probe', '/x', '--type', 'raw'], '--type must be one of stream, dgram'],
  [['pin'], 'PATH missing'],
  [['pin', '/x', '--expect', 'prefix'], '--expect must be one of none, suffix, temp-dir'],
  [['policy', 'id', '/'], '--format missing'],
  [['policy', 'id', '/', '--format', 'xml'], '--format must be one of json, seatbelt, bwrap'],
  [['doctor', 'more'], "Unexpected argument 'more'"],
  [['doctor', '--base', 'relative'], 'must be an absolute path'],
];

describe('wrong usage', () => {
  it.each(WRONG)('%j: exit status 2, one line that says what, and nothing on standard output', (args, message) => {
    const result = boxsockets(args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  it.each(WRONG)('%j with --json: one document with code and message', (args, message) => {
    const result = boxsockets([...args.slice(0, 1), '--json', ...args.slice(1)]);
    expect(result).toMatchObject({ status: 2, stderr: '' });
    const document = json(result);
    expect(document).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^ERR_/) } });
    expect(document.error.message).toContain(message);
  });

  it('an id that begins with a dash follows a double dash', () => {
    expect(boxsockets(['policy', '--format', 'json', '--', '-id', '/']).status).toBe(0);
    // What follows the double dash is no option, --json neither.
    expect(boxsockets(['policy', '--format', 'json', '--', '--json']).stderr).toContain('DIR missing');
  });
});

describe('help', () => {
  it('names every command and the exit statuses', () => {
    const { status, stdout } = boxsockets(['--help']);
    expect(status).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(stdout).toContain('Exit status: 0 fine, 1 findings or a failure, 2 wrong usage.');
  });

  it.each(COMMANDS)('%s --help says how it is used, and does nothing', (command) => {
    const { status, stdout, stderr } = boxsockets([command, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.startsWith(`Usage: boxsockets ${command}`)).toBe(true);
    expect(stdout).toMatch(/^ {2}--json /m);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each(COMMANDS)('docs/cli.md says of %s what its help says', (command) => {
    const [usage] = boxsockets([command, '--help']).stdout.split('\n\n');
    expect(fs.readFileSync('docs/cli.md', 'utf8')).toContain(`\`\`\`text\n${usage}\n\`\`\``);
  });

  it('-h is --help', () => {
    expect(boxsockets(['-h']).stdout).toBe(boxsockets(['--help']).stdout);
    expect(boxsockets(['list', '-h']).stdout).toBe(boxsockets(['list', '--help']).stdout);
  });
});

describe('version', () => {
  const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string };

  it('is that of the package', () => {
    expect(boxsockets(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect(json(boxsockets(['--version', '--json']))).toEqual({ version });
  });
});
