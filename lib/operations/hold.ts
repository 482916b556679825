// Keeping a binding alive while its box idles, against what cleans /tmp.

import { type LockOptions, toInteger, toLockTimeout, toOptions } from '../arguments.js';
import { asError } from '../errors.js';
import { isFailure } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, needsAncestry } from '../paths/binding-paths.js';

export interface HoldOptions extends LockOptions {
  /** Milliseconds between two refreshes of the link's timestamps; 600,000 (ten minutes) when left out. */
  refreshInterval?: number;
}

const DEFAULT_INTERVAL = 600_000;
const LONGEST_INTERVAL = 2 ** 31 - 1; // what a timer takes

/** The descriptor that all holds of one parent share, with the lock on it. */
interface HeldParent {
  descriptor: number;
  holds: number;
}

const heldParents = new Map<string, HeldParent>();

/** What a hold keeps, and how long it waits for a lock. */
interface Held {
  paths: BindingPaths;
  lockTimeout: number;
}

/** See `BoxSockets.hold`. */
export async function hold(paths: BindingPaths, options: HoldOptions | undefined): Promise<BindingHold> {
  const { refreshInterval, lockTimeout } = toHold(options);
  const held = { paths, lockTimeout };
  return new BindingHold(held, await lockBinding(held), refreshInterval);
}

export function holdSync(paths: BindingPaths, options: HoldOptions | undefined): BindingHold {
  const { refreshInterval, lockTimeout } = toHold(options);
  const outcome = native().hold({ ...paths, lockTimeout, checkAncestry: needsAncestry(paths) });
  return new BindingHold({ paths, lockTimeout }, unwrap(outcome, paths), refreshInterval);
}

function toHold(options: HoldOptions | undefined): { refreshInterval: number; lockTimeout: number } {
  const { refreshInterval, lockTimeout } = toOptions(options);
  const range = { least: 1, most: LONGEST_INTERVAL, otherwise: DEFAULT_INTERVAL };
  return {
    refreshInterval: toInteger('options.refreshInterval', refreshInterval, range),
    lockTimeout: toLockTimeout(lockTimeout),
  };
}

/** Ensures a binding, and locks its parent: the descriptor of a parent in which the binding is right. */
async function lockBinding({ paths, lockTimeout }: Held): Promise<number> {
  const request = { ...paths, lockTimeout: 0, checkAncestry: needsAncestry(paths) };
  return unwrap(await untilUnlocked(lockTimeout, () => native().holdAsync(request)), paths);
}

/** A binding that is kept alive until it is released, disposed of, or its process ends. */
export class BindingHold implements Disposable, AsyncDisposable {
  readonly bindingDir: string;
  readonly #held: Held;
  readonly #timer: NodeJS.Timeout;
  #released = false;
  /** The restorations that are under way. */
  #restoring: Promise<void> = Promise.resolve();

  /** Not called by users: see `BoxSockets.hold`. Takes over the descriptor. */
  constructor(held: Held, descriptor: number, interval: number) {
    this.bindingDir = held.paths.binding;
    this.#held = held;
    adopt(held.paths.parent, descriptor);
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
    letGo(this.#held.paths.parent);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#restoring;
  }

  #refresh(): void {
    const { base, parent, binding } = this.#held.paths;
    const held = heldParents.get(parent);
    if (held === undefined) return;
    const outcome = native().refresh({ base, parent, binding, descriptor: held.descriptor });
    if (!isFailure(outcome)) return;
    // Somebody removed the link, or the whole parent: make them anew, and hold the new one.
    const restored = this.#restore().catch((error: unknown) => {
      if (!this.#released) process.emitWarning(asError(error));
    });
    this.#restoring = Promise.all([this.#restoring, restored]).then(() => {});
  }

  async #restore(): Promise<void> {
    const descriptor = await lockBinding(this.#held);
    const held = heldParents.get(this.#held.paths.parent);
    native().closeDescriptor(held === undefined ? descriptor : exchange(held, descriptor));
  }
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
