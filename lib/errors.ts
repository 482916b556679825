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

/** What the kernel answers a connect where the queue of whoever listens is full. */
export function queueFull(path: string): BoxSocketsError {
  return systemError((require('node:os') as typeof import('node:os')).constants.errno.EAGAIN, 'connect', path);
}

/** The name of a system error (`-13` or `13` is `'EACCES'`). */
export function errnoName(errno: number): string {
  return describeErrno(-Math.abs(errno)).name;
}

function describeErrno(negative: number): { name: string; text: string } {
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

/** No native binary could be loaded; `attempts` names every place that was tried, in order. */
export function nativeUnavailable(attempts: { place: string; reason: Error }[]): BoxSocketsError {
  const target = `${process.platform}-${process.arch}`;
  const tried = attempts.map(({ place, reason }) => `\n  - ${place}: ${shortReason(reason)}`).join('');
  const reasons = attempts.map(({ reason }) => reason);
  return refusal(
    'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE',
    `No native binary could be loaded for ${target}.${tried === '' ? '' : ` Tried:${tried}`}\n${nativeRemedy(reasons)}`,
    { cause: reasons.length === 0 ? undefined : new AggregateError(reasons, 'every place that was tried') },
  );
}

// One line of it: a bundler's loader puts its own name on the first, and what failed behind it.
function shortReason({ name, message }: Error): string {
  const [first = '', second = ''] = message.split('\n').filter((line) => line.trim() !== '');
  if (first === '') return `no reason was given (${name})`;
  return first.endsWith(':') ? `${first} ${second.trim()}`.trim() : first;
}

// The last line of the message, which doctor shows as its remedy.
function nativeRemedy(reasons: Error[]): string {
  if (reasons.length === 0)
    return 'There is none for it: this package has binaries for linux and darwin on x64 and arm64';
  // A bundler's loader passes on the message, and not always the code.
  const says = (pattern: RegExp) => reasons.some(({ message }) => pattern.test(message));
  if (says(/loading addons is disabled|--allow-addons/)) {
    return 'permission' in process
      ? 'Allow native addons: node --permission --allow-addons'
      : 'Allow native addons: start Node without --no-addons (look at NODE_OPTIONS as well)';
  }
  if (says(/--allow-ffi/)) return 'Allow native addons: deno run --allow-ffi';
  if (says(/failed to map segment|Operation not permitted/)) {
    return 'Install the package on a file system that is not mounted noexec, or name a copy elsewhere with useBinding()';
  }
  return (
    'Install the package anew with all its files (npm install --force boxsockets; no script or compiler is needed), let ' +
    "your bundler copy .node files, or name the file with useBinding() of 'boxsockets/binding'"
  );
}

/** What an addon of another version of this package is refused with. */
export function wrongContract(found: unknown, expected: number): Error {
  return new Error(`is not of this version of boxsockets (contract ${String(found)}, expected ${expected})`);
}

/** The native addon returned what its contract does not have: a fault of this package. */
export function outOfContract(expected: string, found: unknown): Error {
  return new Error(`boxsockets: the native addon answered ${String(found)} where its contract has ${expected}`);
}

/** What a binary that was cut short is refused with. */
export function cutShort({ found, stated }: { found: number; stated: number }): Error {
  return new Error(`file too short: it has ${found} bytes of ${stated}`);
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

/** A runtime that does not show the descriptors of connections, so that nobody can ask who is at their other end. */
export function peersCannotBeAsked(where: string, path: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED',
    `${where} does not show the descriptor of a connection, so listen() cannot verify the peers of '${path}', which was ` +
      "not bound. Listen without verifyPeer there: the parent's mode keeps other users out",
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

/** A row of a box that is not to be used: `rule` completes "its "field" …"; no field where the whole is meant. */
export function rowInvalid(
  field: string | null,
  rule: string,
  { received, cause }: { received?: unknown; cause?: unknown } = {},
): BoxSocketsError {
  const what = field === null ? 'The row of a box' : `The row of a box is refused: its "${field}"`;
  const value = received === undefined ? '' : `. Received ${shorten(received)}`;
  return refusal('ERR_BOX_SOCKETS_ROW_INVALID', `${what} ${rule}${value}`, { field: field ?? undefined, cause });
}

/** A row of a box that is not even parsed. */
export function rowTooLarge(bound: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_ROW_TOO_LARGE',
    `The row of a box is refused: it has ${bound}, which no row of a box needs. Look at who wrote it`,
  );
}

export interface GuestNotReady {
  /** Whether the shim ended, or else the time was over. */
  exited: boolean;
  path: string;
  /** Milliseconds. */
  elapsed: number;
  /** The shim that lives; null where none does. */
  alive: number | null;
  /** Sentences, a line each. */
  details: readonly string[];
  diagnosis: object;
}

/** No guest connected to `path`. */
export function guestNotReady({ exited, alive, path, elapsed, details, diagnosis }: GuestNotReady): BoxSocketsError {
  const code = exited ? 'ERR_BOX_SOCKETS_SHIM_EXITED' : 'ERR_BOX_SOCKETS_READY_TIMEOUT';
  const what = exited
    ? `The shim ended before a guest connected to '${path}' (${elapsed} ms)`
    : alive !== null
      ? `The shim (process ${alive}) lives, and nobody connected to '${path}' within ${elapsed} ms`
      : `No guest connected to '${path}' within ${elapsed} ms`;
  return refusal(code, [`${what}.`, ...details].join('\n  '), { path, diagnosis });
}

/** The shell that was to become the shim was gone before it did. */
export function shimNotStarted(command: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_SHIM_EXITED',
    `'${command}' was not started: the shell that was to become it had ended at once. Look whether something kills it`,
    { path: command },
  );
}

/** A directory that is not to be removed as the home of a box. */
export function homeUnsafe(path: string, reason: string, remedy = 'Look whether that path is meant'): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_HOME_UNSAFE',
    `'${path}' is not removed as the home of a box: ${reason}. Nothing was touched. ${remedy}`,
    { path },
  );
}

/** What is in the place of a file that the host reads or writes, and is no plain file of its user. */
export function fileUntrusted(
  path: string,
  { mode, owner, expected }: { mode: number; owner: number; expected: number },
): BoxSocketsError {
  const kind = fileType(mode);
  const found = kind === 'file' ? (owner === expected ? 'has several' : `belongs to uid ${owner}`) : `is a ${kind}`;
  return refusal(
    'ERR_BOX_SOCKETS_FILE_UNTRUSTED',
    `'${path}' must be a plain file of one link that belongs to uid ${expected}, and ${found}. Whoever may write to that ` +
      'directory can have put it there; it is left as it is. Look at it, and remove it',
    { path, owner, expected },
  );
}

/** An entry of a tree that could not be removed; the rest of the tree may be gone. */
export function notRemoved(errno: number, syscall: string, path: string): BoxSocketsError {
  const { code, message } = systemError(errno, syscall, path);
  const remedies: Record<string, string> = {
    EXDEV: 'A file system is mounted there: unmount it first',
    EPERM: 'See with lsattr whether it or its directory is immutable (chattr -i), and with ls -l whose they are',
    EACCES: 'It belongs to another user, or lies in a directory of another user',
  };
  const whole = [message, remedies[code]].filter(Boolean).join('. ');
  return new BoxSocketsError(code, whole, { errno: -errno, syscall, path });
}

/** What the type bits of a mode say. */
export function fileType(mode: number): FileType {
  return FILE_TYPES[(mode >> 12) & 0xf] ?? 'unknown';
}

export type FileType = 'FIFO' | 'device' | 'directory' | 'file' | 'link' | 'socket' | 'unknown';

const FILE_TYPES: Readonly<Record<number, FileType>> = {
  1: 'FIFO',
  2: 'device',
  4: 'directory',
  6: 'device',
  8: 'file',
  10: 'link',
  12: 'socket',
};

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
    const what = 'led to the directory of another box of the same id, in which a socket was held a moment ago';
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

/** Another host has taken the lock of a home; `owner` is its pid, or -1. */
export function homeLocked(homeDir: string, path: string, owner: number): BoxSocketsError {
  const who = owner > 0 ? `process ${owner}` : 'another process';
  const what = owner === process.pid ? 'Close the runtime that this process has opened there' : `Stop ${who}`;
  return refusal(
    'ERR_BOX_SOCKETS_HOME_LOCKED',
    `'${homeDir}' is in use by ${who}, which holds the lock on '${path}'. One host at a time opens a home. ${what}, or ` +
      'use another home',
    { path, owner: owner > 0 ? owner : undefined },
  );
}

export function boxNotFound(id: string, homeDir: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_BOX_NOT_FOUND',
    `There is no box '${id}' in '${homeDir}', neither a row nor a directory`,
  );
}

/** `what` is the row, the name or the directory that is there already. */
export function boxExists(id: string, what: string, cause?: unknown): BoxSocketsError {
  const message = `Box '${id}' cannot be made: ${what} is there already. Nothing was changed`;
  return refusal('ERR_BOX_SOCKETS_BOX_EXISTS', message, { cause });
}

/** `why` tells what shows that it runs, or why that cannot be told; `remedy` is a sentence. */
export function boxRunning(
  id: string,
  { state, why, remedy }: { state: 'running' | 'unknown'; why: string; remedy: string },
): BoxSocketsError {
  const runs = state === 'running' ? 'runs' : 'may run';
  return refusal('ERR_BOX_SOCKETS_BOX_RUNNING', `Box '${id}' ${runs}: ${why}. ${remedy}`);
}

/** Processes of a box that were killed and have not ended. */
export function boxSurvives(
  id: string,
  left: readonly { pid: number; command: string }[],
  milliseconds: number,
): BoxSocketsError {
  const named = left.map(({ pid, command }) => `\n  - process ${pid}${command === '' ? '' : `: ${shorten(command)}`}`);
  return refusal(
    'ERR_BOX_SOCKETS_BOX_RUNNING',
    `Box '${id}' does not end: what follows was killed ${milliseconds} ms ago and is still there, stuck in the kernel or ` +
      `another user's. Nothing was removed.${named.join('')}\nEnd it (as root, where it is another user's), and try again`,
  );
}

/** A process that cannot be looked at from here. */
export function otherPidNamespace(pid: number, namespace: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_PID_NAMESPACE',
    `Process ${pid} was recorded in another pid namespace (${namespace}) than this process is in, where that number is ` +
      "nobody's or another's. Do it from there",
  );
}

export function runtimeClosed(homeDir: string): BoxSocketsError {
  return refusal('ERR_BOX_SOCKETS_RUNTIME_CLOSED', `The runtime of '${homeDir}' was closed. Open it anew`);
}

/** A box could not be made, and then not be removed; what is left goes at the next `open`. */
export function cleanupFailed(id: string, failure: Error, cleanup: Error): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_CLEANUP_FAILED',
    `Box '${id}' could not be made (${failure.message}), and what was made of it not be removed (${cleanup.message}). ` +
      'Mend the latter; the next open removes it',
    { cause: new AggregateError([failure, cleanup], 'why it was not made, and why not removed') },
  );
}

/** What the store of rows in `file` failed with. */
export function storeFailed(file: string, error: Error & { code?: unknown }): BoxSocketsError {
  const code = typeof error.code === 'string' ? `${error.code}: ` : '';
  return refusal('ERR_BOX_SOCKETS_STORE', `The rows of boxes in '${file}' cannot be used: ${code}${error.message}`, {
    path: file,
    cause: error,
  });
}

/** A database of a BoxLite that is newer, or older, than those that are known. */
export function schemaUnknown(file: string, version: number, known: readonly number[]): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN',
    `'${file}' is a database of BoxLite's of schema version ${version}; this version of boxsockets knows ` +
      `${known.join(' and ')}, and only reads it. Nothing was changed. Use BoxLite for that, or a newer boxsockets`,
    { path: file },
  );
}

/** A box whose disks others are based on. */
export function boxNeeded(id: string, dependents: readonly string[]): BoxSocketsError {
  const named = dependents.map((name) => `'${name}'`).join(', ');
  return refusal(
    'ERR_BOX_SOCKETS_BOX_NEEDED',
    `Box '${id}' is not removed: the disks of ${named} are based on its own. Nothing was changed. Remove those first, or ` +
      'pass { force: true }, after which they may not start any more',
  );
}

/** There is no SQLite; `why` tells what is wrong with better-sqlite3. */
export function sqliteUnavailable(why: string, cause?: Error): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE',
    `Rows of boxes are kept in SQLite. This runtime has no node:sqlite (Node 24, Bun and Deno have it), and the package ` +
      `better-sqlite3 cannot be used in its place: ${firstLine(why)}.\n` +
      'Install its version 12 (npm install better-sqlite3@12), use another runtime, or pass a store of your own',
    { cause },
  );
}

/** A system call that failed for a process: `EPERM: operation not permitted, kill process 4711`. */
export function processError(errno: number, syscall: string, pid: number): BoxSocketsError {
  const negative = -Math.abs(errno);
  const { name, text } = describeErrno(negative);
  return new BoxSocketsError(name, `${name}: ${text}, ${syscall} process ${pid}`, { errno: negative, syscall });
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return types.isNativeError(thrown) ? thrown : new Error(String(thrown));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
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

function shorten(value: unknown): string {
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}
