// What only shows when the process is not root: each test runs the package in a child of another uid. 65534 is the
// uid under which unmapped users appear, whose ownership has to be proven; 1234 is like any other.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { type Call, type Called, callInChild, missingUser, promise, snapshot, tempDir, twins } from '../helpers.js';

const UIDS = [1234, 65534];

/** A base that belongs to that user, below a directory that all may pass. */
function baseOf(uid: number, mode = 0o700): string {
  const above = tempDir();
  fs.chmodSync(above, 0o755);
  return makeFor(uid, path.join(above, 'base'), mode);
}

function makeFor(uid: number, directory: string, mode = 0o700): string {
  fs.mkdirSync(directory, { recursive: true });
  fs.chownSync(directory, uid, uid);
  fs.chmodSync(directory, mode);
  return directory;
}

const modeOf = (file: string): string => (fs.lstatSync(file).mode & 0o7777).toString(8);

describe.each(twins)('another user ($name)', (twin) => {
  const method = (name: string): string => (twin.name === 'sync' ? `${name}Sync` : name);

  describe.each(UIDS)('uid %i', (uid) => {
    const missing = missingUser(uid);
    const call = (base: string, realDir: string, name: string, options?: object): Call => ({
      box: { id: 'b', realDir, options: { base } },
      method: method(name),
      ...(options !== undefined && { args: [options] }),
    });
    const callStatic = (base: string, name: string, options = {}): Call => ({
      method: method(name),
      args: [{ base, ...options }],
    });
    const inChild = (calls: Call[], setting = {}): Called[] => callInChild(calls, { uid, ...setting });

    promise(missing, 'has all operations, in a base of its own and in a sticky one of root', () => {
      for (const base of [baseOf(uid), makeFor(0, baseOf(0, 0o1777), 0o1777)]) {
        const real = makeFor(uid, path.join(path.dirname(base), 'sockets'));
        const outcomes = inChild([
          call(base, real, 'ensure'),
          call(base, real, 'ensure'),
          call(base, real, 'probe'),
          callStatic(base, 'list'),
          callStatic(base, 'sweepStale'),
          call(base, real, 'remove'),
        ]);
        expect(outcomes).toMatchObject([
          { result: { status: 'created' } },
          { result: { status: 'unchanged' } },
          { result: { ok: true } },
          { result: [{ id: 'b', state: 'idle', target: real }] },
          { result: { removed: [], kept: 1 } },
          { result: { status: 'removed' } },
        ]);
      }
    });

    promise(missing, 'gets the same permissions whatever its umask', () => {
      for (const umask of [0, 0o277, 0o777]) {
        const base = baseOf(uid);
        const real = makeFor(uid, path.join(base, 'sockets'));
        const outcomes = inChild(
          // The lock is taken twice: what a umask has closed is opened when it is needed again.
          ['ensure', 'remove', 'remove', 'ensure', 'remove', 'ensure', 'probe'].map((name) => call(base, real, name)),
          {
            umask,
          },
        );
        expect(outcomes).toMatchObject([
          { result: { status: 'created' } },
          { result: { status: 'removed' } },
          { result: { status: 'absent' } },
          { result: { status: 'created' } },
          { result: { status: 'removed' } },
          { result: { status: 'created' } },
          { result: { ok: true } },
        ]);
        expect(modeOf(path.join(base, `bl-${uid}`))).toBe('700');
        expect(modeOf(path.join(base, `bl-${uid}/.lock`))).toMatch(/^[46]00$/);
        expect(fs.readdirSync(real)).toEqual([]);
      }
    });

    promise(missing, "refuses root's parent and another user's base", () => {
      const base = makeFor(0, baseOf(0, 0o1777), 0o1777);
      const parent = makeFor(0, path.join(base, `bl-${uid}`));
      const real = makeFor(uid, path.join(path.dirname(base), 'sockets'));
      const before = snapshot(base);
      for (const { error } of inChild([
        call(base, real, 'ensure', { takeover: true }),
        call(base, real, 'remove'),
        callStatic(base, 'list'),
        callStatic(base, 'sweepStale'),
        callStatic(base, 'sweepStale', { dryRun: true }),
      ])) {
        expect(error).toMatchObject({
          code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
          path: parent,
          owner: 0,
          expected: uid,
          message: expect.stringContaining(`belongs to uid 0, and must belong to uid ${uid}`),
        });
      }
      expect(snapshot(base)).toEqual(before);

      const theirs = baseOf(4321, 0o1777);
      const [called] = inChild([call(theirs, real, 'ensure')]);
      expect(called?.error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', owner: 4321, expected: uid });
      expect(fs.readdirSync(theirs)).toEqual([]);
    });

    promise(
      missing,
      'is told which call failed where it may not make the parent, or not see the real directory',
      () => {
        const base = baseOf(0, 0o755);
        const real = makeFor(uid, path.join(path.dirname(base), 'sockets'));
        const [refused] = inChild([call(base, real, 'ensure')]);
        const parent = path.join(base, `bl-${uid}`);
        expect(refused?.error).toMatchObject({
          name: 'BoxSocketsError',
          code: 'EACCES',
          syscall: 'mkdir',
          path: parent,
          message: `EACCES: permission denied, mkdir '${parent}'`,
        });

        const own = baseOf(uid);
        const hidden = makeFor(uid, path.join(makeFor(0, path.join(path.dirname(own), 'closed')), 'sockets'));
        const [unseen] = inChild([call(own, hidden, 'ensure')]);
        expect(unseen?.error).toMatchObject({
          code: 'EACCES',
          syscall: 'stat',
          path: hidden,
          message: `EACCES: permission denied, stat '${hidden}'`,
        });
        expect(fs.readdirSync(own)).toEqual([]);
      },
    );

    promise(missing, 'leaves alone a link that it cannot resolve, but for a takeover', () => {
      const base = baseOf(uid);
      const real = makeFor(uid, path.join(base, 'sockets'));
      // The lock's file is there already.
      inChild([call(base, real, 'ensure'), call(base, real, 'remove')]);
      const binding = path.join(base, `bl-${uid}`, 'b');
      const closed = makeFor(0, path.join(base, 'closed'));
      fs.symlinkSync(path.join(closed, 'sockets'), binding);
      const before = snapshot(base);
      const denied = { error: { code: 'EACCES', syscall: 'fstatat', path: binding } };
      expect(
        inChild([
          call(base, real, 'ensure'),
          call(base, real, 'remove'),
          callStatic(base, 'sweepStale'),
          callStatic(base, 'list'),
        ]),
      ).toMatchObject([
        denied,
        denied,
        { result: { removed: [], kept: 0, skipped: [{ name: 'b', code: 'EACCES' }] } },
        { result: [{ id: 'b', target: `${closed}/sockets`, state: 'unreadable', code: 'EACCES', sockets: [] }] },
      ]);
      expect(snapshot(base)).toEqual(before);
      expect(inChild([call(base, real, 'ensure', { takeover: true })])).toMatchObject([
        { result: { status: 'replaced' } },
      ]);
      expect(fs.readlinkSync(binding)).toBe(real);
    });

    promise(missing, 'leaves alone a link into a directory that it may not read, for a box may live there', () => {
      const base = baseOf(uid);
      const real = makeFor(uid, path.join(base, 'sockets'));
      inChild([call(base, real, 'ensure')]);
      const binding = path.join(base, `bl-${uid}/b`);
      fs.unlinkSync(binding);
      fs.symlinkSync(makeFor(0, path.join(base, 'theirs'), 0o711), binding);
      expect(
        inChild([call(base, real, 'ensure'), callStatic(base, 'list'), callStatic(base, 'sweepStale')]),
      ).toMatchObject([
        { error: { code: 'EACCES', syscall: 'openat', path: binding } },
        { result: [{ id: 'b', state: 'unreadable', code: 'EACCES' }] },
        { result: { removed: [], kept: 1, skipped: [] } },
      ]);
      expect(inChild([call(base, real, 'ensure', { takeover: true })])).toMatchObject([
        { result: { status: 'replaced' } },
      ]);
    });

    promise(missing, 'may have a real directory that cannot be read: sockets bind there', () => {
      const base = baseOf(uid);
      const real = makeFor(uid, path.join(base, 'sockets'), 0o300);
      expect(
        inChild([call(base, real, 'ensure'), call(base, real, 'ensure'), call(base, real, 'probe')]),
      ).toMatchObject([
        { result: { status: 'created' } },
        { result: { status: 'unchanged' } },
        { result: { ok: true } },
      ]);
      expect(fs.readdirSync(real)).toEqual([]);
      fs.chmodSync(real, 0);
      expect(inChild([call(base, real, 'ensure'), callStatic(base, 'list')])).toMatchObject([
        { result: { status: 'unchanged' } },
        { result: [{ state: 'unreadable', code: 'EACCES' }] },
      ]);
    });

    promise(missing, 'is told by a probe where it may not make sockets', () => {
      const base = baseOf(uid);
      for (const mode of [0o500, 0o600, 0]) {
        const real = makeFor(uid, path.join(base, `sockets${mode}`), mode);
        const [ensured, report, single] = inChild([
          call(base, real, 'ensure', { takeover: true }),
          call(base, real, 'probe'),
          { method: method('probeSocketPath'), args: [`${real}/box.sock`] },
        ]);
        expect(ensured?.result).toBeDefined();
        const denied = { ok: false, code: 'EACCES', syscall: 'bind' };
        expect(report?.result).toMatchObject({ ok: false, sockets: Array(5).fill(denied) });
        expect(single?.result).toMatchObject(denied);
        expect(fs.readdirSync(real)).toEqual([]);
      }
    });

    promise(missing, 'changes nothing by looking', () => {
      const base = baseOf(uid);
      const real = makeFor(uid, path.join(base, 'sockets'));
      inChild([call(base, real, 'ensure')]);
      const parent = path.join(base, `bl-${uid}`);
      fs.chmodSync(parent, 0o755);
      const before = snapshot(base);
      inChild([callStatic(base, 'list'), callStatic(base, 'sweepStale', { dryRun: true })]);
      expect(snapshot(base)).toEqual(before);
    });
  });

  promise(missingUser(65534), 'is not mixed with the first: real and effective uid must be the same', () => {
    const base = baseOf(65534, 0o1777);
    const real = makeFor(65534, path.join(path.dirname(base), 'sockets'));
    const box = { id: 'b', realDir: real, options: { base } };
    const outcomes = callInChild(
      [
        { box, method: method('ensure') },
        { box, method: method('remove') },
      ],
      { seteuid: 65534 },
    );
    for (const { error } of outcomes) {
      expect(error).toMatchObject({
        name: 'BoxSocketsError',
        code: 'ERR_BOX_SOCKETS_UID_MISMATCH',
        owner: 0,
        expected: 65534,
        message: expect.stringMatching(/real uid \(0\).*effective uid \(65534\)/),
      });
    }
    expect(fs.readdirSync(base)).toEqual([]);
  });
});
