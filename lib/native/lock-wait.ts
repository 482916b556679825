// Waiting for the lock without blocking a worker thread: an asynchronous mutation tries the lock once, and comes back
// later where it is taken. (A synchronous one polls in the addon.)

import { retry } from '../clock.js';
import { type Steps, step } from '../twin.js';
import { isLockTimeout } from './to-error.js';

/**
 * Makes an attempt, and repeats it until it does not fail for the lock any more or `timeout` has passed; then its last
 * failure is the outcome, the owner of the lock in it.
 */
export function untilUnlocked<T>(timeout: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return retry(attempt, isLockTimeout, { timeout, first: 1, longest: 5, signal });
}

/** An operation that waits for the lock in either form: both are told for how long, the asynchronous one for no time. */
export function locked<T>(timeout: number, { sync, async }: LockedCall<T>): Steps<T> {
  return step({ sync: () => sync(timeout), async: () => untilUnlocked(timeout, () => async(0)) });
}

interface LockedCall<T> {
  sync(lockTimeout: number): T;
  async(lockTimeout: number): Promise<T>;
}
