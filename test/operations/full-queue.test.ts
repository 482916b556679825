// The line before a full queue, without a queue: who gets in is told by the test.

import { expect, it, onTestFinished, vi } from 'vitest';
import { clock } from '../../dist/clock.js';
import { tryInLine } from '../../dist/operations/full-queue.js';
import { passTime } from '../helpers/addon.js';

/** A socket that lets as many in as there is room, and notes who asked. */
function gate() {
  const at = { room: 0, asked: [] as string[], path: `/gate-${Math.random()}` };
  const dial = (who: string, timeout = 60_000, signal?: AbortSignal): Promise<string> =>
    Promise.resolve(
      tryInLine(at.path, {
        attempt: () => {
          at.asked.push(who);
          return at.room-- > 0 ? who : void at.room++;
        },
        timeout,
        expired: () => new Error(`${who} is late`),
        signal,
      }),
    );
  return Object.assign(at, { dial });
}

it('gets in at once where there is room, and asks once', async () => {
  const at = gate();
  at.room = 1;
  expect(await at.dial('a')).toBe('a');
  expect(at.asked).toEqual(['a']);
});

it('nobody who comes later gets in first, also where there is room by then', async () => {
  const at = gate();
  const early = at.dial('early');
  at.room = 1;
  const late = at.dial('late');
  // There is room, but somebody has waited for it.
  expect(at.asked).toEqual(['early']);
  expect(await early).toBe('early');
  expect(at.asked.filter((who) => who === 'late').length).toBeLessThanOrEqual(1);
  at.room = 1;
  expect(await late).toBe('late');
});

it('where the first one does not get in, no other asks', async () => {
  const at = gate();
  const dialed = ['a', 'b', 'c'].map((who) => at.dial(who));
  await expect.poll(() => at.asked.length).toBeGreaterThan(3);
  expect(new Set(at.asked)).toEqual(new Set(['a']));
  at.room = 3;
  expect(await Promise.all(dialed)).toEqual(['a', 'b', 'c']);
  expect(at.asked.slice(-3)).toEqual(['a', 'b', 'c']);
});

it('who is late, or gives up, leaves the line to the others', async () => {
  const at = gate();
  const abort = new AbortController();
  const first = at.dial('first', 60_000, abort.signal);
  const second = at.dial('second', 5);
  const third = at.dial('third');
  await expect(second).rejects.toThrow('second is late');
  abort.abort();
  await expect(first).rejects.toMatchObject({ code: 'ABORT_ERR' });
  at.room = 1;
  expect(await third).toBe('third');
  expect(at.asked).not.toContain('second');
});

it('who fails leaves the line to the next', async () => {
  const at = gate();
  let broken = false;
  const attempt = () => {
    if (broken) throw new Error('refused');
    return undefined;
  };
  const first = Promise.resolve(
    tryInLine(at.path, { attempt, timeout: 60_000, expired: () => new Error('late'), signal: undefined }),
  );
  const second = at.dial('second');
  broken = true;
  at.room = 1;
  await expect(first).rejects.toThrow('refused');
  expect(await second).toBe('second');
});

it('tries again after 1, 2, 4 and then each 5 milliseconds, and at the next turn where one got in', async () => {
  const pauses = passTime();
  const turns = vi.spyOn(clock, 'setImmediate');
  onTestFinished(() => void turns.mockRestore());
  const at = gate();
  const dialed = ['a', 'b', 'c'].map((who) => at.dial(who));
  await expect.poll(() => at.asked.length).toBeGreaterThan(6);
  expect(pauses.slice(0, 6)).toEqual([1, 1, 2, 4, 5, 5]);
  expect(turns).not.toHaveBeenCalled();
  const waited = pauses.length;
  at.room = 1;
  expect(await dialed[0]).toBe('a');
  // Its listener is at work: the next one need not wait for a timer, and begins anew with the shortest pause.
  expect(turns).toHaveBeenCalledOnce();
  at.room = 2;
  expect(await Promise.all(dialed)).toEqual(['a', 'b', 'c']);
  expect(pauses.slice(waited + 1).every((pause) => pause === 1 || pause === 2)).toBe(true);
});

it('an abort is told with its reason', async () => {
  const at = gate();
  const abort = new AbortController();
  const dialed = at.dial('a', 60_000, abort.signal);
  const reason = new Error('why');
  abort.abort(reason);
  await expect(dialed).rejects.toMatchObject({ code: 'ABORT_ERR', cause: reason });
});

it('who leaves the line, whichever way, leaves nothing of it: the next one tries at once', async () => {
  const at = gate();
  await expect(at.dial('late', 0)).rejects.toThrow('late is late');
  at.room = 1;
  expect(await at.dial('next')).toBe('next');
  expect(at.asked.filter((who) => who === 'next')).toHaveLength(1);
});
