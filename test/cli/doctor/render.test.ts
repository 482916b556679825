// The page, to the letter, of reports that no test can make: every state of a box, long names, many lines, no limit.

import { describe, expect, it } from 'vitest';
import type { BoxReport, DoctorReport, Finding, SocketReport } from '../../../dist/cli/doctor/doctor-report.js';
import { renderBars, renderReport, verdict } from '../../../dist/cli/doctor/render.js';
import type { SelfCheck } from '../../../dist/cli/doctor/self-check.js';
import { Output } from '../../../dist/cli/output.js';
import { packageVersion } from '../../../dist/cli/text.js';

function socket(name: string, changes: Partial<SocketReport> = {}): SocketReport {
  const probe = { ok: true };
  return { name, bytes: 20, limit: 104, fits: true, realBytes: 60, realFits: true, probe, ...changes };
}

function box(id: string, changes: Partial<BoxReport> = {}): BoxReport {
  return {
    id,
    realDir: `/h/boxes/${id}/sockets`,
    bindingDir: `/b/bl-0/${id}`,
    binding: { state: 'idle', target: null },
    deadZone: false,
    sockets: [socket('a.sock'), socket('b.sock', { bytes: 30, realBytes: 50 })],
    ...changes,
  };
}

const finding = (severity: Finding['severity'], message = 'It is odd.', remedy = 'look'): Finding => ({
  severity,
  code: 'sockets-open',
  message,
  remedy,
});

function report(boxes: BoxReport[], findings: Finding[] = [], changes: Partial<DoctorReport> = {}): DoctorReport {
  return {
    ok: findings.every(({ severity }) => severity === 'info'),
    platform: 'linux',
    limit: { declared: 108, measured: 107, portable: 103 },
    base: { path: '/b', state: 'fine', owner: 0, mode: '1777', isPrivate: false },
    parent: { path: '/b/bl-0', state: 'missing', owner: null, mode: null },
    cleaner: { cleaners: [], tmpfilesLine: 'x /b/bl-*' },
    boxes,
    findings,
    ...changes,
  };
}

interface Shown {
  columns?: number;
  verbose?: boolean;
  check?: SelfCheck | null;
  env?: NodeJS.ProcessEnv;
}

function outputOf({ columns = 100, env = { NO_COLOR: '1' } }: Shown) {
  const written: string[] = [];
  const stream = { isTTY: true, columns, write: (text: string) => void written.push(text) };
  return { output: new Output(stream, stream, env, 'linux'), lines: () => written.join('').split('\n').slice(0, -1) };
}

function page(of: DoctorReport, shown: Shown = {}): string[] {
  const { output, lines } = outputOf(shown);
  renderReport(of, shown.check ?? null, shown.verbose === true, output);
  return lines();
}

describe('the verdict', () => {
  const lost = box('l', { binding: { state: 'missing', target: null } });
  it.each<[boxes: BoxReport[], findings: Finding[], said: string, colour: string]>([
    [[], [], '+ All is well: 0 boxes checked.', '32'],
    [[box('a')], [finding('info')], '+ All is well: 1 box checked.', '32'],
    [[box('a')], [finding('warning')], '! 1 box checked: 1 warning.', '33'],
    [[box('a'), lost], [finding('warning'), finding('warning')], '! 1 of 2 boxes not in order: 2 warnings.', '33'],
    [[lost], [finding('error'), finding('info')], 'x 1 of 1 box not in order: 1 error.', '31'],
    [
      [lost, lost],
      [finding('error'), finding('warning'), finding('error')],
      'x 2 of 2 boxes not in order: 2 errors, 1 warning.',
      '31',
    ],
  ])('%#: %j', (boxes, findings, said, colour) => {
    expect(verdict(report(boxes, findings), outputOf({}).output)).toBe(said);
    expect(verdict(report(boxes, findings), outputOf({ env: {} }).output)).toBe(`\u001b[${colour}m${said}\u001b[39m`);
  });
});

describe('the line of a box', () => {
  const lineOf = (changes: Partial<BoxReport>, shown: Shown = {}) =>
    page(report([box('b1', changes)]), { columns: 60, ...shown })[2];

  it.each<[BoxReport['binding'], line: string]>([
    [{ state: 'live', target: null }, 'ok      b1  live  30 of 103 bytes, 60 directly'],
    [{ state: 'idle', target: null }, 'ok      b1  idle  30 of 103 bytes, 60 directly'],
    [{ state: 'missing', target: null }, 'lost    b1  no binding  30 of 103 bytes, 60 directly'],
    [{ state: 'dangling', target: '/x' }, 'lost    b1  its binding leads to nothing'],
    [{ state: 'unknown', target: null }, 'lost    b1  its binding is not known  /h/boxes/b1/sockets'],
    [{ state: 'foreign', target: '/x' }, 'broken  b1  taken by another home  /h/boxes/b1/sockets'],
    [{ state: 'not-a-symlink', target: null }, 'broken  b1  something else at its binding'],
    [{ state: 'unreadable', target: '/x', code: 'EIO' }, 'broken  b1  its binding cannot be resolved'],
    [{ state: 'unreadable', target: '/x', code: 'EAGAIN' }, 'ok      b1  it cannot be told whether it lives'],
  ])('%j', (binding, line) => {
    expect(lineOf({ binding })).toBe(line);
  });

  it('names what does not fit or does not bind', () => {
    const sockets = (changes: Partial<SocketReport>) => [socket('a.sock'), socket('b.sock', changes)];
    const bytes = '  20 of 103 bytes, 60 directly';
    expect(lineOf({ sockets: sockets({ fits: false }) })).toBe(`broken  b1  b.sock is too long${bytes}`);
    expect(lineOf({ sockets: sockets({ fits: false, probe: null }) })).toBe(`broken  b1  b.sock is too long${bytes}`);
    expect(lineOf({ sockets: sockets({ probe: { ok: false, code: 'EIO' } }) })).toBe(
      'broken  b1  b.sock does not bind, EIO  /h/boxes/b1/sockets',
    );
    expect(lineOf({ sockets: sockets({ probe: null }) })).toBe(`ok      b1  idle${bytes}`);
  });

  it('has the directory where there is room, to the last column', () => {
    const said = 'ok      b1  idle  30 of 103 bytes, 60 directly';
    const whole = `${said}  /h/boxes/b1/sockets`;
    expect(lineOf({}, { columns: whole.length })).toBe(whole);
    expect(lineOf({}, { columns: whole.length - 1 })).toBe(said);
    expect(lineOf({}, { columns: said.length - 1 })).toBe('ok      b1  idle  /h/boxes/b1/sockets');
    expect(lineOf({ realDir: '/\u001b' }, { columns: 80 })).toBe(`${said}  /\\x1b`);
  });

  it('is short where the screen is narrow', () => {
    const ids = (columns: number) =>
      page(report([box('i'.repeat(50)), box('b\u001b'), box('c', { binding: { state: 'dangling', target: '/x' } })]), {
        columns,
      }).slice(2);
    expect(ids(40)).toEqual([
      'ok      iiiii...iiiiii  idle',
      'ok      b\\x1b           idle',
      'lost    c               its bi...nothing',
    ]);
    expect(ids(59)[0]).toBe('ok      iiiii...iiiiii  idle  30 of 103 bytes, 60 directly');
    expect(ids(60)[0]).toBe(`ok      ${'i'.repeat(13)}...${'i'.repeat(14)}  idle`);
  });

  it('has its colour', () => {
    const env = { TERM: 'xterm' };
    const state = (binding: BoxReport['binding']) =>
      lineOf({ binding, realDir: `/${'x'.repeat(40)}` }, { env, columns: 40 });
    expect(state({ state: 'live', target: null })).toBe('\u001b[32mok    \u001b[39m  b1  live');
    expect(state({ state: 'missing', target: null })).toBe('\u001b[33mlost  \u001b[39m  b1  no binding');
    expect(state({ state: 'foreign', target: null })).toBe('\u001b[31mbroken\u001b[39m  b1  taken by another home');
  });

  it('is left out for what is in order beyond twenty', () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => box(`b${at}`));
    const more = '1 more in order (all of them: --verbose, --json)';
    const missing = box('l', { binding: { state: 'missing', target: null } });
    expect(page(report(many(20))).slice(2)).toHaveLength(20);
    expect(page(report([...many(20), missing, box('last')])).slice(22)).toEqual([
      expect.stringMatching(/^lost {4}l /),
      more,
    ]);
    expect(page(report(many(21)), { verbose: true }).filter((line) => line.startsWith('ok '))).toHaveLength(21);
    expect(page(report(many(21)), { verbose: true })).not.toContain(more);
    expect(page(report(many(23)), {})).toContain('3 more in order (all of them: --verbose, --json)');
  });

  it('no box, no line', () => {
    expect(page(report([]))).toEqual(['+ All is well: 0 boxes checked.']);
  });
});

describe('a finding', () => {
  const told = (one: Finding, shown: Shown = {}) => page(report([], [one]), shown).slice(1);

  it('has its severity, its code, each part of its message and its lines, of which a command stays whole', () => {
    const message = `${'word '.repeat(9)}\nand\u001b another part`;
    const remedy = `ls ${'x'.repeat(50)}\n# ${'then '.repeat(9)}\n#no comment\nlast\u001b`;
    expect(told(finding('error', message, remedy), { columns: 40 })).toEqual([
      '',
      'error  sockets-open',
      '  word word word word word word word',
      '  word word',
      '  and\\x1b another part',
      `    ls ${'x'.repeat(50)}`,
      '    # then then then then then then then',
      '    # then then',
      '    #no comment',
      '    last\\x1b',
    ]);
  });

  it.each([
    ['error', '31'],
    ['warning', '33'],
    ['info', '2'],
  ] as const)('%s has its colour', (severity, code) => {
    const [, title, , command] = told(finding(severity), { env: { TERM: 'xterm' } });
    const end = code === '2' ? 22 : 39;
    expect(title).toBe(`\u001b[${code}m${severity}\u001b[${end}m  \u001b[1msockets-open\u001b[22m`);
    expect(command).toBe('    \u001b[36mlook\u001b[39m');
  });

  it('of more than seven lines shows six, or all of them', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, at) => `line${at}`);
    const shown = (count: number, verbose = false) =>
      told(finding('error', 'm', lines(count).join('\n')), { verbose }).filter((line) => /^ {4}(line|#)/.test(line));
    expect(shown(7)).toEqual(lines(7).map((line) => `    ${line}`));
    const six = lines(6).map((line) => `    ${line}`);
    expect(shown(8)).toEqual([...six, '    # 2 more lines: --verbose, --json']);
    expect(shown(8, true)).toEqual(lines(8).map((line) => `    ${line}`));
  });

  it('of the direct bind is left out, for it is shown', () => {
    expect(told({ ...finding('info'), code: 'direct-bind' })).toEqual([]);
  });
});

describe('the machine', () => {
  const HOST = `Host      ${process.platform} ${process.arch}, Node ${process.version}, boxsockets ${packageVersion()}`;
  const cleaner = { name: 'tmpreaper', active: true, takesLink: true, age: '7d', rule: null, reason: 'why' } as const;

  it('is told with --verbose alone', () => {
    const changes: Partial<DoctorReport> = {
      base: { path: '/b\u001b', state: 'fine', owner: 5, mode: '0700', isPrivate: true },
      cleaner: {
        cleaners: [
          cleaner,
          { ...cleaner, name: 'tmpwatch', takesLink: null, active: false },
          { ...cleaner, name: 'systemd-tmpfiles', takesLink: false },
        ],
        tmpfilesLine: 'x /b/bl-*',
      },
    };
    expect(page(report([], [], changes), { verbose: true })).toEqual([
      '+ All is well: 0 boxes checked.',
      '',
      HOST,
      'Limit     an address holds 108 bytes here (measured: 107); 103 and a NUL fit everywhere',
      'Base      /b\\x1b, fine (uid 5, mode 0700), private to this process',
      'Parent    /b/bl-0, missing',
      'Cleaner   tmpreaper takes a link after 7d (why)',
      'Cleaner   tmpwatch may take a link (not active: why)',
      'Cleaner   systemd-tmpfiles takes no link here (why)',
      'Protect   in /etc/tmpfiles.d: x /b/bl-*',
    ]);
    expect(page(report([]))).toHaveLength(1);
    const mac = page(report([], [], { platform: 'darwin' }), { verbose: true });
    expect(mac.at(-1)).toBe('Parent    /b/bl-0, missing');
    const [, , host] = page(report([]), { verbose: true, env: { TERM: 'xterm' } });
    expect(host).toBe(HOST.replace('Host      ', '\u001b[1mHost      \u001b[22m'));
  });

  it('breaks its lines below their beginning', () => {
    const lines = page(report([]), { verbose: true, columns: 40 });
    const at = lines.findIndex((line) => line.startsWith('Limit'));
    expect(lines.slice(at, at + 3)).toEqual([
      'Limit     an address holds 108 bytes',
      '          here (measured: 107); 103 and',
      '          a NUL fit everywhere',
    ]);
  });

  it('and a home made for the check: each way to bind, and where it came to', () => {
    const direct = { path: '/h/long', outcome: 'cut', cutPath: '/h/lo' } as const;
    const through = { path: '/b/s\u001b', outcome: 'bound' } as const;
    const check = (changes: Partial<SelfCheck>): SelfCheck => {
      return { box: null, direct, through, native: 'ENAMETOOLONG', findings: [], ...changes };
    };
    const shown = (changes: Partial<SelfCheck>, env?: NodeJS.ProcessEnv) => {
      const lines = page(report([]), { check: check(changes), ...(env && { env }) });
      expect(lines.slice(0, 2)).toEqual([expect.stringContaining('All is well'), '']);
      return lines.slice(lines.findIndex((line) => line.includes('Parent')) + 2);
    };
    const next = ['', 'Next: boxsockets doctor --home DIR'];
    expect(shown({}).slice(1)).toEqual([
      'A socket in a home made for this, by net.Server.listen(path):',
      '  x directly, 7 bytes: "listening", but at a cut path',
      '    7    /h/long',
      '    5    /h/lo',
      '  x by a bind that cuts nothing: ENAMETOOLONG',
      '  + through its binding, 5 bytes: binds',
      '    5    /b/s\\x1b',
      ...next,
    ]);
    expect(shown({ native: 'binds', through: null, direct: { path: '/p', outcome: 'lost' } }).slice(2)).toEqual([
      '  x directly, 2 bytes: "listening", and no socket is to be found',
      '    2    /p',
      '  + by a bind that cuts nothing: binds',
      ...next,
    ]);
    expect(
      shown({ native: null, through: null, direct: { path: '/p', outcome: 'refused', code: 'EINVAL' } }).slice(2),
    ).toEqual(['  x directly, 2 bytes: fails, EINVAL', '    2    /p', ...next]);
    expect(shown({ direct: null })).toEqual(next);
    const coloured = shown({}, { TERM: 'xterm', LANG: 'C.UTF-8' });
    const marks = coloured.filter((line) => line.startsWith('  \u001b')).map((line) => line.split(' ').slice(2, 4));
    const [red, green] = ['\u001b[31m✗\u001b[39m', '\u001b[32m✓\u001b[39m'];
    expect(marks).toEqual([
      [red, 'directly,'],
      [red, 'by'],
      [green, 'through'],
    ]);
    expect(coloured.at(-1)).toBe('\u001b[2mNext: boxsockets doctor --home DIR\u001b[22m');
  });

  it('a path that is too long for the page loses its middle', () => {
    const direct = { path: `/${'x'.repeat(300)}`, outcome: 'lost' } as const;
    const check: SelfCheck = { box: null, direct, through: null, native: null, findings: [] };
    for (const [columns, width] of [
      [40, 40],
      [200, 100],
    ] as const) {
      const [line = ''] = page(report([]), { check, columns }).filter((one) => one.startsWith('    301  '));
      expect([line.length, line]).toEqual([width, expect.stringMatching(/^ {4}301 {2}\/x+\.\.\.x+$/)]);
    }
  });
});

describe('the bars of a box', () => {
  const drawn = (of: BoxReport, shown: Shown = {}) => {
    const { output, lines } = outputOf(shown);
    renderBars(of, output);
    return lines();
  };

  it('are drawn of all with --verbose, else of three that are broken', () => {
    const broken = (id: string) => box(id, { sockets: [socket('a'), socket('b', { fits: false })] });
    const some = [box('fine'), ...['p', 'q', 'r', 's'].map(broken)];
    const titles = (verbose: boolean) => page(report(some), { verbose }).filter((line) => line.startsWith('Box '));
    expect(titles(false)).toEqual(['Box p', 'Box q', 'Box r']);
    expect(titles(true)).toEqual(['Box fine', 'Box p', 'Box q', 'Box r', 'Box s']);
    const failing = box('f', { sockets: [socket('a', { probe: { ok: false, code: 'EIO' } })] });
    expect(page(report([failing])).filter((line) => line.startsWith('Box '))).toEqual(['Box f']);
  });

  const MIXED = box('mixed\u001b', {
    realDir: `/${'h'.repeat(86)}`,
    deadZone: true,
    sockets: [
      socket('a.sock', { bytes: 52, realBytes: 94 }),
      socket('much-too-long-a-name.sock', { bytes: 110, fits: false, realBytes: 113, realFits: false, probe: null }),
      socket('c.sock', { probe: null }),
      socket('d.sock', { probe: { ok: false, code: 'ERR_BOX_SOCKETS_X' } }),
      socket('e.sock', { probe: { ok: false } }),
    ],
  });

  it('show each name against the limit, its bytes, and what came of it', () => {
    expect(drawn(MIXED, { columns: 80 })).toMatchInlineSnapshot(`
      [
        "",
        "Box mixed\\x1b",
        "  binding    /b/bl-0/mixed\\x1b",
        "  directory  /hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh...hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh",
        "                                                           104",
        "  directory                  =========================::::  |   87 ! dead zone",
        "  a.sock                     ===============                |   52 + binds",
        "    directly                 ============================   |   94 fits",
        "  much-too-long-a-name.sock  ===============================#=>  110 x too long",
        "    directly                 ===============================#=>  113 too long",
        "  c.sock                     =====                          |   20 untried",
        "    directly                 =================              |   60 fits",
        "  d.sock                     =====                          |   20 x X",
        "    directly                 =================              |   60 fits",
        "  e.sock                     =====                          |   20 x fails",
        "    directly                 =================              |   60 fits",
      ]
    `);
  });

  it('on a narrow screen the names make room', () => {
    expect(drawn(MIXED, { columns: 40 })).toMatchInlineSnapshot(`
      [
        "",
        "Box mixed\\x1b",
        "  binding    /b/bl-0/mixed\\x1b",
        "  directory  /hhhhhhhhhhh...hhhhhhhhhhhh",
        "                   104",
        "  directory   =====:|   87 ! dead zone",
        "  a.sock      ===   |   52 + binds",
        "    directly  ===== |   94 fits",
        "  muc...sock  ======#=>  110 x too long",
        "    directly  ======#=>  113 too long",
        "  c.sock      =     |   20 untried",
        "    directly  ===   |   60 fits",
        "  d.sock      =     |   20 x X",
        "    directly  ===   |   60 fits",
        "  e.sock      =     |   20 x fails",
        "    directly  ===   |   60 fits",
      ]
    `);
  });

  it('are no wider than 60 columns, and have their colours', () => {
    const small = box('s', { sockets: [socket('a', { bytes: 3 }), socket('longer', { fits: false, bytes: 104 })] });
    const lines = drawn(small, { columns: 200, env: { LANG: 'C.UTF-8' } });
    expect(lines.map((line) => line.replaceAll('\u001b', '^'))).toMatchInlineSnapshot(`
      [
        "",
        "^[1mBox s^[22m",
        "  binding    /b/bl-0/s",
        "  directory  /h/boxes/s/sockets",
        "                                                                        104",
        "  directory     ━━━━━━━━━                                            ░░░ │   18 ░ 97-101 dead",
        "  a             ^[32m━                                                        │^[39m    3 ^[32m✓ binds^[39m",
        "    directly    ^[2m━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━                         │^[22m   60 ^[2mfits^[22m",
        "  longer        ^[31m━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┿━»^[39m  104 ^[31m✗ too long^[39m",
        "    directly    ^[2m━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━                         │^[22m   60 ^[2mfits^[22m",
      ]
    `);
  });
});
