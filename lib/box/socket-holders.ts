// The sockets of a box and who holds them, judged natively by the rules that hold everywhere.

import * as path from 'node:path';
import type { BoxSockets } from '../box-sockets.js';
import { errnoName } from '../errors.js';
import { BOX_DEPTHS, type NativeBox } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { toHeld } from '../native/verdicts.js';
import type { SocketInfo } from '../operations/list.js';

/** Milliseconds after which a home that does not answer is one of which nothing is known: its file server may hang. */
const ANSWER_TIMEOUT = 2_000;

/** A socket of a box, and who holds it. */
export interface HeldSocket extends SocketInfo {
  /** The processes that hold it, as far as this user may see them. */
  pids: number[];
}

/**
 * Every socket of a box: what lies in its real directory, and what the kernel alone knows, bound through its binding or in
 * its directory. One of an empty name tells that the directory could not be looked at. Changes nothing.
 *
 * @param sockets a `BoxSockets`, or its two paths
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`, or the system call that failed
 * @example const pids = (await socketHolders(layout.sockets)).flatMap((socket) => socket.pids);
 */
export function socketHolders(sockets: Pick<BoxSockets, 'bindingDir' | 'realDir'>): Promise<HeldSocket[]> {
  return socketsOf(sockets, path.dirname(sockets.realDir), 'listed');
}

export async function socketsOf(
  box: Pick<BoxSockets, 'bindingDir' | 'realDir'>,
  home: string,
  depth: 'files' | 'listed',
): Promise<HeldSocket[]> {
  const { errno, sockets, holders } = await judgeBox(box, home, depth);
  const found: HeldSocket[] = sockets.map((socket) => ({ name: socket.name, ...toHeld(socket), pids: [] }));
  for (let i = 0; i < holders.length; i += 2) found[holders[i] ?? 0]?.pids.push(holders[i + 1] ?? 0);
  const code = errno === 0 ? null : errnoName(errno);
  // What is not there, or no directory, holds no socket.
  if (code === null || ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return found;
  return [...found, { name: '', held: 'unknown', reason: `${code} when it was asked`, pids: [] }];
}

/** @param home the directory beside which is known to answer */
export async function judgeBox(
  { bindingDir: binding, realDir }: Pick<BoxSockets, 'bindingDir' | 'realDir'>,
  home: string,
  depth: (typeof BOX_DEPTHS)[number],
): Promise<NativeBox> {
  const where = { binding, realDir, beside: path.dirname(home) };
  const request = { ...where, timeout: ANSWER_TIMEOUT, depth: BOX_DEPTHS.indexOf(depth) };
  return unwrap(await native().judgeBoxAsync(request), { binding, realDir });
}
