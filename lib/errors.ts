// The only place that constructs errors. A failed system call keeps its own code and Node's own shape; a refusal
// of ours has a code ERR_BOX_SOCKETS_…; a wrong argument is a TypeError with Node's own code.

import { getSystemErrorMap, inspect, types } from 'node:util';
import { nameErrno } from './errnos.js';

/** Every code of a refusal made by this package. Failed system calls carry their own code (`EACCES`, …). */
export type BoxSocketsErrorCode =
  | 'ERR_BOX_SOCKETS_BASE_UNTRUSTED'
  | 'ERR_BOX_SOCKETS_BINDING_IN_USE'
  | 'ERR_BOX_SOCKETS_BOX_EXISTS'
  | 'ERR_BOX_SOCKETS_BOX_NEEDED'
  | 'ERR_BOX_SOCKETS_BOX_NOT_FOUND'
  | 'ERR_BOX_SOCKETS_BOX_RUNNING'
  | 'ERR_BOX_SOCKETS_CLEANUP_FAILED'
  | 'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED'
  | 'ERR_BOX_SOCKETS_FILE_UNTRUSTED'
  | 'ERR_BOX_SOCKETS_HOME_LOCKED'
  | 'ERR_BOX_SOCKETS_HOME_UNSAFE'
  | 'ERR_BOX_SOCKETS_ID_TAKEN'
  | 'ERR_BOX_SOCKETS_LOCK_TIMEOUT'
  | 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED'
  | 'ERR_BOX_SOCKETS_MISPLACED'
  | 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE'
  | 'ERR_BOX_SOCKETS_NOT_A_SYMLINK'
  | 'ERR_BOX_SOCKETS_PARENT_FOREIGN'
  | 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY'
  | 'ERR_BOX_SOCKETS_PARENT_UNSTABLE'
  | 'ERR_BOX_SOCKETS_PATH_TOO_LONG'
  | 'ERR_BOX_SOCKETS_REAL_DIR'
  | 'ERR_BOX_SOCKETS_PEER'
  | 'ERR_BOX_SOCKETS_PID_NAMESPACE'
  | 'ERR_BOX_SOCKETS_READY_TIMEOUT'
  | 'ERR_BOX_SOCKETS_ROW_INVALID'
  | 'ERR_BOX_SOCKETS_ROW_TOO_LARGE'
  | 'ERR_BOX_SOCKETS_RUNTIME_CLOSED'
  | 'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN'
  | 'ERR_BOX_SOCKETS_SHIM_EXITED'
  | 'ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE'
  | 'ERR_BOX_SOCKETS_STORE'
  | 'ERR_BOX_SOCKETS_UID_MISMATCH'
  | 'ERR_BOX_SOCKETS_UID_UNKNOWN'
  | 'ERR_BOX_SOCKETS_VENDOR_PIN';

/** What an error of this package may carry beside its message; `cause` is the error that led to it. */
export type ErrorFields = {
  [Key in Exclude<keyof BoxSocketsError, 'code' | 'message' | 'name' | 'stack'>]?: BoxSocketsError[Key] | undefined;
};

/**
 * A failed system call, or a refusal of this package; `code` tells which.
 *
 * @example
 * const onError = (error: unknown) => {
 *   if (error instanceof BoxSocketsError && error.code === 'ERR_BOX_SOCKETS_BINDING_IN_USE') return useOtherId();
 *   throw error;
 * };
 */
export class BoxSocketsError extends Error {
  /** A system error's name (`'EACCES'`) or a {@link BoxSocketsErrorCode}. */
  readonly code: string;
  /** The number of a system error, negative as in Node's own errors. */
  declare readonly errno?: number;
  /** The system call that failed or whose answer led to the refusal. */
  declare readonly syscall?: string;
  /** The path that it is about. */
  declare readonly path?: string;
  /** Of a call that is about two paths, the second. */
  declare readonly dest?: string;
  /** Bytes of {@link path}, without the NUL. */
  declare readonly length?: number;
  /** Bytes that a socket address holds, the NUL included. */
  declare readonly limit?: number;
  /** The uid that owns what was refused; of a lock, the pid that holds it. */
  declare readonly owner?: number;
  /** The uid that should own it. */
  declare readonly expected?: number;
  /** Where the binding leads that was not replaced. */
  declare readonly target?: string;
  /** The socket there that is in the way, relative to {@link target}. */
  declare readonly socket?: string;
  /** What is known of that socket. */
  declare readonly judgement?: 'alive' | 'unknown';
  /** The process that holds that socket, where it can be told. */
  declare readonly pid?: number;
  /** The field of a row that was refused. */
  declare readonly field?: string;
  /** What could be seen where no guest said that it is ready: a `ReadyDiagnosis` of `boxsockets/box`. */
  declare readonly diagnosis?: object;

  /**
   * @param code a system error's name or a {@link BoxSocketsErrorCode}
   * @param message what was refused, and what to do
   * @param fields what the error carries beside it
   */
  constructor(code: string, message: string, fields: ErrorFields = {}) {
    const { cause, ...rest } = fields;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    Object.assign(this, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)));
  }
}

// Not a static block: packing renames a class that speaks of itself, and Node prints the class's own name.
Object.defineProperty(BoxSocketsError.prototype, 'name', {
  value: 'BoxSocketsError',
  configurable: true,
  writable: true,
});

/** A failed system call as Node words it: `EACCES: permission denied, symlinkat '/a' -> '/b'`. */
export function systemError(errno: number, syscall: string, path?: string, dest?: string): BoxSocketsError {
  const negative = -Math.abs(errno);
  const { name, text } = describeErrno(negative);
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  return new BoxSocketsError(name, `${name}: ${text}, ${syscall}${where}`, { errno: negative, syscall, path, dest });
}

/** What the kernel says of a full queue, or of an address in use. */
export function namedSystemError(name: 'EAGAIN' | 'EADDRINUSE', syscall: string, path: string): BoxSocketsError {
  return systemError((require('node:os') as typeof import('node:os')).constants.errno[name], syscall, path);
}

/** The name of a system error (`-13` or `13` is `'EACCES'`). */
export function errnoName(errno: number): string {
  return describeErrno(-Math.abs(errno)).name;
}

export function describeErrno(negative: number): { name: string; text: string } {
  const known = getSystemErrorMap().get(negative);
  return known === undefined ? nameErrno(-negative) : { name: known[0], text: known[1] };
}

/** A refusal of ours. */
export function refusal(code: BoxSocketsErrorCode, message: string, fields: ErrorFields = {}): BoxSocketsError {
  return new BoxSocketsError(code, message, fields);
}

/** `name` is too long for a socket address on some platform. */
export function pathTooLong(path: string, length: number, limit: number): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_PATH_TOO_LONG',
    `'${path}' is ${length} bytes long, and a socket address holds ${limit - 1} and a NUL (macOS; Linux 108 in all). ` +
      'Use a shorter box id, base or socket name',
    { path, length, limit },
  );
}

/** The native addon returned what its contract does not have: a fault of this package. */
export function outOfContract(expected: string, found: unknown): Error {
  return new Error(`boxsockets: the native addon answered ${String(found)} where its contract has ${expected}`);
}

/** A cluster worker cannot take over a descriptor, so that `listen` cannot hand one to it. */
export function descriptorUnsupported(path: string): BoxSocketsError {
  const isPm2 = process.env.pm_id !== undefined;
  return refusal(
    'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED',
    `${isPm2 ? 'A worker of pm2 in cluster mode' : 'A cluster worker'} cannot listen on a descriptor (Node would fail ` +
      `with EINVAL), so '${path}' was not bound. ` +
      (isPm2
        ? "Set exec_mode: 'fork', or call claim() before pm2 starts the workers and server.listen() with that path in each"
        : 'Listen in the primary process, or call claim() there and server.listen() with that path in each worker'),
    { path },
  );
}

/** What Node's own `net` throws under `--permission` without `--allow-net`; Deno wants `--allow-read` and `--allow-write` as well. */
export function accessDenied(path: string, name: string): Error {
  const error = new Error(`Access to this API has been restricted. Use --allow-${name} to manage permissions.`);
  return Object.assign(error, { code: 'ERR_ACCESS_DENIED', permission: name === 'net' ? 'Net' : name, resource: path });
}

/** What Node's own `listen` throws for a server that listens already. */
export function serverAlreadyListens(): Error {
  const error = new Error('Listen method has been called more than once without closing.');
  return Object.assign(error, { code: 'ERR_SERVER_ALREADY_LISTEN' });
}

/** What an aborted call rejects with, as Node words it. */
export function abortError(signal?: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** An error of Node's own for a failed system call, with the path it lacks; any other error as it is. */
export function fromSystemError(error: Error & { errno?: unknown }, syscall: string, path: string): Error {
  return typeof error.errno === 'number' ? systemError(error.errno, syscall, path) : error;
}

export interface Occupant {
  /** What the link holds. */
  target: string;
  /** Below that. */
  socket: string;
  judgement: 'alive' | 'unknown';
  /** Why it is unknown, or alive although it has no file: a clause. */
  reason: string | undefined;
  pid: number | undefined;
}

/** The binding leads to another box of the same id, which lives or may live; no occupant where it is gone by now. */
export function bindingInUse(binding: string, occupant: Occupant | null, fields: ErrorFields): BoxSocketsError {
  const remedy = 'Stop that box, use another id, or pass { takeover: true } where that box may lose its binding';
  if (occupant === null) {
    const what =
      'led to the directory of another box of the same id, in which a socket was held, or could not be asked. A second ' +
      'look, to tell whose it is, found none, or could not be made (for a lack of descriptors, for example)';
    return refusal('ERR_BOX_SOCKETS_BINDING_IN_USE', `'${binding}' ${what}. Try again`, fields);
  }
  const { target, socket, judgement, reason, pid } = occupant;
  const holder = pid === undefined ? 'a process' : `process ${pid}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  const state =
    judgement === 'alive'
      ? `${holder} holds a socket, '${socket}'${why}`
      : `it cannot be told whether a process holds a socket, '${socket}'${why}`;
  return refusal(
    'ERR_BOX_SOCKETS_BINDING_IN_USE',
    `'${binding}' leads to '${target}', the directory of another box of the same id, in which ${state}. ${remedy}`,
    { ...fields, target, socket, judgement, pid },
  );
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return types.isNativeError(thrown) ? thrown : new Error(String(thrown));
}

/** A `TypeError` with `ERR_INVALID_ARG_TYPE`, as Node words it. */
export function invalidArgType(name: string, expected: string, value: unknown): TypeError {
  const received = value === null || value === undefined ? String(value) : `type ${typeof value} (${shorten(value)})`;
  return withCode('ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}. Received ${received}`);
}

/** A `TypeError` with `ERR_INVALID_ARG_VALUE`; `rule` completes "The argument 'name' …". */
export function invalidArgValue(name: string, value: unknown, rule: string): TypeError {
  return withCode('ERR_INVALID_ARG_VALUE', `The argument '${name}' ${rule}. Received ${shorten(value)}`);
}

function withCode(code: string, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}

export function shorten(value: unknown): string {
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}
