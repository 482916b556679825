// Long work on the main thread in slices of time, between which the event loop turns.

import { clock, nextTurn } from '../clock.js';

// Milliseconds: an event loop that is late by so little is in time.
const LONGEST = 2;
const BETWEEN_LOOKS = 64;

/** Calls `use` for each item in order. What may change meanwhile is for the caller to keep. */
export async function forEachInSlices<T>(items: Iterable<T>, use: (item: T, index: number) => void): Promise<void> {
  let began = clock.now();
  let index = 0;
  for (const item of items) {
    use(item, index++);
    if (index % BETWEEN_LOOKS !== 0 || clock.now() - began < LONGEST) continue;
    await nextTurn();
    began = clock.now();
  }
}
