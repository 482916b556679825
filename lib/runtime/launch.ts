// Running a box. Its program is started in a way that leaves no process without a record: it is held back until shim.pid
// names it, and ends by itself where its host dies before that.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { Writable } from 'node:stream';
import { checkOptions, toBoolean, toOptions, toSignal } from '../arguments.js';
import { closeFile, listDirectory, lookAt, openFile, removeFile } from '../beneath.js';
import { type BoxLayout, ShimProcess, waitForReady } from '../box/index.js';
import { socketsOf } from '../box/socket-holders.js';
import { abortError, asError, fromSystemError, invalidArgType, invalidArgValue } from '../errors.js';
import { mayWaitForServer } from '../mount-points.js';
import { isSocketName } from '../paths/names.js';
import { run } from '../twin.js';
import { BoxProcesses, MARK } from './ending.js';
import type { Home } from './home.js';
import { endBox, forgetShim } from './removal.js';
import { boxRunning, shimNotStarted } from './runtime-errors.js';

/** A program that runs a box. */
export interface ShimCommand {
  /** A path, or a name to be found in `PATH`. */
  command: string;
  /** Its arguments; none when left out. */
  args?: readonly string[];
  /** Its environment; this process's own when left out. What `BoxSockets.shimEnv()` tells is added to it. */
  env?: NodeJS.ProcessEnv;
  /** The directory that it starts in; this process's own when left out. */
  cwd?: string;
}

/** A shim's command, or a function that makes it of a box whose directories and binding are there. */
export type ShimRecipe = ShimCommand | ((layout: BoxLayout) => ShimCommand | Promise<ShimCommand>);

/** How `BoxRuntime.launch` starts a box. */
export interface LaunchOptions {
  /** Milliseconds until the guest must be ready, as of `waitForReady`. */
  readyTimeout?: number;
  /** Wait until the guest is ready; true when left out. */
  waitForReady?: boolean;
  /** Take the binding over from a live box of the same id in another home; false when left out. */
  takeover?: boolean;
  /** Gives up, and kills the shim, when it is aborted. */
  signal?: AbortSignal;
}

/** A box that runs. */
export interface LaunchedBox {
  /** The process that runs it. */
  shim: ShimProcess;
  /** Its directories and sockets. */
  layout: BoxLayout;
  /** Milliseconds until the guest was ready; null where it was not waited for. */
  elapsed: number | null;
}

const LAUNCH_CHECKS = {
  readyTimeout: (_name: string, value: unknown) => value as number | undefined, // waitForReady() checks it
  waitForReady: (name: string, value: unknown = true) => toBoolean(name, value),
  takeover: toBoolean,
  signal: toSignal,
};

export type Launch = ReturnType<typeof toLaunch>;

/** @param interrupted aborted where somebody stops or removes the box meanwhile */
export function toLaunch(recipe: ShimRecipe, options: LaunchOptions | undefined, interrupted: AbortSignal) {
  const { signal = interrupted, ...checked } = checkOptions(options, LAUNCH_CHECKS);
  const command = typeof recipe === 'function' ? recipe : toShimCommand(recipe);
  return { ...checked, recipe: command, signal: AbortSignal.any([signal, interrupted]) };
}

export async function launchBox(home: Home, id: string, launch: Launch): Promise<LaunchedBox> {
  if (launch.signal.aborted) throw abortError(launch.signal);
  const layout = await home.findStored(id);
  home.store.refuseChange?.();
  // Where nothing may hang, what a thread would do is done here: handing it over takes longer.
  const atOnce = !mayWaitForServer();
  const activity = await home.activity(layout, { atOnce });
  if (activity.state !== 'stopped') throw boxRunning(id, activity, 'Connect to it, or stop it first');
  // The binding is there before any policy is made of it, and again before anybody connects.
  await prepare(layout, launch.takeover, atOnce);
  await removeDeadSockets(layout, atOnce);
  const command = typeof launch.recipe === 'function' ? toShimCommand(await launch.recipe(layout)) : launch.recipe;
  const held = await holdBack(layout, command, atOnce);
  const start = async (): Promise<ShimProcess> => {
    const shim = await held.letGo();
    home.launched.set(id, shim);
    return shim;
  };
  try {
    const { elapsed, shim } = await startAndWait(layout, start, launch);
    await layout.sockets.ensure();
    if (shim === null) throw shimNotStarted(command.command);
    await home.store.changeState?.(id, { status: 'running', pid: shim.pid });
    return { shim, layout, elapsed };
  } catch (error) {
    held.giveUp();
    const shim = home.launched.get(id);
    if (shim !== undefined) {
      await endBox(layout, new BoxProcesses(layout, shim));
      await forgetShim(home, layout);
    }
    const { code, message: reason } = asError(error) as NodeJS.ErrnoException;
    await home.store.changeState?.(id, code === 'ABORT_ERR' ? { status: 'stopped' } : { status: 'failed', reason });
    throw error;
  }
}

/** At once, but for the lock: others may hold it for long, and the event loop waits for nobody. */
async function prepare(layout: BoxLayout, takeover: boolean, atOnce: boolean): Promise<void> {
  try {
    if (atOnce) return void layout.prepareSync({ takeover, lockTimeout: 0 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BOX_SOCKETS_LOCK_TIMEOUT') throw error;
  }
  await layout.prepare({ takeover });
}

async function startAndWait(layout: BoxLayout, start: () => Promise<ShimProcess>, launch: Launch) {
  const { waitForReady: isAwaited, readyTimeout: timeout, signal } = launch;
  if (isAwaited) return waitForReady(layout, { shim: start, signal, ...(timeout !== undefined && { timeout }) });
  if (signal.aborted) throw abortError(signal);
  return { elapsed: null, shim: await start() };
}

// A shell that waits for a word from its host, and becomes the program: same number, same start time. Where the host is
// killed meanwhile, its end of the pipe closes, and the shell ends.
const HELD_BACK = 'read -r word && exec "$@" </dev/null';
const WORD = '\n';

/**
 * Starts a program that waits for its word, so that its shell is up by the time at which its host listens: in a session of
 * its own, with nothing to read, and its output in `shim.log`.
 */
async function holdBack(layout: BoxLayout, shimCommand: ShimCommand, atOnce: boolean) {
  const { command, args = [], env, cwd } = shimCommand;
  const mark = randomBytes(16).toString('hex');
  // Emptied where it is a plain file of this user, and else refused.
  const log = await run(openFile({ directory: layout.boxHome, path: 'shim.log' }, 'empty'), atOnce);
  // Node names the program, whatever was missing.
  const refused = (error: unknown) =>
    fromSystemError(asError(error), 'spawn', cwd !== undefined && !fs.existsSync(cwd) ? cwd : '/bin/sh');
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', HELD_BACK, 'boxsockets-shim', command, ...args], {
      cwd,
      env: { ...(env ?? process.env), ...layout.sockets.shimEnv(), [MARK]: mark },
      detached: true,
      stdio: ['pipe', log, log],
    });
  } catch (error) {
    throw refused(error); // an argument that is too long
  } finally {
    closeFile(log);
  }
  // A word that nobody waits for any more is no error of its own: the death of the shim tells.
  const gate = child.stdin as Writable;
  gate.on('error', () => undefined);
  try {
    await once(child, 'spawn');
  } catch (error) {
    gate.destroy();
    throw refused(error);
  }
  return {
    /** When this returns, `shim.pid` names it, and it runs; it survives its host. */
    async letGo(): Promise<ShimProcess> {
      const shim = ShimProcess.ofChild(child, mark);
      if (shim === null) throw shimNotStarted(command);
      await (atOnce ? shim.writeSync(layout.shimPid) : shim.write(layout.shimPid));
      gate.end(WORD);
      child.unref();
      return shim;
    },
    /** Ends it where it still waits. */
    giveUp(): void {
      gate.destroy();
      child.unref();
    },
  };
}

/** A command that was passed as an argument, checked. */
function toShimCommand(value: unknown): ShimCommand {
  if (typeof value !== 'object' || value === null) throw invalidArgType('shim', 'an object or a function', value);
  const given: Partial<Record<keyof ShimCommand, unknown>> = value;
  const { command, args, env, cwd } = toOptions(given, { command: true, args: true, env: true, cwd: true }, 'shim');
  if (typeof command !== 'string') throw invalidArgType('shim.command', 'a string', command);
  if (command === '' || command.includes('\0')) throw invalidArgValue('shim.command', command, 'must name a program');
  if (args !== undefined && !(Array.isArray(args) && args.every((arg) => typeof arg === 'string'))) {
    throw invalidArgType('shim.args', 'an array of strings', args);
  }
  if (env !== undefined && (typeof env !== 'object' || env === null))
    throw invalidArgType('shim.env', 'an object', env);
  if (cwd !== undefined && typeof cwd !== 'string') throw invalidArgType('shim.cwd', 'a string', cwd);
  return value as ShimCommand;
}

/** More than any box has; with more, something floods the directory, and the launch says so. */
const MOST_SOCKETS = 10_000;

/** Removes the sockets of a box that no process holds: a bind to one fails, and few programs remove it before. */
async function removeDeadSockets({ boxHome, socketsDir, sockets }: BoxLayout, atOnce: boolean): Promise<void> {
  const looked = new Map<string, bigint | undefined>();
  for (const { name, type } of await run(listDirectory({ directory: socketsDir, path: '.' }, MOST_SOCKETS), atOnce)) {
    if (type !== 'socket' || !isSocketName(name)) continue;
    looked.set(name, (await run(lookAt({ directory: socketsDir, path: name }), atOnce))?.inode);
  }
  const judged = looked.size === 0 ? [] : await socketsOf(sockets, boxHome, 'listed');
  for (const { name, held } of judged) {
    const file = { directory: socketsDir, path: name };
    // Not one that somebody has put in its place meanwhile.
    const isSame = async () => looked.has(name) && (await run(lookAt(file), atOnce))?.inode === looked.get(name);
    if (held === false && (await isSame())) await run(removeFile(file), atOnce);
  }
}
