// Waiting for the lock without blocking a worker thread: an asynchronous mutation tries the lock once, and comes back
// later where it is taken. (A synchronous one polls in the addon.)

import { clock, sleep } from '../clock.js';
import { isLockTimeout } from './to-error.js';

const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 5;

/** What is tried again, for how many milliseconds, and what ends the waiting at once. */
export interface Retry<T> {
  attempt(): Promise<T>;
  timeout: number;
  signal?: AbortSignal | undefined;
}

/**
 * Makes an attempt, and repeats it until it does not fail for the lock any more or `timeout` has passed; then its last
 * failure is the outcome, the owner of the lock in it.
 */
export async function untilUnlocked<T>(timeout: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const outcome = await attempt();
  return isLockTimeout(outcome) ? retryUntilUnlocked(outcome, { attempt, timeout, signal }) : outcome;
}

/** {@link untilUnlocked} after a first attempt with that outcome: for whoever looks at it before anything else. */
export async function retryUntilUnlocked<T>(first: T, { attempt, timeout, signal }: Retry<T>): Promise<T> {
  const deadline = clock.now() + timeout;
  let outcome = first;
  for (let pause = FIRST_PAUSE; isLockTimeout(outcome); pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const left = deadline - clock.now();
    if (left <= 0) break;
    await sleep(Math.min(pause, left), signal);
    outcome = await attempt();
  }
  return outcome;
}
