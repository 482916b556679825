// Starts a program as the shim of a box, in a way that leaves no process without a record: it is held back until shim.pid
// names it, and ends by itself where its host dies before that.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { Writable } from 'node:stream';
import { type BoxLayout, ShimProcess } from '../box/index.js';
import { asError, fromSystemError, invalidArgType, invalidArgValue, shimNotStarted } from '../errors.js';

/** A program that runs a box. */
export interface ShimCommand {
  /** A path, or a name to be found in `PATH`. */
  command: string;
  args?: readonly string[];
  /** This process's own when left out. What `BoxSockets.shimEnv()` tells is added to it. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

// A shell that waits for a word from its host, and becomes the program: same number, same start time. Where the host is
// killed meanwhile, its end of the pipe closes, and the shell ends.
const HELD_BACK = 'read -r word <&3 && exec 3<&- && exec "$@"';
const WORD = 'go\n';

/**
 * Starts the program in a session of its own, with nothing to read, and its output in `logs/shim.log`; it survives its
 * host. When this returns, `shim.pid` names it.
 */
export async function launchShim(
  layout: BoxLayout,
  { command, args = [], env, cwd }: ShimCommand,
): Promise<ShimProcess> {
  const log = fs.openSync(layout.shimLog, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', HELD_BACK, 'boxsockets-shim', command, ...args], {
      cwd,
      env: { ...(env ?? process.env), ...layout.sockets.shimEnv() },
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    });
  } finally {
    fs.closeSync(log);
  }
  // A word that nobody waits for any more is no error of its own: the death of the shim tells.
  const gate = child.stdio[3] as Writable;
  gate.on('error', () => undefined);
  try {
    await spawned(child, cwd);
    const shim = ShimProcess.ofChild(child);
    if (shim === null) throw shimNotStarted(command);
    await shim.write(layout.shimPid);
    gate.end(WORD);
    child.unref();
    return shim;
  } catch (error) {
    gate.destroy();
    throw error;
  }
}

async function spawned(child: ChildProcess, cwd: string | undefined): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    // Node names the program, whatever was missing.
    const missing = cwd !== undefined && !fs.existsSync(cwd) ? cwd : '/bin/sh';
    throw fromSystemError(asError(error), 'spawn', missing);
  }
}

/** A command that was passed as an argument, checked. */
export function toShimCommand(value: unknown): ShimCommand {
  if (typeof value !== 'object' || value === null) throw invalidArgType('shim', 'an object or a function', value);
  const { command, args, env, cwd } = value as Partial<Record<keyof ShimCommand, unknown>>;
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
