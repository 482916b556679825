// What list and sweep print, to the letter: columns, widths, colours, and what is odd of a binding.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BindingInfo, BoxSockets, type SweepResult } from '../../dist/index.js';
import { boxsockets, json } from './run.js';

afterEach(() => void vi.restoreAllMocks());

const held = (...states: BindingInfo['sockets'][number]['held'][]): BindingInfo['sockets'] =>
  states.map((state, at) => ({ name: `s${at}.sock`, held: state }));

const BINDINGS: BindingInfo[] = [
  { id: 'zoo', target: '/h/boxes/zoo/sockets', state: 'live', sockets: held(true, true, false) },
  { id: 'a', target: '/h/boxes/a/sockets', state: 'idle', sockets: held(false, 'unknown') },
  { id: 'gone', target: '/nowhere', state: 'dangling', sockets: [] },
  { id: 'loop', target: 'loop', state: 'unreadable', code: 'ELOOP', sockets: [] },
  { id: 'dir', target: null, state: 'not-a-symlink', sockets: [] },
];

const ODD: BindingInfo = {
  id: 'odd',
  target: '/m/odd/sockets',
  state: 'unreadable',
  code: 'ETIMEDOUT',
  mountPoint: '/m',
  sockets: [
    { name: 'a.sock', held: true, reason: 'its file is gone' },
    { name: 'b.sock', held: false },
    { name: 'c\u001b', held: 'unknown', reason: 'no\nanswer' },
    { name: 'd.sock', held: 'unknown', reason: 'one too many' },
  ],
};

const page = async (bindings: BindingInfo[], columns?: number, env: NodeJS.ProcessEnv = { NO_COLOR: '1' }) => {
  vi.spyOn(BoxSockets, 'list').mockResolvedValue(structuredClone(bindings));
  return (await boxsockets(['list'], { ...(columns !== undefined && { columns }), env })).stdout.split('\n');
};

describe('list', () => {
  it('is a table by id', async () => {
    expect(await page(BINDINGS)).toEqual([
      'ID    STATE          HELD  TARGET',
      'a     idle           0?/2  /h/boxes/a/sockets',
      'dir   not-a-symlink   0/0  -',
      'gone  dangling        0/0  /nowhere',
      'loop  unreadable      0/0  loop  (ELOOP)',
      'zoo   live            2/3  /h/boxes/zoo/sockets',
      '5 bindings',
      '',
    ]);
    expect(await page(BINDINGS.slice(0, 1))).toEqual([
      'ID   STATE  HELD  TARGET',
      'zoo  live    2/3  /h/boxes/zoo/sockets',
      '1 binding',
      '',
    ]);
    expect(await page([{ id: 'a', target: '/', state: 'idle', sockets: [] }])).toEqual([
      'ID  STATE  HELD  TARGET',
      'a   idle    0/0  /',
      '1 binding',
      '',
    ]);
  });

  it('tells what is odd, three lines of it at most', async () => {
    expect(await page([ODD])).toEqual([
      'ID   STATE       HELD  TARGET',
      'odd  unreadable  1?/4  /m/odd/sockets  (ETIMEDOUT)',
      '  what is mounted at /m does not answer',
      '  a.sock: its file is gone',
      '  c\\x1b: no\\x0aanswer',
      '1 binding',
      '',
    ]);
  });

  const LONG: BindingInfo[] = [
    { id: 'i'.repeat(40), target: `/h/${'t'.repeat(200)}/s`, state: 'unreadable', code: 'EIO', sockets: [] },
    { ...ODD, target: '/t', mountPoint: `/m/${'p'.repeat(300)}` },
  ];

  it.each([
    // The narrowest has room for 8 letters of a target.
    [40, 12, 8],
    [59, 12, 59 - 12 - 10 - 10],
    [60, 28, 60 - 28 - 10 - 10],
    [200, 28, 200 - 28 - 10 - 10],
  ])('on %d columns has %d for an id and what is left for the target', async (columns, idWidth, room) => {
    const [head, first = '', second, reason = ''] = await page(LONG, columns);
    expect(head).toBe(`${'ID'.padEnd(idWidth)}  STATE       HELD  TARGET`);
    const [id = '', target = ''] = [first.slice(0, idWidth), first.slice(idWidth + '  unreadable   0/0  '.length)];
    const half = Math.floor((idWidth - 3) / 2);
    expect(id).toBe(`${'i'.repeat(half)}...${'i'.repeat(idWidth - 3 - half)}`);
    expect(target).toMatch(/^\/.*\.\.\..*s {2}\(EIO\)$/);
    expect(target.length).toBe(Math.max(8, room - '  (EIO)'.length) + '  (EIO)'.length);
    expect(second).toMatch(/^odd +unreadable/);
    expect(reason).toMatch(/^ {2}what is m.*\.\.\..* answer$/);
    expect(reason.length).toBe(columns);
  });

  it('has a colour for each state on a terminal, and one letter where a name is cut and the terminal shows it', async () => {
    const long: BindingInfo = { id: 'l'.repeat(30), target: `/${'t'.repeat(99)}`, state: 'live', sockets: [] };
    const lines = await page([long, ...BINDINGS.slice(0, 3), ODD], 80, { LANG: 'C.UTF-8' });
    const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;
    const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
    const yellow = (text: string) => `\u001b[33m${text}\u001b[39m`;
    const id = (text: string) => text.padEnd(28);
    expect(lines).toEqual([
      dim(`${id('ID')}  STATE       HELD  TARGET`),
      `${id('a')}  ${dim('idle      ')}  0?/2  /h/boxes/a/sockets`,
      `${id('gone')}  ${yellow('dangling  ')}   0/0  /nowhere`,
      `${'l'.repeat(13)}…${'l'.repeat(14)}  ${green('live      ')}   0/0  /${'t'.repeat(14)}…${'t'.repeat(16)}`,
      `${id('odd')}  ${yellow('unreadable')}  1?/4  /m/odd/sockets  (ETIMEDOUT)`,
      dim('  what is mounted at /m does not answer'),
      dim('  a.sock: its file is gone'),
      dim('  c\\x1b: no\\x0aanswer'),
      `${id('zoo')}  ${green('live      ')}   2/3  /h/boxes/zoo/sockets`,
      dim('5 bindings'),
      '',
    ]);
  });

  it('--quiet prints the ids, by id, and --json the bindings', async () => {
    vi.spyOn(BoxSockets, 'list').mockImplementation(async () =>
      structuredClone([...BINDINGS, { ...ODD, id: 'e\u001b' }]),
    );
    expect((await boxsockets(['list', '--quiet'])).stdout).toBe('a\ndir\ne\\x1b\ngone\nloop\nzoo\n');
    const ids = json(await boxsockets(['list', '--json'])).map(({ id }: BindingInfo) => id);
    expect(ids).toEqual(['a', 'dir', 'e\u001b', 'gone', 'loop', 'zoo']);
    vi.spyOn(BoxSockets, 'list').mockResolvedValue([]);
    expect((await boxsockets(['list', '--quiet'])).stdout).toBe('');
  });

  it('asks for the base and the uid that it was given', async () => {
    const list = vi.spyOn(BoxSockets, 'list').mockResolvedValue([]);
    await boxsockets(['list', '--base', '/b', '--uid', '7']);
    expect(list).toHaveBeenLastCalledWith({ base: '/b', uid: 7 });
  });
});

describe('sweep', () => {
  const RESULT: SweepResult = {
    removed: ['r1', 'r\u001b'],
    kept: 3,
    skipped: [{ name: 's\u001b', code: 'EACCES' }],
  };
  const sweep = (result: SweepResult, args: string[] = [], columns?: number) => {
    const spied = vi.spyOn(BoxSockets, 'sweepStale').mockResolvedValue(result);
    return boxsockets(['sweep', ...args], columns === undefined ? {} : { columns }).then((run) => ({ run, spied }));
  };

  it('tells each that went, each that was skipped, and how many there were', async () => {
    const { run, spied } = await sweep(RESULT);
    const skipped = 'skipped  s\\x1b  (EACCES)\n';
    expect(run).toEqual({
      status: 1,
      stdout: `removed  r1\nremoved  r\\x1b\n${skipped}6 bindings: 2 removed, 3 kept, 1 skipped\n`,
      stderr: '',
    });
    expect(spied).toHaveBeenLastCalledWith({});
    const dry = await sweep({ ...RESULT, skipped: [] }, ['--dry-run', '--base', '/b', '--uid', '7']);
    expect(dry.run.stdout).toBe('would remove  r1\nwould remove  r\\x1b\n5 bindings: 2 to remove, 3 kept\n');
    expect(dry.spied).toHaveBeenLastCalledWith({ base: '/b', uid: 7, dryRun: true });
    expect((await sweep({ removed: [], kept: 1, skipped: [] })).run).toEqual({
      status: 0,
      stdout: '1 binding: 0 removed, 1 kept\n',
      stderr: '',
    });
  });

  it('--quiet prints what went, --json all of it, with the same exit status', async () => {
    expect((await sweep(RESULT, ['--quiet'])).run).toEqual({ status: 1, stdout: 'r1\nr\\x1b\n', stderr: '' });
    const { run } = await sweep(RESULT, ['--json']);
    expect([run.status, json(run)]).toEqual([1, RESULT]);
  });

  it('has colours on a terminal', async () => {
    const { run } = await sweep(RESULT, [], 80);
    expect(run.stdout).toContain('\u001b[33mskipped\u001b[39m  s');
    expect(run.stdout).toContain('\u001b[2m6 bindings: 2 removed, 3 kept, 1 skipped\u001b[22m');
  });
});
