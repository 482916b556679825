// Whether a box runs. One answer for all that must not happen to a box that does: what cannot be told is not dead.

import * as fs from 'node:fs';
import { type BoxLayout, ShimProcess } from '../box/index.js';
import { clock } from '../clock.js';
import { asError } from '../errors.js';
import { probeSocketPath } from '../operations/probe-path.js';
import { sameInode } from '../operations/same-inode.js';
import { BoxProcesses } from './ending.js';
import { processTable, withSocketsBelow } from './process-table.js';

export interface Activity {
  /** `'unknown'`: nothing shows that it runs, and it cannot be told that it does not. */
  state: 'running' | 'stopped' | 'unknown';
  /** What shows it, for a message; empty where it is stopped. */
  why: string;
  /** Whom `shim.pid` names, alive or not. */
  shim: ShimProcess | null;
}

/** Entries of `sockets/` and the directories in it that are looked at; with more, it is not known whether one is held. */
const MOST_ENTRIES = 1_000;
const MOST_LEVELS = 4;

/** Milliseconds after which a home that does not answer is one of which nothing is known: its file server may hang. */
export const ANSWER_TIMEOUT = 2_000;

/** Homes of which an answer is still awaited: each holds a thread, and is not given another one. */
const silent = new Set<string>();

/** What was asked of a home, or where that does not come in time, what is said instead. */
export async function inTime<T, U>(home: string, ask: () => Promise<T>, otherwise: () => U): Promise<T | U> {
  if (silent.has(home)) return otherwise();
  const asked = ask();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, ANSWER_TIMEOUT);
  }).then(() => {
    silent.add(home);
    const heard = (): boolean => silent.delete(home);
    asked.then(heard, heard);
    return otherwise();
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clock.clearTimeout(timer);
  }
}

/** @param launched a shim that this process has started, known even where the home was deleted under it */
export async function activityOf(layout: BoxLayout, launched: ShimProcess | undefined): Promise<Activity> {
  return inTime(
    layout.boxHome,
    () => look(layout, launched),
    () => ({
      state: 'unknown',
      why: `'${layout.boxHome}' does not answer, as where a file server hangs`,
      shim: launched ?? null,
    }),
  );
}

async function look(layout: BoxLayout, launched: ShimProcess | undefined): Promise<Activity> {
  let shim = launched ?? null;
  let untrusted: string | null = null;
  try {
    shim = (await ShimProcess.read(layout.shimPid)) ?? shim;
  } catch (error) {
    untrusted = asError(error).message;
  }
  const status = await shim?.status();
  if (shim !== null && status === 'alive') return { state: 'running', why: `its shim is process ${shim.pid}`, shim };
  const sockets = await heldSockets(layout);
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

/** A socket of the box that another process than this one holds, and why that cannot be told. */
export async function heldSockets(layout: BoxLayout): Promise<{ held: string | null; unknown: string | null }> {
  const { realDir, bindingDir } = layout.sockets;
  const throughBinding = process.platform !== 'linux' && (await leadsTo(bindingDir, realDir));
  let unknown: string | null = null;
  let count = 0;
  for await (const found of socketsBelow(realDir, MOST_LEVELS)) {
    if (found.error !== undefined || ++count > MOST_ENTRIES) {
      unknown ??= `whether a process holds a socket below '${found.path}' cannot be told (${found.error ?? 'too many'})`;
      if (count > MOST_ENTRIES) break;
      continue;
    }
    // Without descriptors of directories, the binding is what is short enough.
    const question = throughBinding ? `${bindingDir}${found.path.slice(realDir.length)}` : found.question;
    const { ok, code, held } = await probeSocketPath(question);
    if (!ok && code !== 'EADDRINUSE') unknown ??= `whether a process holds '${found.path}' cannot be told (${code})`;
    if (code !== 'EADDRINUSE' || held === false) continue;
    if (held !== true) {
      unknown ??= `whether a process holds '${found.path}' cannot be told`;
      continue;
    }
    const spellings = [found.path, `${bindingDir}${found.path.slice(realDir.length)}`];
    if (!(await isOursAlone(spellings))) return { held: found.path, unknown: null };
  }
  return { held: null, unknown };
}

async function leadsTo(bindingDir: string, realDir: string): Promise<boolean> {
  return sameInode(bindingDir, realDir).catch(() => false);
}

/** Whether it is this very process that holds a socket, and no other that can be seen. */
async function isOursAlone(spellings: readonly string[]): Promise<boolean> {
  const pids = await withSocketsBelow([...(await processTable()).keys()], spellings);
  return pids.length === 1 && pids[0] === process.pid;
}

interface FoundSocket {
  path: string;
  /** A path that is short enough to be dialed, and leads to it through descriptors where there are such. */
  question: string;
  error?: string;
}

/** Every socket file below a directory. Nothing in there is followed: a box may write it. */
async function* socketsBelow(directory: string, levels: number, at = directory): AsyncGenerator<FoundSocket> {
  let opened: fs.promises.FileHandle | undefined;
  try {
    opened = await fs.promises.open(at, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
    const anchored = process.platform === 'linux' ? `/proc/self/fd/${opened.fd}` : at;
    for (const entry of await fs.promises.readdir(anchored, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      const question = `${anchored}/${entry.name}`;
      if (entry.isSocket()) yield { path, question };
      else if (entry.isDirectory() && levels > 0) yield* socketsBelow(path, levels - 1, question);
      else if (entry.isDirectory()) yield { path, question, error: 'too deep' };
    }
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    // What is not there, or no directory, holds no socket.
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) yield { path: directory, question: at, error: code };
  } finally {
    await opened?.close();
  }
}
