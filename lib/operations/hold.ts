// Keeping a binding alive while its box idles, against what cleans /tmp.

import { stat } from 'node:fs/promises';
import { checkOptions, integer, LARGEST_INT, type LockOptions, toLockTimeout } from '../arguments.js';
import { clock } from '../clock.js';
import { asError } from '../errors.js';
import { isFailure, type NativeHold } from '../native/contract.js';
import { native } from '../native/load.js';
import { locked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, needsAncestry } from '../paths/binding-paths.js';
import { runAsync, type Steps } from '../twin.js';
import { warnOfLostListeners } from './own-listeners.js';

/** How `BoxSockets.hold` keeps a binding. */
export interface HoldOptions extends LockOptions {
  /** Milliseconds between two refreshes of the timestamps of link and sockets; 600,000 (ten minutes) when left out. */
  refreshInterval?: number;
}

const DEFAULT_INTERVAL = 600_000;

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
export function* hold(paths: BindingPaths, options: HoldOptions | undefined): Steps<BindingHold> {
  const { refreshInterval, lockTimeout } = checkOptions(options, CHECKS);
  const held = { paths, lockTimeout };
  return new BindingHold(held, yield* lockBinding(held), refreshInterval);
}

const CHECKS = {
  refreshInterval: integer({ least: 1, most: LARGEST_INT, otherwise: DEFAULT_INTERVAL }),
  lockTimeout: toLockTimeout,
};

/** Ensures a binding, and locks its parent, in which the binding is right, and its real directory. */
function* lockBinding({ paths, lockTimeout: patience }: Held): Steps<NativeHold> {
  const request = { ...paths, checkAncestry: needsAncestry(paths) };
  const outcome = yield* locked(patience, {
    sync: (lockTimeout) => native().hold({ ...request, lockTimeout }),
    async: (lockTimeout) => native().holdAsync({ ...request, lockTimeout }),
  });
  return unwrap(outcome, paths);
}

/**
 * A binding that is kept alive until it is released, disposed of, or its process ends. `Disposable` and
 * `AsyncDisposable`, where the runtime or a polyfill has their symbols by the time of the hold.
 */
export class BindingHold implements Disposable, AsyncDisposable {
  /** The absolute path of the binding that is kept. */
  readonly bindingDir: string;
  readonly #held: Held;
  readonly #timer: NodeJS.Timeout;
  #realDir: number;
  #released = false;
  #isRefreshing = false;
  /** What is under way of refreshes and restorations. */
  #pending: Promise<void> = Promise.resolve();

  /** {@link release}. */
  declare readonly [Symbol.dispose]: () => void;
  /** {@link release}, and waits for a restoration that is under way. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /** Not called by users: see `BoxSockets.hold`. Takes over the descriptors. */
  constructor(held: Held, { parent, realDir }: NativeHold, interval: number) {
    this.bindingDir = held.paths.binding;
    this.#held = held;
    this.#realDir = realDir;
    adopt(held.paths.parent, parent);
    defineDisposal(BindingHold.prototype, async (hold) => {
      hold.release();
      await hold.#pending;
    });
    this.#timer = clock.setInterval(() => this.#refresh(), interval);
    // A hold keeps a link alive, not a process.
    this.#timer.unref();
  }

  /**
   * Lets go; the last hold of a parent drops its lock. Further calls do nothing. Where a refresh has found the link
   * missing at this very moment, it may still make it; an asynchronous disposal waits for that.
   *
   * @example
   * const hold = await sockets.hold();
   * server.once('close', () => hold.release());
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    clock.clearInterval(this.#timer);
    letGo(this.#held.paths.parent);
    if (this.#realDir >= 0) native().closeDescriptor(this.#realDir);
  }

  #refresh(): void {
    const { base, parent, binding } = this.#held.paths;
    const held = heldParents.get(parent);
    if (held === undefined) return;
    const outcome = native().refresh({ base, parent, binding, descriptor: held.descriptor });
    // Somebody removed the link, or the whole parent: make them anew, and hold the new one.
    if (isFailure(outcome)) this.#run(this.#restore());
    // A real directory may lie on a server that does not answer: one look at a time, and off the main thread.
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    this.#run(this.#refreshSockets());
  }

  async #refreshSockets(): Promise<void> {
    const { paths } = this.#held;
    try {
      unwrap(await native().refreshSocketsAsync(paths.realDir), paths);
      await warnOfLostListeners(paths.realDir);
      // Made anew meanwhile: the lock is on one that nobody reaches.
      if (await this.#hasOtherRealDir()) await this.#restore();
    } finally {
      this.#isRefreshing = false;
    }
  }

  async #hasOtherRealDir(): Promise<boolean> {
    const { ino } = await stat(this.#held.paths.realDir);
    return !this.#released && this.#realDir >= 0 && native().inodeOf(this.#realDir) !== ino;
  }

  async #restore(): Promise<void> {
    const { parent, realDir } = await runAsync(lockBinding(this.#held));
    const held = heldParents.get(this.#held.paths.parent);
    native().closeDescriptor(held === undefined ? parent : exchange(held, parent));
    this.#keepRealDir(realDir);
  }

  #run(work: Promise<void>): void {
    const done = work.catch((error: unknown) => {
      if (!this.#released) process.emitWarning(asError(error));
    });
    this.#pending = Promise.all([this.#pending, done]).then(() => {});
  }

  /** Instead of the one that is kept; -1 is none. */
  #keepRealDir(descriptor: number): void {
    const old = this.#realDir;
    if (!this.#released) this.#realDir = descriptor;
    const spare = this.#released ? descriptor : old;
    if (spare >= 0) native().closeDescriptor(spare);
  }
}

// Not as methods: where Symbol.dispose is missing (contexts of node:vm in Node 20 and 22, jest's) they would be called
// `undefined`.
function defineDisposal(prototype: BindingHold, disposeAsync: (hold: BindingHold) => Promise<void>): void {
  const define = (symbol: symbol | undefined, value: (this: BindingHold) => unknown): void => {
    if (symbol === undefined || Object.hasOwn(prototype, symbol)) return;
    Object.defineProperty(prototype, symbol, { value, configurable: true, writable: true });
  };
  define(Symbol.dispose, function () {
    this.release();
  });
  define(Symbol.asyncDispose, function () {
    return disposeAsync(this);
  });
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
