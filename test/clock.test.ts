import { getEventListeners } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { clock, nextTurn, sleep } from '../dist/clock.js';
import { rejection } from './helpers.js';

it('the clock counts milliseconds, and does not go back where the time of day does', () => {
  const now = vi.spyOn(Date, 'now').mockReturnValue(0);
  // Between looks at another clock, however long this process is kept from running between any two of them.
  const before = performance.now();
  const began = clock.now();
  const within = performance.now();
  while (performance.now() - within < 20);
  const atLeast = performance.now() - within;
  const passed = clock.now() - began;
  const atMost = performance.now() - before;
  now.mockRestore();
  expect(passed).toBeGreaterThan(atLeast - 1);
  expect(passed).toBeLessThan(atMost + 1);
});

it('the next turn is one in which what was due in this one is done', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('due'));
  await nextTurn();
  expect(order).toEqual(['due']);
});

it('sleep takes as long as it is told, and leaves no listener on the signal', async () => {
  const abort = new AbortController();
  const began = performance.now();
  await sleep(30, abort.signal);
  expect(performance.now() - began).toBeGreaterThan(28);
  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  await sleep(1);
});

it.each(['before', 'after'])(
  'sleep ends at once where its signal is aborted %s it began, and leaves no timer',
  async (when) => {
    const made = vi.spyOn(clock, 'setTimeout');
    const cleared = vi.spyOn(clock, 'clearTimeout');
    onTestFinished(() => void vi.restoreAllMocks());
    const abort = new AbortController();
    const reason = new Error('why');
    if (when === 'before') abort.abort(reason);
    const sleeping = rejection(sleep(86_400_000, abort.signal));
    abort.abort(reason);
    expect(await sleeping).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    expect(made).toHaveBeenCalledOnce();
    expect(cleared).toHaveBeenCalledExactlyOnceWith(made.mock.results[0]?.value);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  },
);
