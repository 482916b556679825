// What failing calls have turned up, each kind by its name.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { holderOf } from '../../helpers/flock.js';
import { ownUid, promise } from '../../helpers.js';
import type { Call } from './calls.js';
import type { Errno } from './errnos.js';
import { missingStrace, type Outcome, strikeOperation, traceOperation, withBase } from './strace.js';

interface Where {
  readonly operation: string;
  readonly call: string;
  readonly about: string;
  readonly nth?: number;
  readonly errno: Errno | 'ENOENT';
}

/** What the operation answers where that call fails. */
async function answerTo({ operation, call, about, nth = 1, errno }: Where): Promise<Outcome> {
  const { calls, threads } = await traceOperation(operation);
  const isMeant = (one: Call) => one.names.includes(call) && one.about === about && one.nth === nth;
  const meant = calls.find(isMeant);
  if (meant === undefined) throw new Error(`${operation} makes no ${call} of ${about}`);
  return withBase(async (base) => {
    const { report } = await strikeOperation({ base, operation, threads }, { call: meant, effect: `error=${errno}` });
    if (report === null) throw new Error(`${operation} was killed`);
    return report.first;
  });
}

const failed = (code: string, syscall: string) => ({ error: expect.objectContaining({ code, syscall }) });
const withSocket = (socket: object) => ({
  result: expect.objectContaining({ sockets: expect.arrayContaining([expect.objectContaining(socket)]) }),
});

promise(missingStrace, 'without a free descriptor, a dead socket is not called held', async () => {
  const socket = { call: 'socket', about: 'socket', errno: 'EMFILE' } as const;
  expect(await answerTo({ ...socket, operation: 'replace' })).toEqual(failed('EMFILE', 'socket'));
  expect(await answerTo({ ...socket, operation: 'listen' })).toEqual(failed('EMFILE', 'socket'));
  expect(await answerTo({ ...socket, operation: 'probe' })).toEqual(withSocket({ code: 'EMFILE', syscall: 'socket' }));
  expect(await answerTo({ ...socket, operation: 'list' })).toEqual({
    result: expect.arrayContaining([
      // What the kernel lists is held; nothing is said of the other.
      expect.objectContaining({
        id: 'live',
        state: 'live',
        code: 'EMFILE',
        sockets: [{ name: 'held.sock', held: true }],
      }),
    ]),
  });
});

promise(missingStrace, 'a path is not said to bind where it cannot be seen what stands there', async () => {
  const about = '<base>/a/box.sock';
  const answer = await answerTo({ operation: 'probePath', call: 'lstat', about, errno: 'EIO' });
  expect(answer).toEqual({ result: expect.objectContaining({ ok: false, code: 'EIO', syscall: 'lstat' }) });
});

promise(missingStrace, 'a socket that cannot be looked at is not called misplaced', async () => {
  const look = { call: 'fstatat', errno: 'EIO' } as const;
  const seen = { operation: 'listen', call: 'lstat', about: '<parent>/b1/box.sock', errno: 'EIO' } as const;
  expect(await answerTo(seen)).toEqual(failed('EIO', 'lstat'));
  const probed = await answerTo({ ...look, operation: 'probe', about: '<base>/a/<stand-in>' });
  expect(probed).toEqual(withSocket({ code: 'EIO', syscall: 'fstatat' }));
});

promise(
  missingStrace,
  'a measurement is not cut short by a call that fails for another reason than length',
  async () => {
    const second = { operation: 'measure', nth: 2 };
    const socket = await answerTo({ ...second, call: 'socket', about: 'socket', errno: 'EMFILE' });
    expect(socket).toEqual(failed('EMFILE', 'socket'));
    const about = '<base>/.bl-<random>/<stand-in>';
    const bind = await answerTo({ ...second, call: 'bind', about, errno: 'ENOMEM' });
    expect(bind).toEqual(failed('ENOMEM', 'bind'));
  },
);

promise(missingStrace, 'a socket that a measurement cannot unlink is not hidden behind ENOTEMPTY', async () => {
  const about = '<base>/.bl-<random>/<stand-in>';
  const answer = await answerTo({ operation: 'measure', call: 'unlink', about, errno: 'EIO' });
  expect(answer).toEqual(failed('EIO', 'unlink'));
});

promise(missingStrace, 'a parent that goes away between two looks is made anew', async () => {
  const answer = await answerTo({ operation: 'create', call: 'open', about: '<parent>', errno: 'ELOOP' });
  expect(answer).toEqual({ result: expect.objectContaining({ status: 'created' }) });
});

promise(missingStrace, 'an interrupted open of a fresh socket file is repeated', async () => {
  const about = '<base>/a/box.sock';
  const answer = await answerTo({ operation: 'listen', call: 'openat', about, errno: 'EINTR' });
  expect(answer).toEqual({ result: 'listening' });
});

promise(
  missingStrace,
  'a home that goes away between two looks of a list is no unreadable one: it looks again',
  async () => {
    const answer = await answerTo({ operation: 'list', call: 'openat', about: '<parent>/idle', errno: 'ENOENT' });
    expect(answer).toEqual({
      result: expect.arrayContaining([expect.objectContaining({ id: 'idle', state: 'idle' })]),
    });
  },
);

promise(
  missingStrace,
  'a link that is removed and made again while a list reads it is not called dangling',
  async () => {
    const answer = await answerTo({ operation: 'list', call: 'fstatat', about: '<parent>/idle', errno: 'ENOENT' });
    expect(answer).toEqual({
      result: expect.arrayContaining([expect.objectContaining({ id: 'idle', state: 'idle' })]),
    });
  },
);

promise(missingStrace, "the kernel's lack of memory concerns the entry, not the whole list", async () => {
  const answer = await answerTo({ operation: 'list', call: 'openat', about: '<parent>/idle', errno: 'ENOMEM' });
  expect(answer).toEqual({
    result: expect.arrayContaining([
      expect.objectContaining({ id: 'idle', state: 'unreadable', code: 'ENOMEM' }),
      expect.objectContaining({ id: 'live', state: 'live' }),
    ]),
  });
});

/** Acts until the operation has ended: it is begun anew where another call than the one that was meant was struck. */
async function whileStruck<T>(struck: Promise<T>, act: () => void): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  struck.then(end, end);
  for (; !isOver; await sleep(100)) act();
  return struck;
}

promise(missingStrace, 'a home that comes back while its link is swept keeps it', async () => {
  const { calls, threads } = await traceOperation('sweep');
  const call = calls.find(({ kernel, text }) => kernel.startsWith('renameat') && text.includes('"gone"'));
  if (call === undefined) throw new Error('sweep moves nothing aside');
  await withBase(async (base) => {
    const struck = strikeOperation({ base, operation: 'sweep', threads }, { call, effect: 'delay_enter=4000000' });
    const home = path.join(base, 'gone');
    const box = new BoxSockets('gone', home, { base });
    let wasHeld = false;
    let status = '';
    const { report } = await whileStruck(struck, () => {
      // Not for a moment only, as by the rehearsal: by now it has seen that the home is gone.
      const isHeld = holderOf(`${base}/bl-${ownUid}/.lock`) !== null;
      if (isHeld && wasHeld) {
        fs.mkdirSync(home, { recursive: true });
        ({ status } = box.ensureSync({ lockTimeout: 0 }));
      }
      wasHeld = isHeld;
    });
    expect(status).toBe('unchanged');
    expect(report?.first).toMatchObject({ result: { removed: ['.old.new'], kept: 2 } });
    expect(fs.realpathSync(box.bindingDir)).toBe(fs.realpathSync(home));
  });
});

promise(
  missingStrace,
  'a binding that is moved while it is probed leaves no stand-in in the home it led to',
  async () => {
    const { calls, threads } = await traceOperation('probe');
    const call = calls.find(({ names, about }) => names.includes('lstat') && about === '<parent>/b1/<stand-in>');
    if (call === undefined) throw new Error('probe looks at no stand-in');
    await withBase(async (base) => {
      const struck = strikeOperation({ base, operation: 'probe', threads }, { call, effect: 'delay_enter=4000000' });
      const home = path.join(base, 'a');
      const standIns = () =>
        fs.existsSync(home) ? fs.readdirSync(home).filter((name) => /^\.(?!leftsck)/.test(name)) : [];
      const other = new BoxSockets('b1', path.join(base, 'b'), { base });
      let seen: string[] = [];
      const { report } = await whileStruck(struck, () => {
        const found = standIns();
        // Those of the rehearsal are gone at once.
        if (found.some((name) => seen.includes(name))) other.ensureSync({ takeover: true });
        seen = found;
      });
      expect(report?.first).toMatchObject({ result: { ok: false } });
      expect(standIns()).toEqual([]);
    });
  },
);
