// Waiting for the lock, without an addon: who has it is told by the test, and time passes by its pauses alone.

import { expect, it } from 'vitest';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { locked, untilUnlocked } from '../../dist/native/lock-wait.js';
import { runAsync, runSync } from '../../dist/twin.js';
import { failure, passTime } from '../helpers/addon.js';

const held = (owner: number) => failure({ refusal: Refusal.lockTimeout, subject: Subject.lock, owner });

/** Attempts that meet the lock so many times, and then get through; each failure tells its number. */
function attempts(times: number) {
  const at = { made: 0 };
  const attempt = async () => (at.made++ < times ? held(at.made) : 'through');
  return Object.assign(attempt, { at });
}

it('pauses for 1, 2, 4 and then 5 milliseconds, and ends with the first attempt that gets through', async () => {
  const pauses = passTime();
  const attempt = attempts(6);
  expect(await untilUnlocked(1000, attempt)).toBe('through');
  expect(pauses).toEqual([1, 2, 4, 5, 5, 5]);
  expect(attempt.at.made).toBe(7);
});

it('does not pause beyond its time-out; its last failure is what it ends with', async () => {
  const pauses = passTime();
  expect(await untilUnlocked(9.5, attempts(Number.POSITIVE_INFINITY))).toMatchObject({ owner: 5 });
  expect(pauses).toEqual([1, 2, 4, 2.5]);
});

it('with no time to wait makes one attempt', async () => {
  const pauses = passTime();
  expect(await untilUnlocked(0, attempts(1))).toMatchObject({ owner: 1 });
  expect(pauses).toEqual([]);
});

it('another failure than that of the lock ends it at once', async () => {
  const pauses = passTime();
  const refused = failure({ refusal: Refusal.lockUntrusted });
  expect(await untilUnlocked(1000, async () => refused)).toBe(refused);
  expect(pauses).toEqual([]);
});

it('ends when its signal is aborted, between two attempts', async () => {
  const abort = new AbortController();
  let made = 0;
  const attempt = async () => {
    if (++made === 2) abort.abort(new Error('why'));
    return held(1);
  };
  await expect(untilUnlocked(60_000, attempt, abort.signal)).rejects.toMatchObject({
    name: 'AbortError',
    cause: { message: 'why' },
  });
  expect(made).toBe(2);
});

it('an operation in both forms waits in the addon in one, and never there in the other', async () => {
  const pauses = passTime();
  const given: [string, number][] = [];
  const call = {
    sync: (timeout: number) => void given.push(['sync', timeout]),
    async: async (timeout: number) => void given.push(['async', timeout]),
  };
  runSync(locked(77, call));
  await runAsync(locked(77, call));
  const inVain = { sync: () => held(1), async: async () => held(1) };
  expect(await runAsync(locked(77, inVain))).toEqual(held(1));
  expect(given).toEqual([
    ['sync', 77],
    ['async', 0],
  ]);
  expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(77);
});
