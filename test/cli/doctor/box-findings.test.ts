// Each cause of a box and what is said of it, to the letter: also what no test can break here, a file server that is
// silent, and sockets of which another kernel may know.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { causesOf, type Examined, gather } from '../../../dist/cli/doctor/box-findings.js';
import type { BoxReport, DoctorRequest, SocketReport } from '../../../dist/cli/doctor/doctor-report.js';
import { nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../../helpers/builtins.js';
import { makeBox } from '../run.js';
import { at } from './patient.js';

const request: DoctorRequest = { home: null, base: '/b', uid: process.geteuid?.() ?? 0, krun: null, names: [] };
const LOOK = 'ls -ldn --';

restoreAfterEach();

function socket(name: string, changes: Partial<SocketReport> = {}): SocketReport {
  return { name, bytes: 20, limit: 104, fits: true, realBytes: 60, realFits: true, probe: null, ...changes };
}

type Changes = Partial<BoxReport> & Partial<Pick<Examined, 'held' | 'holders'>>;

function examined({ held = [], holders = null, ...changes }: Changes = {}): Examined {
  const box: BoxReport = {
    id: 'b1',
    realDir: at.sockets('b1'),
    bindingDir: '/b/bl-0/b1',
    binding: { state: 'idle', target: at.sockets('b1') },
    deadZone: false,
    sockets: [],
    ...changes,
  };
  return { box, held, holders };
}

/** Code, words and remedy of each cause. */
function causes(changes: Changes, asked: Partial<DoctorRequest> = {}): [string, string, ...string[]][] {
  return causesOf(examined(changes), { ...request, ...asked }).map(({ id, code, says, remedy }) => {
    expect(id).toBe(changes.id ?? 'b1');
    return [code, says, ...remedy];
  });
}

const ENSURE = () => `boxsockets ensure b1 ${at.sockets('b1')} --base /b`;

it('a box that is in order has none', () => {
  makeBox(at.home, 'b1');
  expect(causes({ sockets: [socket('box.sock', { probe: { ok: true } })] })).toEqual([]);
});

describe('a file server that does not answer', () => {
  it.each([
    [{}, ''],
    [{ mountPoint: '/mnt' }, ', mounted at /mnt'],
  ])('is one cause, and its directory is not asked once more: %j', (more, where) => {
    const statSync = vi.spyOn(nodeFs, 'statSync');
    syncBuiltinESMExports();
    // It does not exist, which would be told if it were looked at.
    expect(causes({ binding: { state: 'unreadable', target: '/t', code: 'ETIMEDOUT', ...more } })).toEqual([
      [
        'sockets-silent',
        `lies on a file server that does not answer: /b/bl-0/b1 to /t${where}`,
        'cat /proc/mounts',
        '# mend the server, or unmount it (umount -l); boxes elsewhere do not notice',
      ],
    ]);
    expect(statSync).not.toHaveBeenCalled();
  });
});

describe('the directory of its sockets', () => {
  it('is missing, or a link that leads nowhere, which is moved first', () => {
    const make = [`mkdir -m 0700 -- ${at.sockets('b1')}`, ENSURE()];
    const says = `has no directory for its sockets: ${at.sockets('b1')} leads to nothing`;
    const shown = `${LOOK} ${path.dirname(at.sockets('b1'))}`;
    expect(causes({})).toEqual([['sockets-missing', says, shown, ...make]]);
    makeBox(at.home, 'b1');
    fs.rmdirSync(at.sockets('b1'));
    fs.symlinkSync('/nowhere', at.sockets('b1'));
    const aside = `mv -n -- ${at.sockets('b1')} ${at.sockets('b1')}.aside`;
    expect(causes({})).toEqual([['sockets-missing', says, shown, aside, ...make]]);
  });

  it('is closed to its own user, by the first directory on the way that is', () => {
    makeBox(at.home, 'b1');
    const closed = path.join(at.home, 'boxes');
    const { statSync, accessSync } = nodeFs;
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    vi.spyOn(nodeFs, 'statSync').mockImplementation(((file: string, ...rest: []) => {
      if (file === at.sockets('b1')) throw denied;
      return statSync(file, ...rest);
    }) as typeof statSync);
    vi.spyOn(nodeFs, 'accessSync').mockImplementation((file, mode) => {
      expect(mode).toBe(fs.constants.X_OK);
      if (String(file).startsWith(closed)) throw denied;
      accessSync(file, mode);
    });
    syncBuiltinESMExports();
    const says = `is closed to its own user: ${closed} cannot be entered`;
    expect(causes({})).toEqual([['sockets-unreadable', says, `${LOOK} ${closed}`, `chmod u+rwx ${closed}`]]);
    // Another user's is not this user's to open.
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    expect(causes({}).map(([code]) => code)).toEqual(['sockets-missing']);
  });

  it('is something else', () => {
    fs.mkdirSync(path.dirname(at.sockets('b1')), { recursive: true });
    fs.writeFileSync(at.sockets('b1'), '', { mode: 0o640 });
    const { uid } = fs.statSync(at.sockets('b1'));
    expect(causes({})).toEqual([
      [
        'sockets-not-a-directory',
        `has something else in the place of its directory: ${at.sockets('b1')} is a file of uid ${uid}, mode 0640`,
        `${LOOK} ${at.sockets('b1')}`,
        `mv -n -- ${at.sockets('b1')} ${at.sockets('b1')}.aside`,
        `mkdir -m 0700 -- ${at.sockets('b1')}`,
        ENSURE(),
      ],
    ]);
  });

  it("is another user's, which root alone gives away", () => {
    makeBox(at.home, 'b1');
    const { uid } = fs.statSync(at.sockets('b1'));
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    expect(causes({}, { uid: 4321 })).toEqual([
      [
        'sockets-foreign',
        `has a directory of another user's: ${at.sockets('b1')} is a directory of uid ${uid}, mode 0700`,
        `${LOOK} ${at.sockets('b1')}`,
        `sudo chown 4321 ${at.sockets('b1')}`,
      ],
    ]);
  });

  it.each([0o600, 0o500, 0o300, 0o000, 0o1070])('has a mode in which nothing is bound: %o', (mode) => {
    makeBox(at.home, 'b1');
    fs.chmodSync(at.sockets('b1'), mode);
    const shown = mode.toString(8).padStart(4, '0');
    expect(causes({})).toEqual([
      [
        'sockets-mode',
        `cannot bind in its own directory: ${at.sockets('b1')} has mode ${shown}`,
        `${LOOK} ${at.sockets('b1')}`,
        `chmod 0700 ${at.sockets('b1')}`,
      ],
    ]);
  });

  it.each([
    [0o755, false],
    [0o720, true],
    [0o702, true],
    [0o1700, false],
  ])('of mode %o is open to others: %s', (mode, isOpen) => {
    makeBox(at.home, 'b1');
    fs.chmodSync(at.sockets('b1'), mode);
    const { uid } = fs.statSync(at.sockets('b1'));
    const of = `${at.sockets('b1')} is a directory of uid ${uid}, mode ${mode.toString(8).padStart(4, '0')}`;
    const cause = [
      'sockets-open',
      `has a directory that others may write to: ${of}`,
      `${LOOK} ${at.sockets('b1')}`,
      `chmod go-w ${at.sockets('b1')}`,
    ];
    expect(causes({})).toEqual(isOpen ? [cause] : []);
  });
});

describe('names that are too long', () => {
  const sockets = [
    socket('a.sock', { bytes: 104, fits: false }),
    socket('b.sock', { bytes: 103 }),
    socket('c.sock', { bytes: 107, fits: false }),
  ];
  const says = (names: string, over: string) =>
    `has names that do not fit even through its binding: ${names}; that is ${over} too many`;

  it('in a base that was named: the default one is shorter', () => {
    makeBox(at.home, 'b1');
    expect(causes({ sockets })).toEqual([
      [
        'name-too-long',
        says('a.sock 104, c.sock 107', '4 bytes'),
        `${LOOK} /b`,
        '# the base is too long; the default one is /tmp:',
        `boxsockets ensure b1 ${at.sockets('b1')}`,
      ],
    ]);
  });

  it('in the default base: the id is too long, and the home of the box is moved', () => {
    makeBox(at.home, 'b1');
    const id = 'a-long-id-of-a-box';
    const home = path.dirname(at.sockets('b1'));
    expect(causes({ id, sockets: sockets.slice(0, 2) }, { base: null })).toEqual([
      [
        'name-too-long',
        says('a.sock 104', '1 byte'),
        `${LOOK} ${home}`,
        '# its id is too long; while nothing runs:',
        `mv -n -- ${home} ${path.dirname(home)}/a-long-id-of-18`,
      ],
    ]);
  });
});

describe('the binding', () => {
  const where = '/b/bl-0/b1';
  const gone = `has no binding: ${where} is not there; a cleaner takes an idle one`;
  const shown = `${LOOK} ${where}`;
  const foreign = `has a binding that leads to another home: ${where} to /t`;
  const decide = '# two boxes bear one id. Stop that one (or add --takeover, which hands the binding over), then:';
  const ps = (pids: string) => `ps -o pid,user,etime,args -p ${pids}`;
  const ss = () => (process.geteuid?.() === 0 ? 'ss -xlp' : 'sudo ss -xlp');
  const unseen = 'a process that cannot be seen from here';
  const live = (who: string) =>
    `has a binding that leads to a live box of another home: ${where} to /t, held by ${who}`;
  const lost = (who: string) => `is alive and has lost its binding: ${who} bound sockets that nobody can dial`;

  it.each<[string, BoxReport['binding'], number[] | null, () => unknown[]]>([
    ['missing', { state: 'missing', target: null }, null, () => ['binding-missing', gone, ENSURE()]],
    [
      'missing, of a live box',
      { state: 'missing', target: null },
      [7],
      () => ['binding-lost', lost('process 7'), ps('7'), ENSURE()],
    ],
    [
      'missing, of a box of several processes',
      { state: 'missing', target: null },
      [7, 8],
      () => ['binding-lost', lost('processes 7, 8'), ps('7,8'), ENSURE()],
    ],
    [
      'missing, of a box whose process is not seen',
      { state: 'missing', target: null },
      [],
      () => ['binding-lost', lost(unseen), ss(), ENSURE()],
    ],
    [
      'dangling',
      { state: 'dangling', target: '/t' },
      null,
      () => ['binding-dangling', `has a binding that leads to nothing: ${where} to /t`, shown, ENSURE()],
    ],
    ['foreign', { state: 'foreign', target: '/t' }, null, () => ['binding-foreign', foreign, shown, ENSURE()]],
    [
      'foreign, and it cannot be told whether a box lives there',
      { state: 'foreign', target: '/t', code: 'EAGAIN' },
      null,
      () => ['binding-in-use', `${foreign}; a box may live there`, shown, decide, ENSURE()],
    ],
    [
      'foreign, of a live box',
      { state: 'foreign', target: '/t' },
      [7],
      () => ['binding-in-use', live('process 7'), ps('7'), decide, ENSURE()],
    ],
    [
      'foreign, of a live box that is not seen',
      { state: 'foreign', target: '/t', code: 'EAGAIN' },
      [],
      () => ['binding-in-use', live(unseen), ss(), decide, ENSURE()],
    ],
    [
      'not a link, and gone when it is looked at',
      { state: 'not-a-symlink', target: null },
      null,
      () => [
        'binding-not-a-symlink',
        `has something else in the place of its binding: ${where}`,
        shown,
        `mv -n -- ${where} /b/bl-0/.b1.aside`,
        ENSURE(),
      ],
    ],
    [
      'unreadable',
      { state: 'unreadable', target: 'rel', code: 'ELOOP' },
      null,
      () => [
        'binding-unreadable',
        `has a binding that cannot be resolved (ELOOP): ${where} to rel; a live box may be behind it`,
        'namei -l /b/bl-0/rel',
        ENSURE(),
      ],
    ],
    [
      'unreadable, of which not even the target is known',
      { state: 'unreadable', target: null, code: 'EIO' },
      null,
      () => [
        'binding-unreadable',
        `has a binding that cannot be resolved (EIO): ${where} to null; a live box may be behind it`,
        `namei -l ${where}`,
        ENSURE(),
      ],
    ],
  ])('%s', (_, binding, holders, expected) => {
    makeBox(at.home, 'b1');
    expect(causes({ binding, holders })).toEqual([expected()]);
  });

  it('that nobody could look at is no cause of the box', () => {
    makeBox(at.home, 'b1');
    expect(causes({ binding: { state: 'unknown', target: null } })).toEqual([]);
  });

  it('is told what stands there in its place', () => {
    makeBox(at.home, 'b1');
    const bindingDir = path.join(at.base, 'b1');
    fs.mkdirSync(bindingDir, { mode: 0o750 });
    const { uid } = fs.statSync(bindingDir);
    const [[, says] = []] = causes({ bindingDir, binding: { state: 'not-a-symlink', target: null } });
    expect(says).toBe(
      `has something else in the place of its binding: ${bindingDir} is a directory of uid ${uid}, mode 0750`,
    );
  });
});

describe('a name that does not bind', () => {
  const failed = (code: string | undefined, message = 'no') =>
    socket('a.sock', { probe: { ok: false, ...(code !== undefined && { code }), message } });
  const fine = socket('b.sock', { probe: { ok: true } });
  const untried = socket('c.sock');
  const where = () => at.sockets('b1');
  const [none, some] = ['none of its names binds', '1 of its names do not bind'];

  it.each<[code: string, sockets: SocketReport[], () => unknown[]]>([
    ...['ENOSPC', 'EDQUOT'].map((code): [string, SocketReport[], () => unknown[]] => [
      code,
      [failed(code)],
      () => [
        'sockets-full',
        `lies on a full file system (${code}): ${none}`,
        `df -h -- ${where()}`,
        `df -i -- ${where()}`,
        '# make room there, then:',
        'boxsockets doctor --base /b',
      ],
    ]),
    [
      'EROFS',
      [fine, failed('EROFS')],
      () => [
        'sockets-read-only',
        `lies on a file system that is mounted read-only: ${some}`,
        `findmnt -T ${where()}`,
        `${process.geteuid?.() === 0 ? '' : 'sudo '}sh -c 'mount -o remount,bind,rw "$(findmnt -no TARGET -T ${where()})"'`,
      ],
    ],
    [
      'EIO',
      [untried, failed('EIO', 'bind: EIO')],
      () => [
        'sockets-fail',
        `has sockets that do not bind (EIO): ${some}. bind: EIO`,
        `findmnt -T ${where()}`,
        `${LOOK} ${where()}`,
        'boxsockets probe /b/bl-0/b1/a.sock',
      ],
    ],
    [
      'of no code',
      [failed(undefined)],
      () => [
        'sockets-fail',
        `has sockets that do not bind (unknown): ${none}. no`,
        `findmnt -T ${where()}`,
        `${LOOK} ${where()}`,
        'boxsockets probe /b/bl-0/b1/a.sock',
      ],
    ],
  ])('%s', (_, sockets, expected) => {
    makeBox(at.home, 'b1');
    expect(causes({ sockets })).toEqual([expected()]);
  });

  it.each(['EPERM', 'EOPNOTSUPP', 'ENOTSUP'])(
    '%s: a file system that has no sockets, named where it is known',
    (code) => {
      makeBox(at.home, 'b1');
      const remedy = ['findmnt -T', '# move the home to another file system'];
      const [[kind, says, shown, advice] = []] = causes({ sockets: [failed(code)] });
      expect([kind, shown, advice]).toEqual(['sockets-unsupported', `${remedy[0]} ${where()}`, remedy[1]]);
      expect(says).toMatch(new RegExp(`^lies on a file system that makes no sockets \\(${code}\\), \\S+ at /\\S*$`));
      vi.stubEnv('PATH', '/nowhere');
      const [[, unnamed] = []] = causes({ sockets: [failed(code)] });
      vi.unstubAllEnvs();
      expect(unnamed).toBe(`lies on a file system that makes no sockets (${code}), see where`);
    },
  );
});

describe('what lies at the name of a socket', () => {
  it('is no socket: it is moved', () => {
    const realDir = makeBox(at.home, 'b1');
    const file = path.join(realDir, 'b.sock');
    fs.writeFileSync(file, '', { mode: 0o600 });
    const { uid } = fs.statSync(file);
    expect(causes({ sockets: [socket('a.sock'), socket('b.sock'), socket('c.sock')] })).toEqual([
      [
        'name-occupied',
        `has something else where a socket belongs: ${file} is a file of uid ${uid}, mode 0600`,
        `${LOOK} ${file}`,
        `mv -n -- ${file} ${file}.aside`,
      ],
    ]);
  });
});

describe('the sockets of a box', () => {
  const restart = '# restart that box, so that it binds them anew; hold() keeps cleaners away';

  it('whose files somebody has removed are named, with who holds them', () => {
    makeBox(at.home, 'b1');
    const held: Examined['held'] = [
      { name: 'a.sock', held: true, reason: 'no file' },
      { name: 'b.sock', held: true },
      { name: 'c.sock', held: false, reason: 'x' },
      { name: 'd.sock', held: true, reason: 'no file' },
    ];
    const says =
      'is alive, and somebody has removed files of its sockets, so that nobody can dial them: a.sock, d.sock';
    const ss = process.geteuid?.() === 0 ? 'ss -xlp' : 'sudo ss -xlp';
    expect(causes({ held, holders: [7] })).toEqual([['socket-lost', says, 'ps -o pid,user,etime,args -p 7', restart]]);
    expect(causes({ held })).toEqual([['socket-lost', says, ss, restart]]);
  });

  it('of which it cannot be told whether they are held are named, and are neither dead nor an error', () => {
    makeBox(at.home, 'b1');
    const held: Examined['held'] = [
      { name: 'a.sock', held: 'unknown', reason: 'r1' },
      { name: 'b.sock', held: false },
      { name: 'c.sock', held: 'unknown', reason: 'r2' },
    ];
    expect(causes({ binding: { state: 'unreadable', target: '/', code: 'EAGAIN' }, held })).toEqual([
      [
        'liveness-unknown',
        'has sockets of which it cannot be told whether they are held: a.sock (r1), c.sock (r2)',
        `${LOOK} ${at.sockets('b1')}`,
        `findmnt -T ${at.sockets('b1')}`,
      ],
    ]);
  });

  it('have several causes at once, which are told in order, and none of them after what matters more', () => {
    makeBox(at.home, 'b1');
    fs.chmodSync(at.sockets('b1'), 0o777);
    const held: Examined['held'] = [
      { name: 'a.sock', held: 'unknown', reason: 'r' },
      { name: 'b.sock', held: true, reason: 'no file' },
    ];
    const codes = (changes: Changes) => causes({ held, deadZone: true, ...changes }).map(([code]) => code);
    expect(codes({})).toEqual(['sockets-open', 'socket-lost', 'liveness-unknown', 'dead-zone']);
    expect(codes({ binding: { state: 'missing', target: null } })).toEqual(['binding-missing', 'dead-zone']);
  });
});

it('the dead zone is told with the names that do not fit there', () => {
  makeBox(at.home, 'b1');
  const realDir = at.sockets('b1');
  const sockets = [socket('a'), socket('b', { realFits: false }), socket('c', { realFits: false })];
  expect(causes({ sockets, deadZone: true })).toEqual([
    [
      'dead-zone',
      `lies in the dead zone: in its ${Buffer.byteLength(realDir)} bytes a direct bind works until it comes to b, c`,
      '# bind and dial through the binding, never in the directory itself',
    ],
  ]);
});

describe('what several boxes have in common is told once', () => {
  const cause = (id: string, says: string, remedy = [`mend ${id}`]) =>
    ({ id, code: 'sockets-open', says, remedy }) as const;
  const told = (...some: Parameters<typeof gather>[0]) => gather(some).map(({ message, remedy }) => [message, remedy]);

  it('with the words of the first, the ids of three, and each remedy once', () => {
    expect(told(cause('a', 'is odd: x'))).toEqual([['Box a is odd: x.', 'mend a']]);
    expect(told(...['a', 'b', 'c'].map((id) => cause(id, `is odd: ${id}`)))).toEqual([
      ['Each of 3 boxes (a, b, c) is odd: a.', 'mend a\nmend b\nmend c'],
    ]);
    expect(told(...['a', 'b', 'c', 'd', 'e'].map((id) => cause(id, 'is odd', ['# one', 'same'])))).toEqual([
      ['Each of 5 boxes (a, b, c and 2 more) is odd.', '# one\nsame'],
    ]);
  });

  it('but not what differs before the colon, or by its code', () => {
    const other = { ...cause('c', 'is odd: x'), code: 'sockets-mode' } as const;
    expect(told(cause('a', 'is odd: x'), cause('b', 'is even: x'), other, cause('d', 'is odd: y'))).toEqual([
      ['Each of 2 boxes (a, d) is odd: x.', 'mend a\nmend d'],
      ['Box b is even: x.', 'mend b'],
      ['Box c is odd: x.', 'mend c'],
    ]);
    expect(gather([other])).toEqual([
      { severity: 'error', code: 'sockets-mode', message: 'Box c is odd: x.', remedy: 'mend c' },
    ]);
  });
});
