// Waiting for the lock without blocking a worker thread: an asynchronous mutation tries the lock once, and comes back
// later where it is taken. (A synchronous one polls in the addon.)

import { clock, sleep } from '../clock.js';
import { type Steps, step } from '../twin.js';
import { isLockTimeout } from './to-error.js';

const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 5;

/**
 * Makes an attempt, and repeats it until it does not fail for the lock any more or `timeout` has passed; then its last
 * failure is the outcome, the owner of the lock in it.
 */
export async function untilUnlocked<T>(timeout: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let outcome = await attempt();
  if (!isLockTimeout(outcome)) return outcome;
  const deadline = clock.now() + timeout;
  for (let pause = FIRST_PAUSE; isLockTimeout(outcome); pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const left = deadline - clock.now();
    if (left <= 0) break;
    await sleep(Math.min(pause, left), signal);
    outcome = await attempt();
  }
  return outcome;
}

/** An operation that waits for the lock in either form: both are told for how long, the asynchronous one for no time. */
export function locked<T>(timeout: number, { sync, async }: LockedCall<T>): Steps<T> {
  return step({ sync: () => sync(timeout), async: () => untilUnlocked(timeout, () => async(0)) });
}

interface LockedCall<T> {
  sync(lockTimeout: number): T;
  async(lockTimeout: number): Promise<T>;
}
