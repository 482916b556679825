// Every binding of a parent, and what it leads to.

import { checkOptions } from '../arguments.js';
import { errnoName } from '../errors.js';
import { knownMountPoints, mountPointOf } from '../mount-points.js';
import { BINDING_STATES, type NativeListEntry, nameOf } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { type Held, toHeld } from '../native/verdicts.js';
import { both, type Steps } from '../twin.js';
import { parentPaths, TIMEOUT_CHECKS, type TimeoutOptions } from './parent-options.js';

/**
 * - `'live'`: leads to a directory in which a process holds a socket
 * - `'idle'`: leads to a directory in which none does
 * - `'dangling'`: leads to nothing; a sweep takes it, unless a process holds a socket below it
 * - `'unreadable'`: cannot be resolved or read, or it cannot be told whether a socket in it is held; `code` says why
 *   (`'ETIMEDOUT'`: it did not answer; `'EAGAIN'`: see the `reason` of its sockets)
 * - `'not-a-symlink'`: is something else than a link
 */
export type BindingState = 'live' | 'idle' | 'dangling' | 'unreadable' | 'not-a-symlink';

/** One entry of a parent. */
export interface BindingInfo {
  /** Its name, which is the id of its box. */
  id: string;
  /** What the link holds; null where it is no link. */
  target: string | null;
  /** What the entry leads to. */
  state: BindingState;
  /** Why it is `'unreadable'`, a system error's name; of a `'live'` one, why not all of its sockets are known. */
  code?: string;
  /** Where `code` is `'ETIMEDOUT'`: where the file system is mounted that does not answer, where the system tells. */
  mountPoint?: string;
  /** The sockets in the directory that it leads to and in those below it, in the order of their names. */
  sockets: SocketInfo[];
}

/** A socket that a binding leads to. */
export interface SocketInfo extends Held {
  /** Relative to the directory, as in `'pool/w.sock'`. */
  name: string;
}

/** Which parent `BoxSockets.list` describes, and how long it waits. */
export interface ListOptions extends TimeoutOptions {}

/** See `BoxSockets.list`. */
export function* list(options: ListOptions | undefined): Steps<BindingInfo[]> {
  const { timeout, ...parent } = checkOptions(options, TIMEOUT_CHECKS);
  const paths = parentPaths(parent);
  const found = yield* both(native().list, native().listAsync, { ...paths, timeout });
  const entries = unwrap(found, paths);
  // Read once, however many do not answer.
  const points = entries.some(({ errno }) => errno !== 0) ? knownMountPoints() : [];
  return entries.map((entry) => toBindingInfo(entry, points));
}

function toBindingInfo({ id, target, state, errno, sockets }: NativeListEntry, points: string[]): BindingInfo {
  const code = errno === 0 ? undefined : errnoName(errno);
  const mountPoint = code === 'ETIMEDOUT' && target !== null ? mountPointOf(target, points) : null;
  return {
    id,
    target,
    state: nameOf(BINDING_STATES, state),
    ...(code !== undefined && { code }),
    ...(mountPoint !== null && { mountPoint }),
    sockets: sockets
      .map((socket) => ({ name: socket.name, ...toHeld(socket) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
