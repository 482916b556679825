// Dialers of listeners whose queue is full. The kernel tells nobody when there is room again, so they try again, in the
// order in which they came: those of one socket share a timer, and where the first one does not get in, no other tries.

import { clock } from '../clock.js';
import { abortError } from '../errors.js';

/** Milliseconds between two tries where nobody gets in. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 5;

interface Waiting<T> {
  /** Undefined where the queue is still full. */
  attempt(): T | undefined;
  /** Milliseconds. */
  timeout: number;
  /** What it fails with after that time. */
  expired(): Error;
  signal: AbortSignal | undefined;
}

/** One in line. Each answers whether it has left it, and settles its promise where it does. */
interface Dialer {
  tryAgain(): boolean;
  giveUp(): boolean;
}

const lines = new Map<string, Dialer[]>();

/** Tries at once, unless others wait for the same socket already; and again and again, behind those. */
export function tryInLine<T>(path: string, waiting: Waiting<T>): T | Promise<T> {
  const result = lines.has(path) ? undefined : waiting.attempt();
  return result ?? waitInLine(path, waiting);
}

function waitInLine<T>(path: string, { attempt, timeout, expired, signal }: Waiting<T>): Promise<T> {
  const deadline = clock.now() + timeout;
  return new Promise((resolve, reject) => {
    const dialer = {
      tryAgain() {
        try {
          const result = attempt();
          if (result === undefined) return false;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        return true;
      },
      giveUp() {
        if (signal?.aborted) reject(abortError(signal));
        else if (clock.now() >= deadline) reject(expired());
        else return false;
        return true;
      },
    };
    const line = lines.get(path);
    if (line !== undefined) {
      line.push(dialer);
      return;
    }
    lines.set(path, [dialer]);
    clock.setTimeout(serve, FIRST_PAUSE, path, FIRST_PAUSE);
  });
}

function serve(path: string, pause: number): void {
  const waiting = (lines.get(path) ?? []).filter((dialer) => !dialer.giveUp());
  let served = 0;
  while (served < waiting.length && waiting[served]?.tryAgain() === true) served++;
  const left = waiting.slice(served);
  if (left.length === 0) {
    lines.delete(path);
    return;
  }
  lines.set(path, left);
  // Where one got in, the listener is at work: it takes one from its queue at each turn of its event loop.
  if (served > 0) clock.setImmediate(serve, path, FIRST_PAUSE);
  else clock.setTimeout(serve, pause, path, Math.min(2 * pause, LONGEST_PAUSE));
}
