// Ctrl-C while something is in the making: the step at hand is finished and what was made is removed, before the signal
// ends the process. A worker thread in the middle of a call could otherwise make anew what has just been removed.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Holds back the first signal while something is in the making; a second one ends the process at once. The handlers stay
 * from one making to the next: a signal that Node has taken and not told yet is lost where its handler is let go.
 */
export class Interruption {
  #received: NodeJS.Signals | null = null;
  #isMaking = false;
  readonly #handler = (signal: NodeJS.Signals): void => {
    this.#received = signal;
    this.release();
    if (!this.#isMaking) process.kill(process.pid, signal);
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#handler);
  }

  /** Whether a signal came, so that no further step is to be begun. */
  get received(): boolean {
    return this.#received !== null;
  }

  /** Does it, and dies of the signal that came meanwhile. */
  async during<T>(make: () => Promise<T>): Promise<T> {
    this.#isMaking = true;
    try {
      return await make();
    } finally {
      this.#isMaking = false;
      if (this.#received !== null) {
        process.kill(process.pid, this.#received);
        // The process ends within this pause, and says nothing more.
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  }

  /** A signal ends the process at once again. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#handler);
  }
}
