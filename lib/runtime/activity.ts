// Whether a box runs. One answer for all that must not happen to a box that does: what cannot be told is not dead. Whether
// a socket is held is judged natively, by the rules that hold everywhere.

import { type BoxLayout, ShimProcess } from '../box/index.js';
import { asError } from '../errors.js';
import { mountPointOf } from '../mount-points.js';
import { BoxProcesses } from './ending.js';
import { heldSockets, lookInTime } from './held-sockets.js';

export interface Activity {
  /** `'unknown'`: nothing shows that it runs, and it cannot be told that it does not. */
  state: 'running' | 'stopped' | 'unknown';
  /** What shows it, for a message; empty where it is stopped. */
  why: string;
  /** Whom `shim.pid` names, alive or not. */
  shim: ShimProcess | null;
  /** Its home does not answer: whoever touches it waits for ever. */
  silent?: boolean;
}

/**
 * Thoroughly unless told otherwise, as where something is about to be lost: then sockets are found, too, of which the
 * kernel alone knows. At once where no look at its home may hang.
 *
 * @param launched a shim that this process has started, known even where the home was deleted under it
 */
export async function activityOf(
  layout: BoxLayout,
  launched: ShimProcess | null,
  { thorough = true, atOnce = false },
): Promise<Activity> {
  // Not so much as shim.pid is read of a home that may hang: that would cost a thread of the pool that all share.
  if (!atOnce && (await lookInTime(layout.boxHome)) === 'late') {
    const point = mountPointOf(layout.boxHome);
    const where = point === null ? '' : ` (it is mounted at '${point}')`;
    const why = `'${layout.boxHome}' does not answer${where}, as where a file server hangs`;
    return { state: 'unknown', why, shim: launched, silent: true };
  }
  let shim = launched;
  let untrusted: string | null = null;
  try {
    shim = (atOnce ? ShimProcess.readSync(layout.shimPid) : await ShimProcess.read(layout.shimPid)) ?? shim;
  } catch (error) {
    untrusted = asError(error).message;
  }
  const status = await shim?.status();
  if (shim !== null && status === 'alive') return { state: 'running', why: `its shim is process ${shim.pid}`, shim };
  const sockets = await heldSockets(layout, thorough);
  if (sockets.held !== null) return { state: 'running', why: `a process holds '${sockets.held}'`, shim };
  if (shim !== null && status === 'unknown') {
    return { state: 'unknown', why: `its shim, process ${shim.pid}, cannot be seen from this pid namespace`, shim };
  }
  if (sockets.unknown !== null) return { state: 'unknown', why: sockets.unknown, shim };
  if (untrusted !== null) return { state: 'unknown', why: untrusted, shim };
  // A shim that has ended may have left others behind, which its mark tells. BoxLite's has none, and leaves its shim.pid.
  const [left] = shim === null || shim.mark === null ? [] : await new BoxProcesses(layout, shim).find();
  if (left !== undefined) return { state: 'running', why: `process ${left.pid} belongs to it`, shim };
  return { state: 'stopped', why: '', shim };
}
