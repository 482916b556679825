// What is told of a shim: whether it lives, and how it ended.

/** How long `ShimProcess.waitForExit` waits. */
export interface WaitForExitOptions {
  /** Milliseconds; without end when left out. */
  timeout?: number;
  /** Ends the waiting with `ABORT_ERR` when it is aborted. */
  signal?: AbortSignal;
}

/** Whether a process lives; `'unknown'` where that cannot be told from here. */
export type ShimStatus = 'alive' | 'dead' | 'unknown';

/** How a child of this process ended. */
export interface ShimExit {
  /** The exit status; null where a signal ended it. */
  code: number | null;
  /** The signal that ended it; null where it ended by itself. */
  signal: NodeJS.Signals | null;
}
