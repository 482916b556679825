// Removing the bindings of a parent that lead nowhere.

import { checkOptions, type LockOptions, toBoolean, toLockTimeout } from '../arguments.js';
import { errnoName } from '../errors.js';
import { native } from '../native/load.js';
import { locked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import type { Steps } from '../twin.js';
import { parentPaths, TIMEOUT_CHECKS, type TimeoutOptions } from './parent-options.js';

/** Which parent `BoxSockets.sweepStale` sweeps, and how. */
export interface SweepOptions extends TimeoutOptions, LockOptions {
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

const CHECKS = { ...TIMEOUT_CHECKS, dryRun: toBoolean, lockTimeout: toLockTimeout };

/** See `BoxSockets.sweepStale`. */
export function* sweepStale(options: SweepOptions | undefined): Steps<SweepResult> {
  const { base, uid, lockTimeout: patience, ...how } = checkOptions(options, CHECKS);
  const request = { ...parentPaths({ base, uid }), ...how };
  const found = yield* locked(patience, {
    sync: (lockTimeout) => native().sweepStale({ ...request, lockTimeout }),
    async: (lockTimeout) => native().sweepStaleAsync({ ...request, lockTimeout }),
  });
  const { removed, kept, skipped } = unwrap(found, request);
  return { removed, kept, skipped: skipped.map(({ name, errno }) => ({ name, code: errnoName(errno) })) };
}
