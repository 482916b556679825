// What becomes of a failure that the addon tells: its code, its fields, whole, and the words that say whose fault it is.

import * as fs from 'node:fs';
import * as os from 'node:os';
import { describe, expect, it } from 'vitest';
import type { NativeFailure } from '../../dist/native/contract.js';
import { nameOf, Refusal, Subject } from '../../dist/native/contract.js';
import { fileType, fileUntrusted, notRemoved } from '../../dist/native/file-errors.js';
import { isLockTimeout, toError, unwrap } from '../../dist/native/to-error.js';
import { occupantOf, toHeld } from '../../dist/native/verdicts.js';
import { failure, replaceNative } from '../helpers/addon.js';
import { tempDir } from '../helpers.js';

const PATHS = {
  base: '/base',
  parent: '/base/bl-7',
  binding: '/base/bl-7/b',
  realDir: '/home/b/sockets',
  socket: '/base/bl-7/b/a.sock',
  file: '/home/b/file',
  parentMode: 0o700,
};

/** Everything that an error carries, its cause by its message alone. */
function fieldsOf(error: Error): Record<string, unknown> {
  return { ...error, ...(error.cause !== undefined && { cause: (error.cause as Error).message }) };
}

describe('a failed system call', () => {
  it.each([
    ['none', undefined],
    ['base', '/base'],
    ['parent', '/base/bl-7'],
    ['lock', '/base/bl-7/.lock'],
    ['binding', '/base/bl-7/b'],
    ['temporary', '/base/bl-7/.b.new'],
    ['realDir', '/home/b/sockets'],
    ['socket', '/base/bl-7/b/a.sock'],
    ['file', '/home/b/file'],
  ] as const)('about %s names that path', (subject, path) => {
    const error = toError(failure({ errno: 13, syscall: 'open', subject: Subject[subject] }), PATHS);
    expect(error.message).toBe(`EACCES: permission denied, open${path === undefined ? '' : ` '${path}'`}`);
    expect(fieldsOf(error)).toEqual({ code: 'EACCES', errno: -13, syscall: 'open', ...(path && { path }) });
  });

  it('about two paths names both', () => {
    const moved = { errno: 1, syscall: 'renameat', subject: Subject.temporary, dest: Subject.binding };
    const error = toError(failure(moved), PATHS);
    expect(error.message).toBe("EPERM: operation not permitted, renameat '/base/bl-7/.b.new' -> '/base/bl-7/b'");
    expect(fieldsOf(error)).toMatchObject({ path: '/base/bl-7/.b.new', dest: '/base/bl-7/b' });
  });

  it('of an operation on a whole parent is about that, and of one without a socket about the binding', () => {
    const { base, parent, binding } = PATHS;
    const failed = { errno: 13, syscall: 'open' };
    expect(toError(failure({ ...failed, subject: Subject.binding }), { base, parent }).path).toBe(parent);
    expect(toError(failure({ ...failed, subject: Subject.socket }), { base, parent, binding }).path).toBe(binding);
  });

  it('of a path that is too long is one, though the addon says why it was refused', () => {
    const tooLong = {
      errno: os.constants.errno.ENAMETOOLONG,
      syscall: 'bind',
      subject: Subject.socket,
      refusal: Refusal.tooLong,
    };
    expect(fieldsOf(toError(failure(tooLong), PATHS))).toMatchObject({ code: 'ENAMETOOLONG', path: PATHS.socket });
  });

  it('for a file system that does not answer says where it is mounted, and what to do', () => {
    const late = { errno: os.constants.errno.ETIMEDOUT, syscall: 'stat' };
    const advice = ' does not answer. Mend its server, or unmount it (umount -l), and try again';
    const words = "ETIMEDOUT: connection timed out, stat '/base/bl-7/b' -> '/home/b/sockets'";
    const error = toError(failure({ ...late, subject: Subject.realDir }), PATHS);
    expect(error.message).toMatch(new RegExp(`^${words.replace(/[/.]/g, '\\$&')}. The file system mounted at '/.*'`));
    expect(error.message).toContain(advice);
    expect(fieldsOf(error)).toMatchObject({ code: 'ETIMEDOUT', path: '/base/bl-7/b', dest: '/home/b/sockets' });

    // Of the binding it is what that leads to; where that cannot be read, it is left out.
    const binding = `${tempDir()}/b`;
    const lost = toError(failure({ ...late, subject: Subject.binding }), { ...PATHS, binding });
    expect(lost.message).toBe(`ETIMEDOUT: connection timed out, stat '${binding}'. The file system there${advice}`);
    fs.symlinkSync('/proc/nothing', binding);
    const led = toError(failure({ ...late, subject: Subject.binding }), { ...PATHS, binding });
    expect(fieldsOf(led)).toMatchObject({ path: binding, dest: '/proc/nothing' });
    expect(led.message).toContain("mounted at '/proc' does not");

    // Without a binding, it is a call as any other.
    const { base, parent } = PATHS;
    const plain = toError(failure({ ...late, subject: Subject.parent }), { base, parent });
    expect(plain.message).toBe("ETIMEDOUT: connection timed out, stat '/base/bl-7'");
  });
});

const FOREIGN = { owner: 5, expected: 7 };

describe('a refusal', () => {
  const cases: [string, Partial<NativeFailure>, Record<string, unknown>, string][] = [
    [
      'uidMismatch',
      { owner: 5, expected: 0 },
      { code: 'ERR_BOX_SOCKETS_UID_MISMATCH', owner: 5, expected: 0 },
      'The real uid (5) and the effective uid (0) of this process differ',
    ],
    [
      'baseUntrusted',
      { subject: Subject.base, owner: 0, mode: 0o1023 },
      { code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', path: '/base', owner: 0 },
      "The base '/base' (owner 0, mode 1023) is not to be trusted: others could replace what lies in it. Use a base of",
    ],
    [
      'baseUntrusted',
      { subject: Subject.base, errno: 2, syscall: 'stat' },
      {
        code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED',
        path: '/base',
        errno: -2,
        cause: "ENOENT: no such file or directory, stat '/base'",
      },
      "The base '/base' is not an existing directory. Use a base of your own",
    ],
    [
      'ancestryUntrusted',
      { subject: Subject.base, owner: 5, mode: 0o040077 },
      { code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', path: '/base', owner: 5 },
      "The base '/base' is not to be trusted: its path goes through a directory (owner 5, mode 0077) in which others",
    ],
    [
      'parentNotDirectory',
      { subject: Subject.parent },
      { code: 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY', path: '/base/bl-7' },
      "'/base/bl-7' is not a directory (a symlink is not followed there)",
    ],
    [
      'parentForeign',
      { subject: Subject.parent, ...FOREIGN },
      { code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN', path: '/base/bl-7', ...FOREIGN },
      "'/base/bl-7' belongs to uid 5, and must belong to uid 7. Look whose bindings lie in it (ls -la); have uid 5",
    ],
    [
      'parentForeign',
      { subject: Subject.parent, owner: 65534, expected: 65534 },
      { code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN', path: '/base/bl-7', owner: 65534, expected: 65534 },
      "'/base/bl-7' belongs to another user who is not mapped in this user namespace, as this process is not: both",
    ],
    [
      'parentMounted',
      { subject: Subject.parent },
      { code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN', path: '/base/bl-7' },
      "'/base/bl-7' lies on another file system than its base '/base'",
    ],
    [
      'parentUnstable',
      { subject: Subject.parent },
      { code: 'ERR_BOX_SOCKETS_PARENT_UNSTABLE', path: '/base/bl-7' },
      "'/base/bl-7' or its bindings were replaced again and again",
    ],
    [
      'lockUntrusted',
      { subject: Subject.lock },
      { code: 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED', path: '/base/bl-7/.lock' },
      "'/base/bl-7/.lock' must be a regular file of one link that belongs to this user, and is not one",
    ],
    [
      'lockTimeout',
      { subject: Subject.lock, owner: 4321 },
      { code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', path: '/base/bl-7/.lock', owner: 4321 },
      "'/base/bl-7/.lock' is locked by process 4321, and it did not let go in time. Look at what process 4321 does",
    ],
    [
      'lockTimeout',
      { subject: Subject.lock },
      { code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', path: '/base/bl-7/.lock' },
      "'/base/bl-7/.lock' is locked by another process, and it did not let go in time. Find it with fuser",
    ],
    [
      // A process of another pid namespace.
      'lockTimeout',
      { subject: Subject.lock, owner: 0 },
      { code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', path: '/base/bl-7/.lock', owner: 0 },
      "'/base/bl-7/.lock' is locked by another process",
    ],
    [
      'realDir',
      { subject: Subject.realDir },
      { code: 'ERR_BOX_SOCKETS_REAL_DIR', path: '/home/b/sockets' },
      "'/home/b/sockets' must be an existing directory, for the sockets lie there. Create it first",
    ],
    [
      'realDir',
      { subject: Subject.realDir, errno: 20, syscall: 'stat' },
      {
        code: 'ERR_BOX_SOCKETS_REAL_DIR',
        path: '/home/b/sockets',
        errno: -20,
        cause: "ENOTDIR: not a directory, stat '/home/b/sockets'",
      },
      "for the sockets lie there: ENOTDIR: not a directory, stat '/home/b/sockets'. Create it first",
    ],
    [
      'notASymlink',
      { subject: Subject.binding },
      { code: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK', path: '/base/bl-7/b' },
      "'/base/bl-7/b' is in the place of a symlink, and is not one. It is left as it is",
    ],
    [
      'idTaken',
      { subject: Subject.binding },
      { code: 'ERR_BOX_SOCKETS_ID_TAKEN', path: '/base/bl-7/b' },
      "'/base/bl-7/b' is the binding of another box: its id differs by case",
    ],
    [
      'peer',
      { subject: Subject.socket, ...FOREIGN },
      { code: 'ERR_BOX_SOCKETS_PEER', path: '/base/bl-7/b/a.sock', ...FOREIGN },
      "The process that listens on '/base/bl-7/b/a.sock' runs as uid 5, and must run as uid 7. Nothing was sent",
    ],
    [
      'peer',
      { subject: Subject.socket, owner: 65534, expected: 65534 },
      { code: 'ERR_BOX_SOCKETS_PEER', path: '/base/bl-7/b/a.sock', owner: 65534, expected: 65534 },
      "It cannot be told whose process listens on '/base/bl-7/b/a.sock': users who are not mapped",
    ],
    [
      'misplaced',
      { subject: Subject.socket },
      { code: 'ERR_BOX_SOCKETS_MISPLACED', path: '/base/bl-7/b/a.sock' },
      "'/base/bl-7/b/a.sock' does not lead to the real directory '/home/b/sockets'. Call ensure() to mend the binding",
    ],
    [
      'misplaced',
      { subject: Subject.socket, bound: '' },
      { code: 'ERR_BOX_SOCKETS_MISPLACED', path: '/base/bl-7/b/a.sock' },
      "'/base/bl-7/b/a.sock' does not lead to the real directory '/home/b/sockets'. Call ensure() to mend the binding",
    ],
    [
      'misplaced',
      { subject: Subject.socket, bound: '/elsewhere/a.sock' },
      { code: 'ERR_BOX_SOCKETS_MISPLACED', path: '/base/bl-7/b/a.sock' },
      "Whoever listens on '/base/bl-7/b/a.sock' was bound by '/elsewhere/a.sock', which does not lead into the real",
    ],
    [
      'fileUntrusted',
      { subject: Subject.file, owner: 5, expected: 7, mode: 0o100644 },
      { code: 'ERR_BOX_SOCKETS_FILE_UNTRUSTED', path: '/home/b/file', ...FOREIGN },
      "'/home/b/file' must be a plain file of one link that belongs to uid 7, and belongs to uid 5",
    ],
  ];

  it.each(cases)(
    '%s with %o has its code, its fields and no others, and says what is wrong',
    (name, of, fields, says) => {
      const error = toError(failure({ ...of, refusal: Refusal[name as keyof typeof Refusal] }), PATHS);
      expect(fieldsOf(error)).toEqual(fields);
      expect(error.message).toContain(says);
    },
  );

  it('is worded for each that there is', () => {
    const others = ['none', 'tooLong', 'bindingInUse', 'parentAbsent'];
    const told = new Set([...cases.map(([name]) => name), ...others]);
    expect(Object.keys(Refusal).filter((name) => !told.has(name))).toEqual([]);
  });

  it('without a real directory names none, and without a path has none', () => {
    const { parent } = PATHS;
    const misplaced = toError(failure({ refusal: Refusal.misplaced, subject: Subject.parent }), { parent });
    expect(misplaced.message).toBe(
      "'/base/bl-7' does not lead to the real directory. Call ensure() to mend the binding",
    );
    expect(Object.keys(toError(failure({ refusal: Refusal.parentMounted }), {}))).toEqual(['code']);
  });

  it('is what unwrap throws; what is no failure it gives back', () => {
    expect(() => unwrap(failure({ refusal: Refusal.idTaken, subject: Subject.binding }), PATHS)).toThrow(/another box/);
    for (const outcome of [0, null, '', [], { errno: 0 }]) expect(unwrap(outcome, PATHS)).toBe(outcome);
    expect(isLockTimeout(failure({ refusal: Refusal.lockTimeout }))).toBe(true);
    for (const other of [failure({ refusal: Refusal.lockUntrusted }), null, 3])
      expect(isLockTimeout(other)).toBe(false);
  });

  it('of no contract is a fault of the package, and says so', () => {
    const faults: [Partial<NativeFailure>, RegExp][] = [
      [{ errno: 1, syscall: 'open', subject: 99 }, /answered 99 where its contract has a subject/],
      [{ refusal: 99 }, /answered 99 where its contract has a refusal/],
      [{ errno: 1, syscall: null }, /answered null where its contract has a system call/],
    ];
    for (const [given, says] of faults) expect(() => toError(failure(given), PATHS)).toThrow(says);
    for (const index of [-1, 2, 0.5]) expect(() => nameOf(['a', 'b'], index)).toThrow(`answered ${index} where`);
    expect(nameOf(['a', 'b'], 1)).toBe('b');
  });
});

describe('who is in the way of a binding', () => {
  const alive = { target: '/other', socket: 'a.sock', judgement: 1, reason: 0, errno: 0, pid: 99 };
  const inUse = failure({ refusal: Refusal.bindingInUse, subject: Subject.binding });
  const fields = { code: 'ERR_BOX_SOCKETS_BINDING_IN_USE', path: '/base/bl-7/b', dest: '/home/b/sockets' };

  it.each([
    [alive, { judgement: 'alive', pid: 99 }, "in which process 99 holds a socket, 'a.sock'. Stop that box"],
    [{ ...alive, pid: 0 }, { judgement: 'alive' }, "in which a process holds a socket, 'a.sock'."],
    [
      { ...alive, pid: -1, reason: 3 },
      { judgement: 'alive' },
      "in which a process holds a socket, 'a.sock' (its file is gone).",
    ],
    [
      { ...alive, judgement: 2, reason: 1, errno: 13, pid: 0 },
      { judgement: 'unknown' },
      "in which it cannot be told whether a process holds a socket, 'a.sock' (EACCES when it was asked).",
    ],
  ])('%o is named in the error', (occupant, more, says) => {
    replaceNative({ occupant: () => occupant });
    const error = toError(inUse, PATHS);
    expect(fieldsOf(error)).toEqual({ ...fields, target: '/other', socket: 'a.sock', ...more });
    expect(error.message).toContain(`'/base/bl-7/b' leads to '/other', the directory of another box of the same id, `);
    expect(error.message).toContain(says);
  });

  it('and is gone by now, or cannot be told: the error says that, and to try again', () => {
    for (const found of [null, failure({ errno: os.constants.errno.EMFILE, syscall: 'open' })]) {
      replaceNative({ occupant: () => found });
      const error = toError(inUse, PATHS);
      expect(fieldsOf(error)).toEqual(fields);
      expect(error.message).toMatch(/A second look.* found none, or could not be made.*Try again$/);
    }
  });

  it('is not asked where paths are missing', () => {
    let asked = 0;
    const occupant = () => {
      asked++;
      return alive;
    };
    replaceNative({ occupant });
    for (const missing of ['base', 'parent', 'binding', 'realDir', 'parentMode'] as const) {
      expect(occupantOf({ ...PATHS, [missing]: undefined })).toBeNull();
    }
    expect(asked).toBe(0);
    expect(occupantOf(PATHS)).toMatchObject({ pid: 99 });
  });
});

it.each([
  [{ judgement: 0, reason: 0, errno: 0 }, { held: false }],
  [{ judgement: 1, reason: 0, errno: 0 }, { held: true }],
  [
    { judgement: 1, reason: 3, errno: 0 },
    { held: true, reason: 'its file is gone' },
  ],
  [
    { judgement: 2, reason: 1, errno: os.constants.errno.ETIMEDOUT },
    { held: 'unknown', reason: 'ETIMEDOUT when it was asked' },
  ],
  [
    { judgement: 2, reason: 2, errno: 0 },
    { held: 'unknown', reason: expect.stringContaining('another kernel') },
  ],
  [
    { judgement: 2, reason: 4, errno: 0 },
    { held: 'unknown', reason: 'there are too many entries to look at' },
  ],
  [{ judgement: 3, reason: 0, errno: 0 }, { held: false }],
])('the verdict %o is told as %o', (verdict, held) => {
  expect(toHeld(verdict)).toEqual(held);
});

describe('a file that the box may have planted', () => {
  it('is told by its type', () => {
    const types = ['FIFO', 'device', 'directory', 'device', 'file', 'link', 'socket', 'unknown', 'unknown'];
    const modes = [0o010600, 0o020600, 0o040700, 0o060600, 0o100644, 0o120777, 0o140755, 0, 0o160000];
    expect(modes.map(fileType)).toEqual(types);
  });

  it('is refused with what it is, whose it is, and whose it should be', () => {
    const link = fileUntrusted('/a', { mode: 0o120777, owner: 5, expected: 7 });
    expect(fieldsOf(link)).toEqual({ code: 'ERR_BOX_SOCKETS_FILE_UNTRUSTED', path: '/a', ...FOREIGN });
    expect(link.message).toContain(
      "'/a' must be a plain file of one link that belongs to uid 7, and is a link. Whoever",
    );
    const foreign = fileUntrusted('/a', { mode: 0o100644, owner: 5, expected: 7 });
    expect(foreign.message).toContain('and belongs to uid 5. Whoever');
    const linked = fileUntrusted('/a', { mode: 0o100644, owner: 7, expected: 7 });
    expect(linked.message).toContain('and has several links. Whoever');
  });

  it.each([
    [18, 'EXDEV', 'A file system is mounted there: unmount it first'],
    [1, 'EPERM', 'See with lsattr whether it or its directory is immutable (chattr -i), and with ls -l whose they are'],
    [13, 'EACCES', 'It belongs to another user, or lies in a directory of another user'],
    [30, 'EROFS', undefined],
  ])('that cannot be removed for errno %i says what helps', (errno, code, remedy) => {
    const error = notRemoved(errno, 'unlinkat', '/a/b');
    expect(fieldsOf(error)).toEqual({ code, errno: -errno, syscall: 'unlinkat', path: '/a/b' });
    expect(error.message).toMatch(new RegExp(`^${code}: [a-z -]+, unlinkat '/a/b'`));
    if (remedy === undefined) expect(error.message).toMatch(/'\/a\/b'$/);
    else expect(error.message.endsWith(`'/a/b'. ${remedy}`)).toBe(true);
  });
});
