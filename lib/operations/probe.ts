// Proof that the sockets of a box bind, by binding: a report of what really happened, name by name.

import type { SocketType } from '../arguments.js';
import { outOfContract } from '../errors.js';
import { type NativeFailure, SOCKET_TYPES } from '../native/contract.js';
import { native } from '../native/load.js';
import { toError, unwrap } from '../native/to-error.js';
import type { BindingPaths, OperationPaths } from '../paths/binding-paths.js';
import type { SocketBudgetEntry } from '../paths/budget.js';
import { sunPathLimit } from '../paths/limits.js';
import { standInPath } from '../paths/names.js';
import { both, type Steps } from '../twin.js';

/** What a real bind at one path came to. Bytes are counted without the NUL, `limit` with it. */
export interface SocketProbe {
  /** The path that was meant; another of the same length was bound. */
  path: string;
  /** The type of the socket that was bound. */
  type: SocketType;
  /** The length of {@link path} in UTF-8. */
  bytes: number;
  /** `sizeof(sun_path)` of this platform. */
  limit: number;
  /** Whether it binds. */
  ok: boolean;
  /** Why not: a system error's name or a refusal's code (`ERR_BOX_SOCKETS_MISPLACED`, for example). */
  code?: string;
  /** The call that failed. */
  syscall?: string;
  /** The message of the error that a bind would throw. */
  message?: string;
}

/** What a bind of one name of the budget came to. */
export interface NamedSocketProbe extends SocketProbe {
  /** The name in the budget. */
  name: string;
}

/** What `BoxSockets.probe` found. */
export interface ProbeReport {
  /** Whether every name binds. */
  ok: boolean;
  /** The binding's absolute path. */
  bindingDir: string;
  /** One result for each name, in the order of the budget. */
  sockets: NamedSocketProbe[];
}

/** Probes the names of a budget. */
export function* probeNames(entries: readonly SocketBudgetEntry[], paths: BindingPaths): Steps<ProbeReport> {
  // Another name of the same length, so that no live socket is touched and the bytes are the same.
  const standIns = entries.map(({ name, type }) => ({
    path: standInPath(`${paths.binding}/`, Buffer.byteLength(name)),
    type: SOCKET_TYPES.indexOf(type),
  }));
  const request = { ...paths, sockets: standIns };
  const failures = unwrap(yield* both(native().probe, native().probeAsync, request), paths);
  if (failures.length !== entries.length) throw outOfContract(`${entries.length} results`, failures.length);
  const { capacity: limit } = sunPathLimit();
  const sockets = entries.map(({ name, path, type, bytes }, i) => {
    return { name, path, type, bytes, limit, ...verdict(failures[i] ?? null, { ...paths, socket: path }) };
  });
  return { ok: sockets.every(({ ok }) => ok), bindingDir: paths.binding, sockets };
}

/** What a probe reports of one bind. */
export function verdict(
  failure: NativeFailure | null,
  paths: OperationPaths,
): Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> {
  if (failure === null) return { ok: true };
  const { code, syscall, message } = toError(failure, paths);
  return { ok: false, code, message, ...(syscall !== undefined && { syscall }) };
}
