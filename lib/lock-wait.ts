// Waiting for the lock without blocking a worker thread: an asynchronous mutation tries the lock once, and comes back
// later where it is taken. (A synchronous one polls in the addon.)

import { isLockTimeout } from './failure.js';

const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 5;

/**
 * Repeats `attempt` until it does not fail for the lock any more or `timeout` milliseconds have passed; then its last
 * failure is the outcome, the owner of the lock in it. An aborted `signal` ends the waiting at once.
 */
export async function untilUnlocked<T>(timeout: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let outcome = await attempt();
  if (!isLockTimeout(outcome)) return outcome;
  const { setTimeout: sleep } = require('node:timers/promises') as typeof import('node:timers/promises');
  const deadline = performance.now() + timeout;
  for (let pause = FIRST_PAUSE; isLockTimeout(outcome); pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    await sleep(Math.min(pause, left), undefined, signal && { signal });
    outcome = await attempt();
  }
  return outcome;
}
