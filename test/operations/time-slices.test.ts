import { expect, it } from 'vitest';
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
