// Unlinking one binding where it is its box's own.

import { checkOptions, type LockOptions, toLockTimeout } from '../arguments.js';
import { type NativeFailure, nameOf, REMOVE_STATUS } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, inOrder } from '../paths/binding-paths.js';

/** How long `BoxSockets.remove` waits for the lock. */
export type RemoveOptions = LockOptions;

/** What `BoxSockets.remove` did. */
export interface RemoveResult {
  /** `'absent'`: nothing was there. `'foreign'`: something is there that is not this box's binding, and was left alone. */
  status: (typeof REMOVE_STATUS)[number];
}

/** See `BoxSockets.remove`. */
export async function remove(paths: BindingPaths, options?: RemoveOptions): Promise<RemoveResult> {
  const { lockTimeout } = checkOptions(options, { lockTimeout: toLockTimeout });
  const { removeAsync } = native();
  return toResult(await untilUnlocked(lockTimeout, () => removeAsync(...inOrder(paths), 0)), paths);
}

export function removeSync(paths: BindingPaths, options?: RemoveOptions): RemoveResult {
  const { lockTimeout } = checkOptions(options, { lockTimeout: toLockTimeout });
  return toResult(native().remove(...inOrder(paths), lockTimeout), paths);
}

function toResult(outcome: number | NativeFailure, paths: BindingPaths): RemoveResult {
  return { status: nameOf(REMOVE_STATUS, unwrap(outcome, paths)) };
}
