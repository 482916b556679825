// Removing the bindings of a parent that lead nowhere.

import { checkOptions, type LockOptions, toBoolean, toLockTimeout } from '../arguments.js';
import { errnoName } from '../errors.js';
import type { NativeSweep } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import {
  PARENT_CHECKS,
  type ParentOptions,
  parentPaths,
  type TimeoutOptions,
  toAnswerTimeout,
} from './parent-options.js';

/** Which parent `BoxSockets.sweepStale` sweeps, and how. */
export interface SweepOptions extends ParentOptions, TimeoutOptions, LockOptions {
  /** Say what would be removed, and change nothing; false when left out. */
  dryRun?: boolean;
}

/** What `BoxSockets.sweepStale` did. */
export interface SweepResult {
  /** Names of the links that were removed: their targets are proven gone, or they were left by a killed replacement. */
  removed: string[];
  /** How many links were kept: they lead somewhere, or a process holds a socket below them while their target is hidden. */
  kept: number;
  /** Links that could not be resolved for another reason than a missing target, and were kept; or not be removed. */
  skipped: {
    /** The name of the link. */
    name: string;
    /** The name of the system error; `'ETIMEDOUT'` where what it leads to did not answer. */
    code: string;
  }[];
}

/** See `BoxSockets.sweepStale`. */
export async function sweepStale(options?: SweepOptions): Promise<SweepResult> {
  const sweep = sweepArguments(options);
  const attempt = () => native().sweepStaleAsync({ ...sweep, lockTimeout: 0 });
  return toSweepResult(unwrap(await untilUnlocked(sweep.lockTimeout, attempt), sweep));
}

export function sweepStaleSync(options?: SweepOptions): SweepResult {
  const sweep = sweepArguments(options);
  return toSweepResult(unwrap(native().sweepStale(sweep), sweep));
}

const CHECKS = { ...PARENT_CHECKS, dryRun: toBoolean, lockTimeout: toLockTimeout, timeout: toAnswerTimeout };

function sweepArguments(options: SweepOptions | undefined) {
  const { base, uid, ...how } = checkOptions(options, CHECKS);
  return { ...parentPaths({ base, uid }), ...how };
}

function toSweepResult({ removed, kept, skipped }: NativeSweep): SweepResult {
  return { removed, kept, skipped: skipped.map(({ name, errno }) => ({ name, code: errnoName(errno) })) };
}
