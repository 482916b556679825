// How long the event loop was blocked.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const RESOLUTION = 1;

/**
 * @param {() => Promise<unknown>} work
 * @returns {Promise<number>} milliseconds by which a timer of one millisecond was late, at worst
 */
export async function longestBlock(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  await sleep(20);
  delay.reset();
  await work();
  // A block at the very end is seen by the timer's next turn.
  await sleep(3 * RESOLUTION);
  delay.disable();
  return delay.max / 1e6 - RESOLUTION;
}
