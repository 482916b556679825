// How a box goes away, whichever way led to it: what runs of it, its row, its home, its link, in this order. A crash at
// any point leaves a box that is still whole, or the directory of one that has no row, which the next open removes.

import { removeFile } from '../beneath.js';
import type { BoxLayout, CleanupResult } from '../box/index.js';
import { isRemovable } from '../box/removable.js';
import { retry } from '../clock.js';
import { orNull, runAsync } from '../twin.js';
import type { Activity } from './activity.js';
import { BoxProcesses } from './ending.js';
import { heldSockets } from './held-sockets.js';
import type { FoundBox, Home } from './home.js';
import { boxNeeded, boxRunning } from './runtime-errors.js';

/** How long `BoxRuntime.stop` waits. */
export interface StopOptions {
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 when left out. */
  timeout?: number;
}

/** What `BoxRuntime.stop` did. */
export interface StopResult {
  /** `'killed'`: the box did not end by itself in time. */
  status: 'stopped' | 'killed' | 'not-running';
  /** What became of a box with `auto_remove`; else null. */
  removed: RemoveBoxResult | null;
}

/** What `BoxRuntime.remove` may do. */
export interface RemoveBoxOptions {
  /** Kill what still runs; false when left out. */
  force?: boolean;
}

/** What `BoxRuntime.remove` did. */
export interface RemoveBoxResult extends CleanupResult {
  /** Whether there was a row. */
  row: boolean;
  /** Whether something of it was running, and was killed. */
  killed: boolean;
}

/** Milliseconds in which what was killed, or is about to die with it, lets go of its sockets. */
const LATE = { timeout: 2_000, first: 20, longest: 20 };

/** Ends a box, gently and then not, and forgets its shim. */
export async function stopBox(home: Home, { row, layout }: FoundBox, timeout: number): Promise<StopResult['status']> {
  const activity = await home.activity(layout);
  const { state, shim } = activity;
  refuseSilent(layout, activity);
  let status: StopResult['status'] = 'not-running';
  if (state !== 'stopped') {
    // Found before the shim ends: then nobody knows any more whose children the others were.
    const processes = new BoxProcesses(layout, shim);
    await processes.find();
    if ((await shim?.status()) === 'alive') await shim?.kill('SIGTERM');
    else timeout = 0;
    status = (await processes.waitForEnd(timeout)) ? 'stopped' : 'killed';
    await endBox(layout, processes);
  }
  await forgetShim(home, layout);
  // One that never ran is configured still, for BoxLite.
  const ran = status !== 'not-running' || row?.state?.status !== 'configured';
  if (ran) await home.store.changeState?.(layout.boxId, { status: 'stopped' });
  return status;
}

/** Nothing can be done to a home that does not answer: whoever tries waits for ever. */
function refuseSilent({ boxId }: BoxLayout, activity: Activity): void {
  if (activity.silent !== true) return;
  throw boxRunning(
    boxId,
    activity,
    'Mend its file server, or unmount it (umount -l), and try again. Nothing was changed',
  );
}

/** After the shim has ended. */
export async function forgetShim(home: Home, layout: BoxLayout): Promise<void> {
  home.launched.delete(layout.boxId);
  // Its home may have been deleted under it.
  await runAsync(orNull(removeFile({ directory: layout.boxHome, path: 'shim.pid' })));
}

/** Removes a box that does not run and that no other needs, or with `force` ends it first, whoever needs it. */
export async function removeBox(
  home: Home,
  { row: found, layout }: FoundBox,
  force: boolean,
): Promise<RemoveBoxResult> {
  const { boxId } = layout;
  home.store.refuseChange?.();
  const activity = await home.activity(layout);
  refuseSilent(layout, activity);
  if (activity.state !== 'stopped' && !force) {
    throw boxRunning(boxId, activity, 'Stop it first, or pass { force: true }');
  }
  const dependents = force ? [] : ((await home.store.dependents?.(boxId)) ?? []);
  if (dependents.length > 0) throw boxNeeded(boxId, dependents);
  // Asked first, so that a home that may not be removed keeps its row and its shim.
  const hasRow = found !== undefined;
  await runAsync(isRemovable(layout, hasRow));
  const killed = force && (await endBox(layout, new BoxProcesses(layout, activity.shim))) > 0;
  home.launched.delete(boxId);
  const row = await home.store.delete(boxId);
  return { row, killed, ...(await layout.cleanup({ hasRow })) };
}

/** Kills whatever runs of a box, makes sure that nothing holds its sockets, and returns how many processes it killed. */
export async function endBox(layout: BoxLayout, processes: BoxProcesses): Promise<number> {
  const killed = await processes.kill();
  // What dies with another, as all of a pid namespace with its first process, does so in a moment of its own.
  const isHeld = ({ held }: { held: unknown }) => held !== null;
  const { held } = await retry(() => heldSockets(layout, true), isHeld, LATE);
  if (held === null) return killed;
  const remedy =
    'It is of another pid namespace, or this user may not look at it, or it has bound the socket by a relative name: ' +
    'find it with ss -xp, and end it. Nothing was removed';
  const why = `a process that cannot be seen from here holds '${held}'`;
  throw boxRunning(layout.boxId, { state: 'running', why }, remedy);
}
