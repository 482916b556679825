// Running a box, and stopping it.

import * as fs from 'node:fs';
import { toBoolean, toOptions, toSignal } from '../arguments.js';
import { type BoxLayout, type ShimProcess, waitForReady } from '../box/index.js';
import { boxRunning, shimNotStarted } from '../errors.js';
import { removeDeadSockets } from './dead-sockets.js';
import type { Home } from './home.js';
import type { LaunchedBox, LaunchOptions } from './options.js';
import { killShim } from './removal.js';
import { launchShim, type ShimCommand, toShimCommand } from './shim-launcher.js';

/** A shim's command, or a function that makes it of a box whose directories and binding are there. */
export type ShimRecipe = ShimCommand | ((layout: BoxLayout) => ShimCommand | Promise<ShimCommand>);

export interface Launch {
  recipe: ShimRecipe;
  wait: boolean;
  takeover: boolean;
  timeout: number | undefined;
  signal: AbortSignal;
}

/** @param interrupted aborted where somebody stops or removes the box meanwhile */
export function toLaunch(recipe: ShimRecipe, options: LaunchOptions | undefined, interrupted: AbortSignal): Launch {
  const { readyTimeout, waitForReady: wait = true, takeover, signal: given } = toOptions(options);
  const signal = toSignal('options.signal', given);
  return {
    recipe: typeof recipe === 'function' ? recipe : toShimCommand(recipe),
    wait: toBoolean('options.waitForReady', wait),
    takeover: toBoolean('options.takeover', takeover),
    timeout: readyTimeout,
    signal: signal === undefined ? interrupted : AbortSignal.any([signal, interrupted]),
  };
}

export async function launchBox(home: Home, id: string, launch: Launch): Promise<LaunchedBox> {
  const { layout } = await home.findStored(id);
  const running = await home.runningShim(layout);
  if (running !== null) throw boxRunning(id, running.pid, 'Connect to it, or stop it first');
  // The binding is there before any policy is made of it, and again before anybody connects.
  await layout.prepare({ takeover: launch.takeover });
  await removeDeadSockets(layout);
  const command = typeof launch.recipe === 'function' ? toShimCommand(await launch.recipe(layout)) : launch.recipe;
  const start = async (): Promise<ShimProcess> => {
    const shim = await launchShim(layout, command);
    home.launched.set(id, shim);
    return shim;
  };
  try {
    const { elapsed, shim } = await startAndWait(layout, start, launch);
    await layout.sockets.ensure();
    if (shim === null) throw shimNotStarted(command.command);
    return { shim, layout, elapsed };
  } catch (error) {
    const shim = home.launched.get(id);
    if (shim !== undefined) await endShim(home, layout, shim);
    throw error;
  }
}

async function startAndWait(layout: BoxLayout, start: () => Promise<ShimProcess>, { wait, timeout, signal }: Launch) {
  if (!wait) return { elapsed: null, shim: await start() };
  return waitForReady(layout, { shim: start, signal, ...(timeout !== undefined && { timeout }) });
}

/** Kills what still runs, and forgets it. */
export async function endShim(home: Home, layout: BoxLayout, shim: ShimProcess): Promise<void> {
  await killShim(layout.boxId, shim);
  await forgetShim(home, layout);
}

/** After the shim has ended. */
export async function forgetShim(home: Home, layout: BoxLayout): Promise<void> {
  home.launched.delete(layout.boxId);
  await fs.promises.rm(layout.shimPid, { force: true });
}
