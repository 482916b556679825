import { expect, it, onTestFinished, vi } from 'vitest';
import { clock } from '../../dist/clock.js';
import { forEachInSlices } from '../../dist/operations/time-slices.js';

it('work in pieces is done in order, each item once, with its index', async () => {
  const seen: [string, number][] = [];
  await forEachInSlices(['a', 'b', 'c'], (item, index) => seen.push([item, index]));
  expect(seen).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ]);
});

it('the event loop turns while long work is done', async () => {
  let turns = 0;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const turnsAtWork = new Set<number>();
  await forEachInSlices(Array.from({ length: 640 }), () => {
    const end = performance.now() + 0.1;
    while (performance.now() < end);
    turnsAtWork.add(turns);
  });
  clearImmediate(next);
  expect(turnsAtWork.size).toBeGreaterThan(3);
});

it('what is thrown in a later piece is what the promise rejects with', async () => {
  const failure = new Error('the last one');
  const attempt = forEachInSlices(Array.from({ length: 1000 }), (_, index) => {
    if (index === 999) throw failure;
  });
  await expect(attempt).rejects.toBe(failure);
});

it.each([
  [0.01, 1024, 4], // one after each 256, which take 2.56 ms
  [0.01, 256, 1],
  [0.01, 192, 0],
  [1, 256, 4], // no look is taken but after each 64
  [0.0001, 4096, 0],
])('items of %f ms each, %i of them, are done with %i turns between', async (each, count, turns) => {
  let now = 0;
  const spies = [vi.spyOn(clock, 'now').mockImplementation(() => now), vi.spyOn(clock, 'setImmediate')] as const;
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  await forEachInSlices(Array.from({ length: count }), () => {
    now += each;
  });
  expect(spies[1]).toHaveBeenCalledTimes(turns);
});
