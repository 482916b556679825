// The pages of help, and what single commands print, to the letter.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { COMMANDS, runCli } from '../../dist/cli/cli.js';
import { Output } from '../../dist/cli/output.js';
import { BoxSockets } from '../../dist/index.js';
import { nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../helpers/builtins.js';
import { boxsockets, json, makeBox, scratch, uid } from './run.js';

const test = scratch();
restoreAfterEach();

it('every page of help is what was looked at', async () => {
  const pages = await Promise.all(
    [[], ...COMMANDS.map(({ name }) => [name])].map(async (words) => {
      const { status, stdout, stderr } = await boxsockets([...words, '--help'], {
        columns: 80,
        env: { NO_COLOR: '1' },
      });
      expect([status, stderr]).toEqual([0, '']);
      return stdout;
    }),
  );
  await expect(pages.join(`${'-'.repeat(80)}\n`)).toMatchFileSnapshot('golden/help.txt');
});

it('a title of help is bold on a terminal, and on no pipe', async () => {
  const bold = (title: string) => `\u001b[1m${title}\u001b[22m`;
  const { stdout } = await boxsockets(['list', '--help'], { columns: 80 });
  for (const title of ['Usage:', 'Options:', 'Examples:']) expect(stdout).toContain(bold(title));
  expect((await boxsockets(['list', '--help'])).stdout).not.toContain('\u001b');
  // Where no command was named, the help is on standard error, which may be no terminal.
  const { stderr } = await boxsockets([], { columns: 80 });
  expect([stderr.includes('Commands:'), stderr.includes('\u001b')]).toEqual([true, false]);
});

describe('ensure and remove', () => {
  const parent = () => path.join(test.base, `bl-${uid}`);
  const on = (...args: string[]) =>
    boxsockets([...args, '--base', test.base], { columns: 200, env: { LANG: 'C.UTF-8' } });

  it('on a terminal have letters and colours of theirs', async () => {
    const realDir = makeBox(test.dir, 'b1');
    const bold = `\u001b[1m${parent()}/b1\u001b[22m`;
    expect((await on('ensure', 'b1', realDir)).stdout).toBe(`created    ${bold} → ${realDir}\n`);
    expect((await on('ensure', 'b1', realDir)).stdout).toBe(`unchanged  ${bold} → ${realDir}\n`);
    expect((await on('remove', 'b1', realDir)).stdout).toBe(`${parent()}/b1  removed\n`);
  });

  it('--quiet prints the path, or nothing; the exit status tells', async () => {
    const [mine, theirs] = [makeBox(test.dir, 'b1'), makeBox(path.join(test.dir, 'h2'), 'b1')];
    expect(await on('remove', 'b1', mine, '--quiet')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await on('ensure', 'b1', theirs, '--quiet')).toEqual({ status: 0, stdout: `${parent()}/b1\n`, stderr: '' });
    expect(await on('remove', 'b1', mine, '--quiet')).toEqual({ status: 1, stdout: '', stderr: '' });
    expect(json(await on('remove', 'b1', mine, '--json'))).toMatchObject({ status: 'foreign' });
    expect((await on('remove', 'b1', mine)).stdout).toBe(
      `${parent()}/b1  foreign: it leads elsewhere and was left alone\n`,
    );
    fs.unlinkSync(path.join(parent(), 'b1'));
    expect((await on('remove', 'b1', mine)).stdout).toBe(`${parent()}/b1  absent: there was none\n`);
  });

  it('pass on what they were given, and that alone', async () => {
    const realDir = makeBox(test.dir, 'b1');
    const result = { status: 'created', bindingDir: '/x' } as const;
    const ensured = vi.spyOn(BoxSockets.prototype, 'ensure').mockResolvedValue(result);
    await on('ensure', 'b1', realDir);
    expect(ensured).toHaveBeenLastCalledWith({});
    await on('ensure', 'b1', realDir, '--takeover', '--lock-timeout', '7');
    expect(ensured).toHaveBeenLastCalledWith({ takeover: true, lockTimeout: 7 });
    const [box] = ensured.mock.contexts;
    expect(box).toMatchObject({ boxId: 'b1', realDir, parentDir: parent() });
    await on('ensure', 'b1', realDir, '--krun', 'none', '--name', 'a', '--names', 'b');
    const names = (ensured.mock.contexts.at(-1) as BoxSockets).budget().sockets.map(({ name }) => name);
    expect(names).toEqual(['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock', 'a', 'b']);
    await on('ensure', '--dir', realDir, '--name', 'a');
    expect((ensured.mock.contexts.at(-1) as BoxSockets).budget().sockets.map(({ name }) => name)).toEqual(['a']);
  });
});

describe('ensure --uid', () => {
  it.each([
    // What /proc/self/uid_map holds, and whether a uid is this user's own by another number.
    ['         0          0 4294967295\n', 4242, false],
    ['0 100000 65536\n', 4242, false],
    ['0 100000 65536\n', 65535, false],
    ['0 100000 65536\n', 65536, true],
    ['5 100000 10\n100 7 1\n', 4, true],
    ['5 100000 10\n100 7 1\n', 5, false],
    ['5 100000 10\n100 7 1\n', 14, false],
    ['5 100000 10\n100 7 1\n', 15, true],
    ['5 100000 10\n100 7 1\n', 100, false],
    ['\n', 4242, true],
  ])('where the map is %j: %d is taken: %s', async (map, asked, isTaken) => {
    const realDir = makeBox(test.dir, 'b1');
    vi.spyOn(process, 'getuid').mockReturnValue(4321);
    const ensured = vi.spyOn(BoxSockets.prototype, 'ensure').mockResolvedValue({ status: 'created', bindingDir: '/x' });
    const { readFileSync } = nodeFs;
    vi.spyOn(nodeFs, 'readFileSync').mockImplementation(((file: string, ...rest: []) =>
      file === '/proc/self/uid_map' ? map : readFileSync(file, ...rest)) as typeof readFileSync);
    syncBuiltinESMExports();
    const { status, stderr } = await boxsockets(['ensure', 'b1', realDir, '--base', test.base, '--uid', String(asked)]);
    expect([status, ensured.mock.calls.length]).toEqual(isTaken ? [0, 1] : [2, 0]);
    if (!isTaken) expect(stderr).toContain(`sudo -u '#${asked}' boxsockets ensure`);
    expect((await boxsockets(['ensure', 'b1', realDir, '--base', test.base, '--uid', '4321'])).status).toBe(0);
  });
});

describe('probe', () => {
  it('on a terminal says in colours that it binds, or why not', async () => {
    const on = (...args: string[]) => boxsockets(['probe', ...args], { columns: 200, env: { LANG: 'C.UTF-8' } });
    const file = path.join(test.dir, 's.sock');
    expect(await on(file)).toEqual({
      status: 0,
      stdout: `\u001b[32m✓ binds\u001b[39m  stream  ${file.length} of 108 bytes  ${file}\n`,
      stderr: '',
    });
    const missing = path.join(test.dir, 'none/s.sock');
    const { status, stdout } = await on(missing, '--type', 'dgram');
    const [verdict, ...notes] = stdout.split('\n');
    expect([status, verdict]).toEqual([
      1,
      `\u001b[31m✗ ENOENT\u001b[39m  dgram  ${missing.length} of 108 bytes  ${missing}`,
    ]);
    expect(notes).toEqual([expect.stringMatching(/^ {2}\S/), '']);
    expect(await on(missing, '--quiet')).toEqual({ status: 1, stdout: '', stderr: '' });
    expect(await on(file, '--quiet')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('of a taken name tells whether it is held where that cannot be known, and not where it can', async () => {
    const file = path.join(test.dir, 'taken');
    fs.writeFileSync(file, '');
    const { stdout } = await boxsockets(['probe', file]);
    expect(stdout).toMatch(/^x EADDRINUSE {2}stream /);
    expect(stdout).not.toContain('cannot be known');
    expect(json(await boxsockets(['probe', file, '--json']))).toMatchObject({ held: false, nodeTruncates: false });
  });
});

describe('pin', () => {
  const source = (scheme: string) => path.resolve('test/fixtures/krun', scheme);
  const on = async (args: string[], columns?: number) =>
    (await boxsockets(['pin', ...args], columns === undefined ? {} : { columns, env: { LANG: 'C.UTF-8' } })).stdout;

  it('says the scheme, the suffix, the longest name, and each place that tells', async () => {
    const text = await on([source('suffix')], 200);
    const { evidence } = json(await boxsockets(['pin', source('suffix'), '--json']));
    expect(evidence.length).toBeGreaterThan(0);
    const [first] = evidence as { file: string; line: number; text: string }[];
    expect(text.split('\n').slice(0, 5)).toEqual([
      'scheme   \u001b[32msuffix\u001b[39m',
      'suffix   -krun.sock',
      'longest  net.sock-krun.sock (18 bytes)',
      `\u001b[2m${first?.file}:${first?.line}\u001b[22m`,
      `  ${first?.text.slice(0, 90).replace(/ \S*$/, '')}`,
    ]);
    const none = await on([source('none')]);
    expect(none).not.toMatch(/^suffix|^longest|No sign/m);
    expect(await on([source('none'), '--quiet'])).toBe('none\n');
  });

  it('says where nothing was found, and the offset in a binary', async () => {
    const file = path.join(test.dir, 'lib.so');
    fs.writeFileSync(file, `\0${'x'.repeat(99)}\0-krun.sock\0`);
    const found = json(await boxsockets(['pin', file, '--json']));
    const text = await on([file]);
    if (found.evidence.length > 0) expect(text).toContain(`${file} at ${found.evidence[0].offset}`);
    fs.writeFileSync(file, '\0nothing');
    expect(await on([file])).toBe('scheme   unknown\nNo sign of its network backend is in there.\n');
    fs.writeFileSync(file, '!<arch>\nnothing');
    expect(await on([file])).toBe('scheme   unknown\nNo sign of its network backend is in there.\n');
  });

  it.each([
    ['suffix', '\u001b[32msuffix\u001b[39m'],
    ['library', '\u001b[33munknown\u001b[39m'],
    ['', '\u001b[33mambiguous\u001b[39m'],
  ])('%s in its colour', async (name, shown) => {
    expect(await on([source(name)], 100)).toMatch(`scheme   ${shown}\n`);
    expect((await boxsockets(['pin', source(name)])).status).toBe(name === 'suffix' ? 0 : 1);
  });
});

describe('policy', () => {
  it('for bubblewrap has the files of the system, and a line for each option', async () => {
    const { stdout } = await boxsockets(['policy', 'b1', '/d', '--format', 'bwrap', '--base', '/b', '--uid', '7']);
    const lines = stdout.trimEnd().split(' \\\n  ');
    expect(lines).toEqual([
      'bwrap',
      '--ro-bind /usr /usr',
      '--ro-bind-try /bin /bin',
      '--ro-bind-try /sbin /sbin',
      '--ro-bind-try /lib /lib',
      '--ro-bind-try /lib64 /lib64',
      '--proc /proc',
      '--dev /dev',
      ...lines.slice(8, -1),
      '-- sh',
    ]);
    const options = lines.slice(8, -1);
    expect(options).toContain('--unshare-pid');
    expect(options).toContain('--die-with-parent');
    expect(options).toContain('--symlink /d /b/bl-7/b1');
    for (const line of options) expect(line).toMatch(/^--[a-z-]+( [^-]\S*)*$/);
    const { args } = json(
      await boxsockets(['policy', 'b1', '/d', '--format', 'bwrap', '--base', '/b', '--uid', '7', '--json']),
    );
    expect(options.join(' ')).toBe(args.join(' '));
  });

  it('for seatbelt ends with one line end', async () => {
    const { stdout } = await boxsockets(['policy', 'b1', '/d', '--format', 'seatbelt']);
    expect(stdout).toMatch(/[^\n]\n$/);
  });
});

describe('BOXSOCKETS_BASE', () => {
  it('names the base where it is not empty and no option does', async () => {
    const list = vi.spyOn(BoxSockets, 'list').mockResolvedValue([]);
    for (const [value, given] of [
      ['/env', { base: '/env' }],
      ['rel', { base: path.resolve('rel') }],
      ['', {}],
    ] as const) {
      vi.stubEnv('BOXSOCKETS_BASE', value);
      await boxsockets(['list']);
      expect(list).toHaveBeenLastCalledWith(given);
    }
    vi.stubEnv('BOXSOCKETS_BASE', '/env');
    await boxsockets(['list', '--base', 'b']);
    expect(list).toHaveBeenLastCalledWith({ base: path.resolve('b') });
    vi.unstubAllEnvs();
  });
});

describe('what is thrown', () => {
  const failing = (error: unknown) => vi.spyOn(BoxSockets, 'list').mockRejectedValue(error);

  it('that is no failure of an operation is thrown on, with its stack', async () => {
    for (const error of [new Error('no code'), Object.assign(new Error('x'), { code: 7 }), 'text']) {
      failing(error);
      await expect(boxsockets(['list'])).rejects.toBe(error);
    }
  });

  it('is told with each line, its code once, what it rests on, and in the words of a command', async () => {
    const cause = Object.assign(new Error('deep\u001b'), { code: 'EDEEP', n: 1, o: {} });
    const message = 'first: pass { takeover: true } (lockTimeout)\ncall ensure(), or { takeover: true }\u001b';
    failing(Object.assign(new Error(message, { cause }), { code: 'E', path: '/p', pids: [1], length: 3 }));
    expect(await boxsockets(['list'])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'boxsockets: first: add --takeover (--lock-timeout)\n' +
        'run boxsockets ensure, or add --takeover\\x1b\n' +
        '  code  E\n' +
        '  cause deep\\x1b\n',
    });
    expect(json(await boxsockets(['list', '--json']))).toEqual({
      ok: false,
      error: {
        code: 'E',
        message,
        path: '/p',
        length: 3,
        cause: { code: 'EDEEP', message: 'deep\u001b', n: 1 },
      },
    });
    failing(Object.assign(new Error('it says E_ALREADY'), { code: 'E_ALREADY' }));
    expect((await boxsockets(['list'])).stderr).toBe('boxsockets: it says E_ALREADY\n');
  });

  it('of an argument that the library refuses is wrong usage', async () => {
    for (const code of ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE']) {
      failing(Object.assign(new TypeError("The 'options.base' argument is wrong"), { code }));
      expect(await boxsockets(['list'])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('--base is wrong'),
      });
      for (const name of ["argument 'options.names[12]'", '"options.names[0]" argument', "'options.names'"]) {
        failing(Object.assign(new TypeError(`The ${name} is wrong`), { code }));
        expect((await boxsockets(['list'])).stderr).toContain('boxsockets: --names is wrong\n');
      }
    }
  });

  it('or not: what was being done is taken away at the end', async () => {
    const realDir = makeBox(test.dir, 'b1');
    const written: string[] = [];
    const stream = { isTTY: true, write: (text: string) => void written.push(text) };
    const output = new Output(stream, stream, {});
    output.progress('working');
    await runCli(['remove', '--quiet', 'b1', realDir, '--base', test.base], output);
    expect(written).toEqual(['\r\u001b[Kworking', '\r\u001b[K']);
  });
});
