// Looks at homes that may never answer, which cost no thread of the pool that all share; and what has not answered lately.

import type { BoxLayout } from '../box/index.js';
import { judgeBox, socketsOf } from '../box/socket-holders.js';
import { clock } from '../clock.js';
import { errnoName } from '../errors.js';
import { type FileType, fileType } from '../native/file-errors.js';

/** Milliseconds for which one that did not answer is not asked again: each question leaves a thread behind. */
const SILENCE = 10_000;
const silentUntil = new Map<string, number>();

export function isSilent(name: string): boolean {
  return clock.now() < (silentUntil.get(name) ?? 0);
}

export function noteSilence(name: string): void {
  // Those of processes that have ended, too, which nobody asks about any more.
  for (const [other, until] of silentUntil) if (until <= clock.now()) silentUntil.delete(other);
  silentUntil.set(name, clock.now() + SILENCE);
}

/** What is at a path, a link not followed; null where nothing can be seen, `'late'` where it does not answer. */
export async function lookInTime(file: string): Promise<FileType | null | 'late'> {
  if (isSilent(file)) return 'late';
  const { errno, mode } = await judgeBox({ bindingDir: file, realDir: file }, file, 'mode');
  if (errno === 0) return fileType(mode);
  if (errnoName(errno) !== 'ETIMEDOUT') return null;
  noteSilence(file);
  return 'late';
}

/** A socket of the box that another process than this one holds, and why that cannot be told. */
export async function heldSockets(
  { sockets, boxHome }: BoxLayout,
  thorough: boolean,
): Promise<{ held: string | null; unknown: string | null }> {
  let unknown: string | null = null;
  for (const { name, held, reason, pids } of await socketsOf(sockets, boxHome, thorough ? 'listed' : 'files')) {
    const file = name === '' ? sockets.realDir : `${sockets.realDir}/${name}`;
    const isOursAlone = pids.length === 1 && pids[0] === process.pid;
    if (held === true && !isOursAlone) return { held: file, unknown: null };
    const why = reason === undefined ? '' : ` (${reason})`;
    if (held === 'unknown') unknown ??= `whether a process holds a socket at '${file}' cannot be told${why}`;
  }
  return { held: null, unknown };
}
