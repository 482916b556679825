// Every binding of a parent, and what it leads to.

import { errnoName } from '../errors.js';
import { BINDING_STATES, type NativeListEntry, nameOf } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { type ParentOptions, parentArguments } from './parent-options.js';

/**
 * - `'live'`: leads to a directory in which a process holds a socket
 * - `'idle'`: leads to a directory in which none does
 * - `'dangling'`: leads to nothing; a sweep takes it
 * - `'unreadable'`: cannot be resolved or read, `code` says why
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
  /** Why it is `'unreadable'`, a system error's name. */
  code?: string;
  /** The sockets in the directory that it leads to. */
  sockets: {
    /** The name of the socket file. */
    name: string;
    /** Whether a process holds the socket. */
    held: boolean;
  }[];
}

/** See `BoxSockets.list`. */
export async function list(options?: ParentOptions): Promise<BindingInfo[]> {
  const paths = parentArguments(options);
  return unwrap(await native().listAsync(paths), paths).map(toBindingInfo);
}

export function listSync(options?: ParentOptions): BindingInfo[] {
  const paths = parentArguments(options);
  return unwrap(native().list(paths), paths).map(toBindingInfo);
}

function toBindingInfo({ id, target, state, errno, sockets }: NativeListEntry): BindingInfo {
  return { id, target, state: nameOf(BINDING_STATES, state), ...(errno !== 0 && { code: errnoName(errno) }), sockets };
}
