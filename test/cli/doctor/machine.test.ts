// What every box shares, judged by what the operations say of it: each refusal, and what there is to be done, to the letter.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DoctorRequest } from '../../../dist/cli/doctor/doctor-report.js';
import { inspectMachine } from '../../../dist/cli/doctor/machine.js';
import { BoxSockets, type BoxSocketsError, type InspectedDirectory } from '../../../dist/index.js';
import { coded, nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../../helpers/builtins.js';
import { scratch } from '../run.js';

const test = scratch();
const me = process.geteuid?.() ?? 0;
const LOOK = 'ls -ldn --';
const sudo = me === 0 ? '' : 'sudo ';

const request = (changes: Partial<DoctorRequest> = {}): DoctorRequest => {
  return { home: null, base: test.base, uid: me, krun: null, names: [], ...changes };
};
const parent = () => path.join(test.base, `bl-${me}`);

/** What another base of the reader's own takes. */
const another = (more = '') => [
  'mkdir -p -m 0700 /home/me/.boxsockets',
  '# the host and its shims need the same base: its option, or BOXSOCKETS_BASE of this program',
  `npx boxsockets doctor --base /home/me/.boxsockets${more}`,
];

let mounted = '';

beforeEach(() => {
  // No program of the machine: no cleaner, no findmnt but this one.
  const bin = path.join(test.dir, 'bin');
  fs.mkdirSync(bin);
  mounted = path.join(bin, 'mounted');
  fs.writeFileSync(mounted, 'rw /x\n');
  fs.writeFileSync(path.join(bin, 'findmnt'), `#!/bin/sh\nwhile read -r line; do echo "$line"; done <'${mounted}'\n`, {
    mode: 0o755,
  });
  vi.stubEnv('PATH', bin);
  vi.stubEnv('HOME', '/home/me');
});

restoreAfterEach();

async function findings(changes: Partial<DoctorRequest> = {}): Promise<unknown[][]> {
  const { findings: found } = await inspectMachine(request(changes));
  return found
    .filter(({ code }) => !code.startsWith('cleaner-'))
    .map(({ severity, code, message, remedy }) => [severity, code, message, ...remedy.split('\n')]);
}

const directory = (where: string, changes: Partial<InspectedDirectory> = {}): InspectedDirectory => {
  return { path: where, ok: true, owner: me, mode: 0o700, ...changes } as InspectedDirectory;
};

/** What the library says of base and parent. */
function judged(base: Partial<InspectedDirectory>, of: Partial<InspectedDirectory> = {}): void {
  vi.spyOn(BoxSockets, 'inspect').mockResolvedValue({
    base: directory(test.base, base),
    parent: directory(parent(), of),
  });
}

it('what is in order has a report and no finding', async () => {
  fs.mkdirSync(parent(), { mode: 0o700 });
  fs.symlinkSync('/nowhere', path.join(parent(), 'b1'));
  const { limit, base, parent: of, findings: found, bindings } = await inspectMachine(request());
  expect(limit).toEqual({ declared: 108, measured: 108, portable: 103 });
  expect(base).toMatchObject({ path: test.base, state: 'fine', owner: me, mode: '0700' });
  expect(of).toEqual({ path: parent(), state: 'fine', owner: me, mode: '0700' });
  expect([...(bindings ?? [])].map(([id, { state }]) => [id, state])).toEqual([['b1', 'dangling']]);
  expect(found.filter(({ code }) => !code.startsWith('cleaner-'))).toEqual([]);
});

it('a parent that is not there yet is missing, and none', async () => {
  const { parent: of, bindings, findings: found } = await inspectMachine(request());
  expect([of, bindings?.size]).toEqual([{ path: parent(), state: 'missing', owner: null, mode: null }, 0]);
  expect(found.filter(({ code }) => !code.startsWith('cleaner-'))).toEqual([]);
  expect(fs.readdirSync(test.base)).toEqual([]);
});

it('a native code that is missing is one finding, and base and parent are not known', async () => {
  const inspected = vi.spyOn(BoxSockets, 'inspect');
  const code = 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE';
  const message = 'No binary could be loaded. Tried:\n  - one\nInstall it anew';
  vi.spyOn(nodeFs.promises, 'mkdtemp').mockRejectedValue(coded(code, message));
  const { base, parent: of, limit, bindings } = await inspectMachine(request());
  expect([limit.measured, base.state, base.owner, base.mode, bindings]).toEqual([null, 'unknown', null, null, null]);
  expect(of).toEqual({ path: parent(), state: 'unknown', owner: null, mode: null });
  const shown = `ls -lR ${path.resolve('prebuilds')}`;
  const told = 'No binary could be loaded. Tried:\n  - one';
  expect(await findings()).toEqual([['error', code, told, shown, '# Install it anew']]);
  expect(inspected).not.toHaveBeenCalled();
});

describe('the uids', () => {
  it('that are two are told', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(me + 1);
    expect(await findings()).toContainEqual([
      'error',
      'uid-mismatch',
      `The real uid is ${me + 1} and the effective uid ${me}: ensure refuses to work under two names.`,
      'id',
      '# start the program as one user: neither setuid nor half of a sudo',
      `npx boxsockets doctor --base ${test.base}`,
    ]);
  });
});

describe('the base', () => {
  const refused = (changes: Partial<InspectedDirectory> = {}) =>
    judged({ ok: false, message: 'It is refused', ...changes } as Partial<InspectedDirectory>, {
      owner: null,
      mode: null,
    });

  it('that is not there is made by root, and one behind a closed directory is replaced', async () => {
    refused({ owner: null, mode: null });
    const base = path.join(test.base, 'none');
    expect(await findings({ base })).toEqual([
      ['error', 'base-untrusted', 'It is refused.', `${LOOK} ${test.base}`, ...another()],
    ]);
    vi.spyOn(BoxSockets, 'inspect').mockResolvedValue({
      base: directory(base, { ok: false } as never),
      parent: directory(path.join(base, 'bl-7'), { owner: null }),
    });
    expect(await findings({ base })).toEqual([
      [
        'error',
        'base-missing',
        `The base ${base} does not exist.`,
        `${LOOK} ${test.base}`,
        `${sudo}mkdir -m 1777 -- ${base}`,
      ],
    ]);
    const { statSync } = nodeFs;
    vi.spyOn(nodeFs, 'statSync').mockImplementation(((file: string, ...rest: []) => {
      if (file === base) throw coded('EACCES');
      return statSync(file, ...rest);
    }) as never);
    syncBuiltinESMExports();
    expect(await findings({ base })).toEqual([
      [
        'error',
        'base-unreadable',
        `The base ${base} cannot be looked at: a directory above it is closed to this user.`,
        `namei -l ${base}`,
        ...another(),
      ],
    ]);
  });

  it.each<[owner: number | null, mode: number | null, remedy: () => string[]]>([
    // The bit that is missing is set by whom the base belongs to, or by root; a base of a stranger stays one.
    [me, 0o777, () => [`chmod +t ${test.base}`]],
    [me, 0o720, () => [`chmod +t ${test.base}`]],
    [me, 0o702, () => [`chmod +t ${test.base}`]],
    [0, 0o777, () => [`${sudo}chmod +t ${test.base}`]],
    [4321, 0o777, another],
    [me, 0o1777, another],
    [me, 0o755, another],
    [null, null, another],
  ])('that is refused, of owner %s and mode %o', async (owner, mode, remedy) => {
    refused({ owner, mode } as Partial<InspectedDirectory>);
    expect(await findings()).toEqual([
      ['error', 'base-untrusted', 'It is refused.', `${LOOK} ${test.base}`, ...remedy()],
    ]);
  });

  it('that is a file is not made sticky', async () => {
    const base = path.join(test.dir, 'file');
    fs.writeFileSync(base, '');
    vi.spyOn(BoxSockets, 'inspect').mockResolvedValue({
      base: directory(base, { ok: false, mode: 0o777, message: 'It is a file' } as never),
      parent: directory(path.join(base, 'bl-7')),
    });
    expect(await findings({ base })).toEqual([
      ['error', 'base-untrusted', 'It is a file.', `${LOOK} ${base}`, ...another()],
    ]);
  });
});

describe('a base where nothing can be made', () => {
  const made = (code: string) => vi.spyOn(nodeFs.promises, 'mkdtemp').mockRejectedValue(coded(code));

  it('is mounted read-only', async () => {
    made('EROFS');
    const says = `${test.base} lies on a file system that is mounted read-only: no binding can be made or repaired.`;
    expect(await findings()).toEqual([['error', 'base-read-only', says, `findmnt -T ${test.base}`, ...another()]]);
    expect((await inspectMachine(request())).limit.measured).toBeNull();
  });

  it.each(['ENOSPC', 'EDQUOT'])('is full: %s', async (code) => {
    made(code);
    expect(await findings()).toEqual([
      [
        'error',
        'base-full',
        `The file system of ${test.base} is full (${code}): no binding can be made or repaired.`,
        `df -h ${test.base}`,
        `df -i ${test.base}`,
        ...another(),
      ],
    ]);
  });

  it("is another's, where the parent is missing, and is no matter where it is there", async () => {
    made('EACCES');
    const says = `This user may not write to ${test.base}, where the first ensure would make ${parent()}.`;
    expect(await findings()).toEqual([['error', 'base-unwritable', says, `${LOOK} ${test.base}`, ...another()]]);
    fs.mkdirSync(parent(), { mode: 0o700 });
    expect(await findings()).toEqual([]);
    made('EIO');
    expect(await findings()).toEqual([]);
    fs.rmdirSync(parent());
    expect(await findings()).toEqual([]);
  });
});

describe('how the base is mounted', () => {
  it('nosymfollow: no link of it is followed', async () => {
    fs.writeFileSync(mounted, 'rw,nosymfollow /x\n');
    const says = `${test.base} is mounted nosymfollow: no symlink is followed there, so no binding works.`;
    expect(await findings()).toEqual([['error', 'base-nosymfollow', says, `findmnt -T ${test.base}`, ...another()]]);
  });

  it.each([
    [true, '# in the unit of the host: PrivateTmp=no, or a base that the host and its shims share'],
    [false, '# in a pod: one emptyDir, mounted as that directory in every container that binds or dials'],
  ])('for this process alone, where systemd runs: %s', async (hasSystemd, advice) => {
    fs.writeFileSync(mounted, 'rw /systemd-private-1/tmp\n');
    const { existsSync } = nodeFs;
    vi.spyOn(nodeFs, 'existsSync').mockImplementation((file) =>
      file === '/run/systemd/system' ? hasSystemd : existsSync(file),
    );
    syncBuiltinESMExports();
    const says =
      `${test.base} is private to this process (it shows /systemd-private-1/tmp): ` +
      'a process that sees another one does not find its bindings.';
    expect(await findings()).toEqual([
      ['warning', 'base-private', says, `findmnt -T ${test.base}`, advice, ...another()],
    ]);
    expect((await inspectMachine(request())).base.isPrivate).toBe(true);
  });
});

describe('the parent', () => {
  const aside = () => `mv -n -- ${parent()} ${parent()}.aside`;

  it.each<[code: string, finding: string, remedy: () => string[]]>([
    ['ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY', 'parent-not-a-directory', () => [aside()]],
    [
      'ERR_BOX_SOCKETS_PARENT_FOREIGN',
      'parent-foreign',
      () => [
        '# ask uid 7 first, whose bindings may lie in it; it is only moved, and nothing is lost',
        `${sudo}${aside()}`,
      ],
    ],
  ])('that is refused: %s', async (code, name, remedy) => {
    judged({}, { ok: false, code, owner: 7, message: 'It is refused' } as Partial<InspectedDirectory>);
    const listed = vi.spyOn(BoxSockets, 'list');
    expect(await findings()).toEqual([['error', name, 'It is refused.', `${LOOK} ${parent()}`, ...remedy()]]);
    expect(listed).not.toHaveBeenCalled();
    const { parent: of, bindings } = await inspectMachine(request());
    expect([of.state, bindings]).toEqual(['refused', null]);
  });

  it('that cannot be listed', async () => {
    judged({}, { mode: 0o000 });
    vi.spyOn(BoxSockets, 'list').mockRejectedValue(coded('EACCES', 'EACCES: no'));
    const says = 'The bindings cannot be listed: EACCES: no.';
    expect(await findings()).toEqual([
      ['error', 'parent-unreadable', says, `${LOOK} ${parent()}`, `chmod 00700 ${parent()}`],
    ]);
  });

  it.each([
    [0o755, '0755'],
    [0o2700, '2700'],
    [0o600, '0600'],
    [0o700, null],
  ])('of mode %o', async (mode, shown) => {
    judged({}, { mode });
    vi.spyOn(BoxSockets, 'list').mockResolvedValue([]);
    const says = `The parent ${parent()} has mode ${shown} and should have 0700. The next ensure repairs it.`;
    const told = ['warning', 'parent-mode', says, `${LOOK} ${parent()}`, `chmod 00700 ${parent()}`];
    expect(await findings()).toEqual(shown === null ? [] : [told]);
  });
});

describe('the lock of the parent', () => {
  const lock = () => path.join(parent(), '.lock');
  beforeEach(() => {
    fs.mkdirSync(parent(), { mode: 0o700 });
    fs.writeFileSync(lock(), '');
  });

  it('is asked of an operation that takes it, and leaves nothing', async () => {
    const removed = vi.spyOn(BoxSockets.prototype, 'remove');
    expect(await findings()).toEqual([]);
    expect(removed).toHaveBeenCalledWith({ lockTimeout: 1000 });
    expect((removed.mock.contexts[0] as BoxSockets).boxId).toMatch(/^doctor-[0-9a-f]{16}$/);
    expect(fs.readdirSync(parent())).toEqual(['.lock']);
  });

  it('is not asked where there is none, or where ensure repairs the parent first', async () => {
    const removed = vi.spyOn(BoxSockets.prototype, 'remove');
    fs.chmodSync(parent(), 0o755);
    await findings();
    fs.chmodSync(parent(), 0o700);
    fs.unlinkSync(lock());
    await findings();
    expect(removed).not.toHaveBeenCalled();
  });

  it.each<[string, BoxSocketsError, string, string, () => string[]]>([
    [
      'that is not to be trusted',
      coded('ERR_BOX_SOCKETS_LOCK_UNTRUSTED', 'It is odd'),
      'error',
      'lock-untrusted',
      () => [`${LOOK} ${lock()}`, `mv -n -- ${lock()} ${lock()}.aside`],
    ],
    [
      'that is held by a process',
      coded('ERR_BOX_SOCKETS_LOCK_TIMEOUT', 'It is odd', { owner: 7 }),
      'warning',
      'lock-held',
      () => ['ps -o pid,etime,args -p 7', '# it may only be slow; this waits a minute:', `flock -w 60 ${lock()} true`],
    ],
    [
      'that is held by who knows whom',
      coded('ERR_BOX_SOCKETS_LOCK_TIMEOUT', 'It is odd', { owner: -1 }),
      'warning',
      'lock-held',
      () => [`fuser -v ${lock()}`, '# it may only be slow; this waits a minute:', `flock -w 60 ${lock()} true`],
    ],
    [
      'that is held, by a number that is none',
      coded('ERR_BOX_SOCKETS_LOCK_TIMEOUT', 'It is odd', { owner: 0 }),
      'warning',
      'lock-held',
      () => [`fuser -v ${lock()}`, '# it may only be slow; this waits a minute:', `flock -w 60 ${lock()} true`],
    ],
  ])('%s', async (_, error, severity, code, remedy) => {
    vi.spyOn(BoxSockets.prototype, 'remove').mockRejectedValue(error);
    expect(await findings()).toEqual([[severity, code, 'It is odd.', ...remedy()]]);
    expect(fs.readdirSync(parent())).toEqual(['.lock']);
  });

  it('that fails otherwise is no finding', async () => {
    vi.spyOn(BoxSockets.prototype, 'remove').mockRejectedValue(coded('EIO'));
    expect(await findings()).toEqual([]);
  });
});
