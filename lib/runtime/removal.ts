// How a box goes away, whichever way led to it: its process, its row, its home, its link, in this order. A crash at any
// point leaves a box that is still whole, or the directory of one that has no row, which the next open removes.

import type { BoxLayout, CleanupResult, ShimProcess } from '../box/index.js';
import { boxRunning } from '../errors.js';
import type { Home } from './home.js';

export interface RemoveBoxResult extends CleanupResult {
  /** Whether there was a row. */
  row: boolean;
  /** Whether its shim was running, and was killed. */
  killed: boolean;
}

/** Milliseconds that a killed process may take to be gone: more than any but one stuck in the kernel. */
const KILL_TIMEOUT = 10_000;

export async function removeBox(home: Home, layout: BoxLayout, shim: ShimProcess | null): Promise<RemoveBoxResult> {
  const { boxId } = layout;
  // Asked first, so that a home that may not be removed keeps its row and its shim.
  await layout.checkRemovable();
  if (shim !== null) await killShim(boxId, shim);
  home.launched.delete(boxId);
  const row = await home.store.delete(boxId);
  return { row, killed: shim !== null, ...(await layout.cleanup()) };
}

/** Kills this very process and waits until it is gone. */
export async function killShim(id: string, shim: ShimProcess): Promise<void> {
  await shim.kill('SIGKILL');
  if (await shim.waitForExit({ timeout: KILL_TIMEOUT })) return;
  throw boxRunning(
    id,
    shim.pid,
    `It was killed and has not ended within ${KILL_TIMEOUT} ms: it is stuck in the kernel`,
  );
}
