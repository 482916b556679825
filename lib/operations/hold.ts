// Keeping a binding alive while its box idles, against what cleans /tmp.

import { type LockOptions, toInteger, toLockTimeout, toOptions } from '../arguments.js';
import { asError } from '../errors.js';
import { isFailure, type NativeFailure, Refusal, Subject } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { toError, unwrap } from '../native/to-error.js';
import type { BindingPaths } from '../paths/binding-paths.js';
import { type Call, runAsync, type Steps, step } from '../twin.js';

export interface HoldOptions extends LockOptions {
  /** Milliseconds between two refreshes of the link's timestamps; 600,000 (ten minutes) when left out. */
  refreshInterval?: number;
}

const DEFAULT_INTERVAL = 600_000;
const LONGEST_INTERVAL = 2 ** 31 - 1; // what a timer takes

// How often a parent that is replaced while it is being locked is opened anew.
const ATTEMPTS = 8;
const UNSTABLE: NativeFailure = {
  errno: 0,
  syscall: null,
  subject: Subject.parent,
  refusal: Refusal.parentUnstable,
  owner: -1,
  expected: -1,
  mode: -1,
};

/** The descriptor that all holds of one parent share, with the lock on it. */
interface HeldParent {
  descriptor: number;
  holds: number;
}

const heldParents = new Map<string, HeldParent>();

/** What a hold needs of its box. */
export interface HeldBox {
  paths: BindingPaths;
  lockTimeout: number;
  ensuring: Call<{ status: string }>;
}

export function toHold(options: HoldOptions | undefined): { refreshInterval: number; lockTimeout: number } {
  const { refreshInterval, lockTimeout } = toOptions(options);
  const range = { least: 1, most: LONGEST_INTERVAL, otherwise: DEFAULT_INTERVAL };
  return {
    refreshInterval: toInteger('options.refreshInterval', refreshInterval, range),
    lockTimeout: toLockTimeout(lockTimeout),
  };
}

/** A binding that is kept alive until it is released, disposed of, or its process ends. */
export class BindingHold implements Disposable, AsyncDisposable {
  readonly bindingDir: string;
  readonly #box: HeldBox;
  readonly #timer: NodeJS.Timeout;
  #released = false;
  /** The restorations that are under way. */
  #restoring: Promise<void> = Promise.resolve();

  /** Not called by users: see `BoxSockets.hold`. Takes over the descriptor. */
  constructor(box: HeldBox, descriptor: number, interval: number) {
    this.bindingDir = box.paths.binding;
    this.#box = box;
    adopt(box.paths.parent, descriptor);
    this.#timer = setInterval(() => this.#refresh(), interval);
    // A hold keeps a link alive, not a process.
    this.#timer.unref();
  }

  /**
   * Lets go; the last hold of a parent drops its lock. Further calls do nothing. Where a refresh has found the link
   * missing at this very moment, it may still make it; an asynchronous disposal waits for that.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    letGo(this.#box.paths.parent);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#restoring;
  }

  #refresh(): void {
    const { base, parent, binding } = this.#box.paths;
    const held = heldParents.get(parent);
    if (held === undefined) return;
    const outcome = native().refresh({ base, parent, binding, descriptor: held.descriptor });
    if (!isFailure(outcome)) return;
    // Somebody removed the link, or the whole parent: make them anew, and hold the new one.
    const restored = this.#restore(outcome.refusal === Refusal.parentUnstable).catch((error: unknown) => {
      if (!this.#released) process.emitWarning(asError(error));
    });
    this.#restoring = Promise.all([this.#restoring, restored]).then(() => {});
  }

  async #restore(parentReplaced: boolean): Promise<void> {
    if (!parentReplaced) {
      await this.#box.ensuring.async();
      return;
    }
    const descriptor = await runAsync(lockBinding(this.#box));
    const held = heldParents.get(this.#box.paths.parent);
    native().closeDescriptor(held === undefined ? descriptor : exchange(held, descriptor));
  }
}

/** Ensures a binding, and locks its parent: the descriptor of a parent in which the binding is right. */
export function* lockBinding({ paths, lockTimeout, ensuring }: HeldBox): Steps<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    yield* step(ensuring);
    const outcome = yield* step(locking(paths, lockTimeout));
    if (isReplaced(outcome)) continue;
    const descriptor = unwrap(outcome, paths);
    // A cleaner may have had the lock before us, and have taken the link with it.
    let status: string | undefined;
    try {
      ({ status } = yield* step(ensuring));
    } finally {
      if (status !== 'unchanged') native().closeDescriptor(descriptor);
    }
    if (status === 'unchanged') return descriptor;
  }
  throw toError(UNSTABLE, paths);
}

function locking({ base, parent }: BindingPaths, lockTimeout: number): Call<number | NativeFailure> {
  return {
    sync: () => native().hold({ base, parent, lockTimeout }),
    async: () => untilUnlocked(lockTimeout, () => native().holdAsync({ base, parent, lockTimeout: 0 })),
  };
}

function isReplaced(outcome: number | NativeFailure): boolean {
  if (!isFailure(outcome)) return false;
  return outcome.refusal === Refusal.parentUnstable || outcome.refusal === Refusal.parentAbsent;
}

function adopt(parent: string, descriptor: number): void {
  const held = heldParents.get(parent);
  if (held === undefined) {
    heldParents.set(parent, { descriptor, holds: 1 });
  } else {
    // The newest one is of the directory that is there now.
    native().closeDescriptor(exchange(held, descriptor));
    held.holds++;
  }
}

function exchange(held: HeldParent, descriptor: number): number {
  const old = held.descriptor;
  held.descriptor = descriptor;
  return old;
}

function letGo(parent: string): void {
  const held = heldParents.get(parent);
  if (held === undefined || --held.holds > 0) return;
  heldParents.delete(parent);
  native().closeDescriptor(held.descriptor);
}
