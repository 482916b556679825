import { homeLocked } from '../errors.js';
import { isFailure, Refusal } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';

/**
 * The lock on a home, held from {@link HomeLock.take} until it is released or its process (or worker thread) ends, however. It is an
 * exclusive flock on `<homeDir>/.lock`, the very one that BoxLite takes, so that its hosts are kept out too.
 */
export class HomeLock {
  readonly #descriptor: number;
  #released = false;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @throws {BoxSocketsError} `ERR_BOX_SOCKETS_HOME_LOCKED`, `ERR_BOX_SOCKETS_LOCK_UNTRUSTED`, or a system call */
  static async take(homeDir: string): Promise<HomeLock> {
    const file = `${homeDir}/.lock`;
    const outcome = await native().lockHomeAsync(file);
    if (isFailure(outcome) && outcome.refusal === Refusal.lockTimeout) throw homeLocked(homeDir, file, outcome.owner);
    return new HomeLock(unwrap(outcome, { base: homeDir, parent: homeDir }));
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    native().closeDescriptor(this.#descriptor);
  }
}
