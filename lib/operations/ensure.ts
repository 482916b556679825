// Making one binding lead to its real directory.

import { checkOptions, DEFAULT_LOCK_TIMEOUT, type LockOptions, toBoolean, toLockTimeout } from '../arguments.js';
import type { NativeEnsurer } from '../native/addon.js';
import { ENSURE_STATUS, type NativeFailure, nameOf } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, inOrder, needsAncestry } from '../paths/binding-paths.js';

/** How `BoxSockets.ensure` makes the binding. */
export interface EnsureOptions extends LockOptions {
  /** Replace a binding that leads to a live box of the same id, or that cannot be resolved; false when left out. */
  takeover?: boolean;
}

/** What `BoxSockets.ensure` did. */
export interface EnsureResult {
  /** `'unchanged'` where the binding was right already. */
  status: (typeof ENSURE_STATUS)[number];
  /** The binding's absolute path. */
  bindingDir: string;
}

/** Options of `ensure`, checked. */
export type EnsureRequest = ReturnType<typeof toEnsure>;

export function toEnsure(options: EnsureOptions | undefined) {
  return checkOptions(options, { takeover: toBoolean, lockTimeout: toLockTimeout });
}

/** The binding of one box, and what is known of it between two calls. */
export class Ensurer {
  readonly #paths: BindingPaths;
  readonly #unchanged: EnsureResult;
  #ensure: NativeEnsurer | undefined;
  #seenSteady = false;
  #servedHere: Promise<boolean> | undefined;
  /** Whether everything that the base's path goes through is still to be looked at. */
  #checkAncestry: boolean;

  constructor(paths: BindingPaths) {
    this.#paths = paths;
    this.#unchanged = Object.freeze({ status: 'unchanged', bindingDir: paths.binding });
    this.#checkAncestry = needsAncestry(paths);
  }

  /** `ensure` without options, of a box that was ensured before, on a file system that never waits; else undefined. */
  again(): EnsureResult | undefined {
    if (this.#ensure === undefined) return undefined;
    const outcome = this.#ensure(DEFAULT_LOCK_TIMEOUT);
    return outcome === undefined ? this.#unchanged : this.#result(outcome);
  }

  sync({ takeover, lockTimeout }: EnsureRequest): EnsureResult {
    const paths = inOrder(this.#paths);
    const result = this.#result(native().ensure(...paths, takeover, lockTimeout, this.#checkAncestry));
    this.#checkAncestry = false;
    this.#ensure ??= native().ensurer(...paths);
    return result;
  }

  /**
   * @param request the defaults where there is none
   * @param signal ends the waiting for the lock
   */
  async async(request: EnsureRequest | undefined, signal?: AbortSignal): Promise<EnsureResult> {
    const { takeover, lockTimeout } = request ?? toEnsure(undefined);
    const { ensureAsync } = native();
    const attempt = () => ensureAsync(...inOrder(this.#paths), takeover, 0, this.#checkAncestry);
    const result = this.#result(await untilUnlocked(lockTimeout, attempt, signal));
    this.#checkAncestry = false;
    return result;
  }

  /** Whether this kernel alone serves the real directory, so that a look at it never waits: asked once, on a thread. */
  isServedHere(): Promise<boolean> {
    this.#servedHere ??= native().isServedHereAsync(this.#paths.realDir);
    return this.#servedHere;
  }

  /** Looks at once where that never waits, and works on a thread where it may, or where there is something to do. */
  async ensureUnlessSteady(signal: AbortSignal | undefined): Promise<void> {
    if ((await this.isServedHere()) && this.#isSteadyNow()) return;
    await this.async(undefined, signal);
  }

  // Calls that were made at the same moment share one look: nothing else runs in this process between them.
  #isSteadyNow(): boolean {
    if (this.#seenSteady) return true;
    if (this.#checkAncestry) return false;
    this.#ensure ??= native().ensurer(...inOrder(this.#paths));
    if (this.#ensure?.() !== true) return false;
    this.#seenSteady = true;
    // Not queueMicrotask(), which fake timers replace.
    void Promise.resolve().then(() => {
      this.#seenSteady = false;
    });
    return true;
  }

  #result(outcome: number | NativeFailure): EnsureResult {
    const status = nameOf(ENSURE_STATUS, unwrap(outcome, this.#paths));
    return status === 'unchanged' ? this.#unchanged : { status, bindingDir: this.#paths.binding };
  }
}
