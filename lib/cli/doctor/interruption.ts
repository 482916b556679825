// Ctrl-C while something is in the making: the step at hand is finished, what was made is removed, and only then the
// signal does what it would have done at once. A worker thread in the middle of a call could otherwise make anew what
// has just been removed.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Holds back the first signal; a second one ends the process at once. */
export class Interruption {
  #received: NodeJS.Signals | null = null;
  readonly #handler = (signal: NodeJS.Signals): void => {
    this.#received = signal;
    this.#release();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#handler);
  }

  /** Whether a signal came, so that no further step is to be begun. */
  get received(): boolean {
    return this.#received !== null;
  }

  /** Everything is removed: lets go, and dies of the signal where one came. */
  async end(): Promise<void> {
    this.#release();
    if (this.#received === null) return;
    process.kill(process.pid, this.#received);
    // The process ends within this pause, and says nothing more.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }

  #release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#handler);
  }
}
