// Unlinking one binding where it is its box's own.

import { checkOptions, type LockOptions, toLockTimeout } from '../arguments.js';
import { nameOf, REMOVE_STATUS } from '../native/contract.js';
import { native } from '../native/load.js';
import { locked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, inOrder } from '../paths/binding-paths.js';
import type { Steps } from '../twin.js';

/** How long `BoxSockets.remove` waits for the lock. */
export type RemoveOptions = LockOptions;

/** What `BoxSockets.remove` did. */
export interface RemoveResult {
  /** `'absent'`: nothing was there. `'foreign'`: something is there that is not this box's binding, and was left alone. */
  status: (typeof REMOVE_STATUS)[number];
}

/** See `BoxSockets.remove`. */
export function* remove(paths: BindingPaths, options: RemoveOptions | undefined): Steps<RemoveResult> {
  const { lockTimeout } = checkOptions(options, { lockTimeout: toLockTimeout });
  const places = inOrder(paths);
  const outcome = yield* locked(lockTimeout, {
    sync: (timeout) => native().remove(...places, timeout),
    async: (timeout) => native().removeAsync(...places, timeout),
  });
  return { status: nameOf(REMOVE_STATUS, unwrap(outcome, paths)) };
}
