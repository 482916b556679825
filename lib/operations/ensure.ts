// Making one binding lead to its real directory.

import { type LockOptions, toBoolean, toLockTimeout, toOptions } from '../arguments.js';
import { ENSURE_STATUS, type NativeFailure, nameOf } from '../native/contract.js';
import { native } from '../native/load.js';
import { retryUntilUnlocked } from '../native/lock-wait.js';
import { isLockTimeout, unwrap } from '../native/to-error.js';
import { type BindingPaths, inOrder } from '../paths/binding-paths.js';

export interface EnsureOptions extends LockOptions {
  /** Replace a binding that leads to a live box of the same id, or that cannot be resolved. */
  takeover?: boolean;
}

export interface EnsureResult {
  status: (typeof ENSURE_STATUS)[number];
  bindingDir: string;
}

/** Options of `ensure`, checked. */
export interface EnsureRequest {
  takeover: boolean;
  lockTimeout: number;
}

export function toEnsure(options: EnsureOptions | undefined): EnsureRequest {
  const { takeover, lockTimeout } = toOptions(options);
  return { takeover: toBoolean('options.takeover', takeover), lockTimeout: toLockTimeout(lockTimeout) };
}

/** The binding of one box, and what is known of it between two calls. */
export class Ensurer {
  readonly #paths: BindingPaths;
  readonly #unchanged: EnsureResult;
  #steady: (() => boolean) | undefined;
  #seenSteady = false;
  #servedHere: Promise<boolean> | undefined;

  constructor(paths: BindingPaths) {
    this.#paths = paths;
    this.#unchanged = Object.freeze({ status: 'unchanged', bindingDir: paths.binding });
  }

  /** The answer where everything is as `ensure` would leave it and as this object has seen it before; else undefined. */
  unchanged(): EnsureResult | undefined {
    return this.#steady?.() === true ? this.#unchanged : undefined;
  }

  /** @param knownUnsteady whether {@link unchanged} has just said that it is not right */
  sync({ takeover, lockTimeout }: EnsureRequest, knownUnsteady: boolean): EnsureResult {
    const hasLooked = knownUnsteady && this.#steady !== undefined;
    this.#steady ??= native().steady(...inOrder(this.#paths));
    return this.#result(native().ensure(...inOrder(this.#paths), takeover, lockTimeout, hasLooked));
  }

  /**
   * @param request the defaults where there is none
   * @param signal ends the waiting for the lock
   */
  async async(request: EnsureRequest | undefined, signal?: AbortSignal): Promise<EnsureResult> {
    const { takeover, lockTimeout } = request ?? toEnsure(undefined);
    const { ensureAsync } = native();
    const { base, parent, binding, realDir } = this.#paths;
    const attempt = () => ensureAsync(base, parent, binding, realDir, takeover, 0, false);
    const outcome = await attempt();
    if (!isLockTimeout(outcome)) return this.#result(outcome);
    return this.#result(await retryUntilUnlocked(outcome, { attempt, timeout: lockTimeout, signal }));
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
    this.#steady ??= native().steady(...inOrder(this.#paths));
    if (!this.#steady()) return false;
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
