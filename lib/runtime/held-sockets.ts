// The sockets of a box and who holds them, judged natively by the rules that hold everywhere; and looks at homes that may
// never answer, which cost no thread of the pool that all share.

import * as path from 'node:path';
import type { BoxLayout } from '../box/index.js';
import type { BoxSockets } from '../box-sockets.js';
import { clock } from '../clock.js';
import { errnoName } from '../errors.js';
import { BOX_DEPTHS, type NativeBox } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { type Held, toHeld } from '../native/verdicts.js';

/** Milliseconds after which a home that does not answer is one of which nothing is known: its file server may hang. */
const ANSWER_TIMEOUT = 2_000;

/** Milliseconds for which one that did not answer is not asked again: each question leaves a thread behind. */
const SILENCE = 10_000;
const silentUntil = new Map<string, number>();

/** The mode of what is at a path, a link not followed; null where nothing can be seen, `'late'` where it does not answer. */
export async function lookInTime(file: string): Promise<number | null | 'late'> {
  if (clock.now() < (silentUntil.get(file) ?? 0)) return 'late';
  silentUntil.delete(file);
  const { errno, mode } = await judge({ bindingDir: file, realDir: file }, file, 'mode');
  if (errno === 0) return mode;
  if (errnoName(errno) !== 'ETIMEDOUT') return null;
  silentUntil.set(file, clock.now() + SILENCE);
  return 'late';
}

/** A socket of the box that another process than this one holds, and why that cannot be told. */
export async function heldSockets(
  layout: BoxLayout,
  thorough: boolean,
): Promise<{ held: string | null; unknown: string | null }> {
  const { realDir } = layout.sockets;
  let unknown: string | null = null;
  for (const { name, held, reason, pids } of await socketsOf(layout, thorough)) {
    const file = name === '' ? realDir : `${realDir}/${name}`;
    const isOursAlone = pids.size === 1 && pids.has(process.pid);
    if (held === true && !isOursAlone) return { held: file, unknown: null };
    const why = reason === undefined ? '' : ` (${reason})`;
    if (held === 'unknown') unknown ??= `whether a process holds a socket at '${file}' cannot be told${why}`;
  }
  return { held: null, unknown };
}

interface BoxSocket extends Held {
  /** Below the real directory; empty where that could not be looked at. */
  name: string;
  /** Who holds it, as far as they can be seen. */
  pids: Set<number>;
}

/** Every socket of a box. */
export async function socketsOf({ sockets: box, boxHome }: BoxLayout, thorough: boolean): Promise<BoxSocket[]> {
  const { errno, sockets, holders } = await judge(box, boxHome, thorough ? 'listed' : 'files');
  const found: BoxSocket[] = sockets.map((socket) => ({ name: socket.name, ...toHeld(socket), pids: new Set() }));
  for (let i = 0; i < holders.length; i += 2) found[holders[i] ?? 0]?.pids.add(holders[i + 1] ?? 0);
  const code = errno === 0 ? null : errnoName(errno);
  // What is not there, or no directory, holds no socket.
  if (code === null || ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return found;
  return [...found, { name: '', held: 'unknown', reason: `${code} when it was asked`, pids: new Set() }];
}

async function judge(
  { bindingDir: binding, realDir }: Pick<BoxSockets, 'bindingDir' | 'realDir'>,
  boxHome: string,
  depth: (typeof BOX_DEPTHS)[number],
): Promise<NativeBox> {
  const beside = path.dirname(boxHome);
  const request = { binding, realDir, beside, timeout: ANSWER_TIMEOUT, depth: BOX_DEPTHS.indexOf(depth) };
  return unwrap(await native().judgeBoxAsync(request), { binding, realDir });
}
