// The addon with some of its functions replaced, and a clock that a test moves: what it takes a full queue, a held lock or
// a file server to reach is reached at once, each time.

import { onTestFinished, vi } from 'vitest';
import { clock } from '../../dist/clock.js';
import type { NativeBinding } from '../../dist/native/addon.js';
import { type NativeFailure, Refusal, Subject } from '../../dist/native/contract.js';
import { native, useBinding } from '../../dist/native/load.js';

export { native };

/** Until the end of the test, the addon has these functions in the place of its own. */
export function replaceNative(functions: Partial<NativeBinding>): void {
  const addon = native();
  const replaced = Object.entries(functions).map(([name, value]) => [name, { value, enumerable: true }]);
  useBinding(Object.create(addon, Object.fromEntries(replaced)));
  onTestFinished(() => useBinding(addon));
}

/** Every call of the addon until the end of the test: its name, and what it was given. */
export function recordNative(): [name: string, args: unknown[]][] {
  const calls: [string, unknown[]][] = [];
  const addon = native() as unknown as Record<string, unknown>;
  const noted: Record<string, unknown> = {};
  // Those that are replaced already come by inheritance.
  for (const name in addon) {
    const value = addon[name];
    if (typeof value !== 'function') continue;
    noted[name] = (...args: unknown[]): unknown => {
      calls.push([name, args]);
      return value(...args);
    };
  }
  replaceNative(noted);
  return calls;
}

/** A failure of the addon: a failed system call, or with `refusal` a refusal. */
export function failure(fields: Partial<NativeFailure>): NativeFailure {
  return {
    errno: 0,
    syscall: null,
    subject: Subject.none,
    dest: Subject.none,
    refusal: Refusal.none,
    owner: -1,
    expected: -1,
    mode: -1,
    ...fields,
  };
}

/** Until the end of the test, time passes by what is waited for alone, and at once: the pauses, in milliseconds. */
export function passTime(): number[] {
  const pauses: number[] = [];
  let now = 0;
  const wait = (callback: (...args: unknown[]) => void, pause = 0, ...args: unknown[]): unknown => {
    pauses.push(pause);
    return setImmediate(() => {
      now += pause;
      callback(...args);
    });
  };
  const spies = [
    vi.spyOn(clock, 'now').mockImplementation(() => now),
    vi.spyOn(clock, 'setTimeout').mockImplementation(wait as unknown as typeof setTimeout),
    vi.spyOn(clock, 'clearTimeout').mockImplementation(((timer: NodeJS.Immediate) => clearImmediate(timer)) as never),
  ];
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  return pauses;
}
