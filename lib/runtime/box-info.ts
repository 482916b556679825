import type { BoxConfig, ShimProcess } from '../box/index.js';

/**
 * - `'running'`: its shim is alive
 * - `'stopped'`: it has its home, and no shim
 * - `'unprepared'`: it has a row alone: never launched by BoxLite, or its home was deleted
 * - `'invalid'`: its row cannot be used, `error` says why
 */
export type BoxState = 'running' | 'stopped' | 'unprepared' | 'invalid';

/** One box of a home, as it is at this moment. */
export interface BoxInfo {
  id: string;
  name: string | null;
  state: BoxState;
  /** Null where the row is invalid. */
  config: BoxConfig | null;
  /** Null unless it runs. */
  shim: ShimProcess | null;
  error?: Error;
}
