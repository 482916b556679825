// The clock and the timers of the host, taken when the package is loaded: what is global may be replaced by a test's fake
// timers or by a simulated browser, where a time-out would never come, or a timer be a number.

import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { abortError } from './errors.js';

// Not performance.now(), which a bare context of node:vm does not have.
const { hrtime } = process;

export const clock = {
  /** Milliseconds of a clock that never goes back. */
  now(): number {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
};

/** Resolves when the event loop has turned once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => clock.setImmediate(resolve));
}

/** Resolves after so many milliseconds; rejects as soon as the signal is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(abortError(signal));
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** How long something is tried: milliseconds in all, before the second time, and at most between two times. */
interface Patience {
  timeout: number;
  first: number;
  longest: number;
  signal?: AbortSignal | undefined;
}

/** The last outcome of what is tried until it is not `again`, or the time is over; each pause is twice the last. */
export async function retry<T>(
  attempt: () => T | Promise<T>,
  again: (outcome: T) => boolean,
  { timeout, first, longest, signal }: Patience,
): Promise<T> {
  let outcome = await attempt();
  const deadline = clock.now() + timeout;
  for (let pause = first; again(outcome); pause = Math.min(2 * pause, longest)) {
    const left = deadline - clock.now();
    if (left <= 0) break;
    await sleep(Math.min(pause, left), signal);
    outcome = await attempt();
  }
  return outcome;
}
