// What connect does between its look and its dial, step by step: the addon is replaced where a step has to be met.

import { getEventListeners } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { failure, native, passTime, recordNative, replaceNative } from '../helpers/addon.js';
import { makeServer } from '../helpers/net.js';
import { makeWorld, rejection } from '../helpers.js';

const { EAGAIN, ECONNREFUSED, ENOENT } = os.constants.errno;
const FULL = failure({ errno: EAGAIN, syscall: 'connect', subject: Subject.socket });
const GONE = failure({ errno: ENOENT, syscall: 'connect', subject: Subject.socket });
const LOCKED = failure({ refusal: Refusal.lockTimeout, subject: Subject.lock });

/** A box with a server, of an object that has not ensured yet. */
async function served() {
  const world = makeWorld();
  const server = makeServer();
  await world.box('b').listen(server, 'box.sock');
  return { world, server, box: world.box('b') };
}

/** Dials that answer by turns what is given, and then as the addon does; at once, or on a thread. */
function answerDials(where: 'at once' | 'on a thread', ...answers: (() => unknown)[]) {
  const { dial, dialAsync } = native();
  const dials = vi.fn();
  const answer = (): unknown => answers.shift()?.();
  const elsewhere = (): never => expect.unreachable(`dials ${where} alone`);
  replaceNative(
    where === 'at once'
      ? {
          isServedHereAsync: async () => true,
          dialAsync: elsewhere,
          dial: (...args) => dials(...args) ?? (answer() as number) ?? dial(...args),
        }
      : {
          isServedHereAsync: async () => false,
          dial: elsewhere,
          dialAsync: async (...args) => dials(...args) ?? (answer() as number) ?? dialAsync(...args),
        },
  );
  return dials;
}

describe.each(['at once', 'on a thread'] as const)('connect, %s', (where) => {
  it('dials once where it gets in, and has its descriptor to itself', async () => {
    const { box } = await served();
    const dials = answerDials(where);
    const calls = recordNative();
    const socket = await box.connect('box.sock');
    socket.destroy();
    expect(dials).toHaveBeenCalledOnce();
    // Whoever closes it now is the socket: a worker's end must not close that number again.
    const disowned = calls.filter(([name]) => name === 'disown').map(([, args]) => args);
    expect(disowned).toEqual([[expect.any(Number)]]);
    expect(calls.map(([name]) => name)).not.toContain('closeDescriptor');
  });

  it('waits where the queue is full, and dials again until it gets in', async () => {
    const { box } = await served();
    const dials = answerDials(
      where,
      () => FULL,
      () => FULL,
      () => FULL,
    );
    passTime();
    (await box.connect('box.sock')).destroy();
    expect(dials).toHaveBeenCalledTimes(4);
  });

  it.each([
    [20, undefined],
    [0, undefined],
    [10_000, 'by default'],
  ])('where the queue stays full says so after %i ms %s', async (timeout, byDefault) => {
    const { box } = await served();
    const dials = answerDials(where, ...Array.from({ length: 20_000 }, () => () => FULL));
    const pauses = passTime();
    const error = await rejection(box.connect('box.sock', byDefault === undefined ? { timeout } : {}));
    expect(error).toMatchObject({ code: 'EAGAIN', syscall: 'connect', path: box.boxSock });
    const waited = pauses.reduce((sum, pause) => sum + pause, 0);
    expect(waited).toBeGreaterThanOrEqual(timeout);
    expect(waited).toBeLessThanOrEqual(timeout + 5);
    expect(dials.mock.calls.length).toBeLessThanOrEqual(pauses.length + 1);
  });

  it('does not take a failure of another call for a full queue', async () => {
    const { box } = await served();
    const dials = answerDials(where, () => failure({ errno: EAGAIN, syscall: 'socket', subject: Subject.none }));
    expect(await rejection(box.connect('box.sock'))).toMatchObject({ code: 'EAGAIN', syscall: 'socket' });
    expect(dials).toHaveBeenCalledOnce();
  });

  it('ensures and dials again, once, where the name is gone; not where the binding was right', async () => {
    const { box } = await served();
    const reap = () => {
      fs.unlinkSync(box.bindingDir);
      return GONE;
    };
    const dials = answerDials(where, reap, () => GONE);
    expect(await rejection(box.connect('box.sock'))).toMatchObject({ code: 'ENOENT', path: box.boxSock });
    expect(dials).toHaveBeenCalledTimes(2);
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    dials.mockClear();
    const right = answerDials(
      where,
      () => GONE,
      () => expect.unreachable('the binding was right'),
    );
    expect(await rejection(box.connect('box.sock'))).toMatchObject({ code: 'ENOENT', path: box.boxSock });
    expect(right).toHaveBeenCalledOnce();
  });

  it('heals nothing where the failure is another one', async () => {
    const { box } = await served();
    const reaped = () => {
      fs.unlinkSync(box.bindingDir);
      return failure({ errno: ECONNREFUSED, syscall: 'connect', subject: Subject.socket });
    };
    const dials = answerDials(where, reaped);
    expect(await rejection(box.connect('box.sock'))).toMatchObject({ code: 'ECONNREFUSED', path: box.boxSock });
    expect(dials).toHaveBeenCalledOnce();
    expect(fs.existsSync(box.bindingDir)).toBe(false);
  });

  describe('that is aborted', () => {
    const reason = new Error('why');
    const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: reason };

    it('while it asks where the files are dials nobody', async () => {
      const { box } = await served();
      const abort = new AbortController();
      const dials = answerDials(where);
      const isServedHereAsync = async () => {
        abort.abort(reason);
        return where === 'at once';
      };
      replaceNative({ isServedHereAsync });
      expect(await rejection(box.connect('box.sock', { signal: abort.signal }))).toMatchObject(aborted);
      expect(dials).not.toHaveBeenCalled();
    });

    it.each([false, true])('while it waits for the lock (to heal: %s) waits no longer', async (heals) => {
      const { world } = await served();
      const box = world.box('b');
      box.ensureSync();
      const abort = new AbortController();
      answerDials(where, () => GONE);
      let tries = 0;
      const ensureAsync = async () => {
        if (heals && tries === 0 && where === 'on a thread') return tries++;
        if (++tries === 3) abort.abort(reason);
        return LOCKED;
      };
      replaceNative({ ensureAsync });
      passTime();
      if (!heals) fs.unlinkSync(box.bindingDir);
      expect(await rejection(box.connect('box.sock', { signal: abort.signal }))).toMatchObject(aborted);
      expect(tries).toBe(3);
    });

    it('while it waits in a queue leaves that', async () => {
      const { box } = await served();
      const abort = new AbortController();
      const last = () => {
        abort.abort(reason);
        return FULL;
      };
      const dials = answerDials(
        where,
        () => FULL,
        last,
        () => expect.unreachable('aborted'),
      );
      passTime();
      expect(await rejection(box.connect('box.sock', { signal: abort.signal }))).toMatchObject(aborted);
      expect(dials).toHaveBeenCalledTimes(2);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });

    it('at the moment of its connection closes that, and gives no socket that fails before anybody listens', async () => {
      const { box, server } = await served();
      const abort = new AbortController();
      answerDials(where, () => void abort.abort(reason));
      const calls = recordNative();
      expect(await rejection(box.connect('box.sock', { signal: abort.signal }))).toMatchObject(aborted);
      expect(calls.filter(([name]) => name === 'closeDescriptor')).toHaveLength(1);
      expect(calls.map(([name]) => name)).not.toContain('disown');
      await expect.poll(() => server.accepted[0]?.destroyed).toBe(true);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });
  });
});

describe('the look before a dial', () => {
  it('is one at what is above the base until that was right; then at the binding, at once', async () => {
    const { box } = await served();
    const calls = recordNative();
    (await box.connect('box.sock')).destroy();
    const ensured = () => calls.filter(([name]) => name === 'ensureAsync').map(([, args]) => args.at(-1));
    expect(ensured()).toEqual([true]);
    (await box.connect('box.sock')).destroy();
    (await box.connect('box.sock')).destroy();
    expect(ensured()).toEqual([true]);
    expect(calls.filter(([name]) => name === 'isServedHereAsync')).toHaveLength(1);
  });

  it('is made anew by each that comes later, and shared by those that come at the same moment', async () => {
    const { box } = await served();
    const { ensurer } = native();
    let looks = 0;
    const counted: typeof ensurer = (...paths) => {
      const real = ensurer(...paths);
      return (
        real &&
        (((...args: []) => {
          looks++;
          return real(...args);
        }) as typeof real)
      );
    };
    replaceNative({ ensurer: counted });
    (await box.connect('box.sock')).destroy();
    looks = 0;
    const sockets = await Promise.all(Array.from({ length: 9 }, () => box.connect('box.sock')));
    for (const socket of sockets) socket.destroy();
    expect(looks).toBe(1);
    fs.unlinkSync(box.bindingDir);
    (await box.connect('box.sock')).destroy();
    expect(looks).toBe(2);
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
  });

  it('is made on a thread where the files may be with a server that hangs', async () => {
    const { box } = await served();
    replaceNative({ isServedHereAsync: async () => false, ensurer: () => expect.unreachable('looks at once') });
    const calls = recordNative();
    for (let times = 1; times <= 3; times++) {
      (await box.connect('box.sock')).destroy();
      expect(calls.filter(([name]) => name === 'ensureAsync')).toHaveLength(times);
    }
  });
});
