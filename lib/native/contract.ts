// The typed contract of the native addon: what it takes, what it returns. Paths are strings without NUL bytes, times
// are milliseconds. An operation that ends in Async works on a worker thread; each exists in
// the forms that are called.

import type { SocketType } from '../arguments.js';
import { outOfContract } from '../errors.js';
import type { BindingPaths } from '../paths/binding-paths.js';

type ParentPaths = Pick<BindingPaths, 'base' | 'parent'>;

/** Which of an operation's paths a failure is about, numbered as in native/posix/status.h. */
export const Subject = {
  none: 0,
  base: 1,
  parent: 2,
  lock: 3,
  binding: 4,
  temporary: 5,
  realDir: 6,
  socket: 7,
  file: 8,
} as const;

/** Why an operation was refused, numbered as in native/posix/status.h; 0 is a failed system call. */
export const Refusal = {
  none: 0,
  uidMismatch: 1,
  baseUntrusted: 2,
  parentNotDirectory: 3,
  parentForeign: 4,
  parentUnstable: 5,
  parentAbsent: 6,
  lockUntrusted: 7,
  lockTimeout: 8,
  realDir: 9,
  notASymlink: 10,
  bindingInUse: 11,
  misplaced: 12,
  peer: 13,
  fileUntrusted: 14,
  parentMounted: 15,
  tooLong: 16,
  idTaken: 17,
  ancestryUntrusted: 18,
} as const;

/** A failed operation. */
export interface NativeFailure {
  /** Positive; 0 where no system call failed. */
  readonly errno: number;
  readonly syscall: string | null;
  readonly subject: number;
  /** Of a call that is about two paths, the second. */
  readonly dest: number;
  readonly refusal: number;
  /** The uid (of a lock: the pid) that owns what was refused, or -1. */
  readonly owner: number;
  /** The uid that should own it, or -1. */
  readonly expected: number;
  /** Mode of what was refused, or -1. */
  readonly mode: number;
  /** What of a tree could not be removed, below the directory that the removal began in. */
  readonly entry?: string;
}

export const ENSURE_STATUS = ['unchanged', 'created', 'replaced'] as const;
export const REMOVE_STATUS = ['removed', 'absent', 'foreign'] as const;
export const BINDING_STATES = ['live', 'idle', 'dangling', 'unreadable', 'not-a-symlink'] as const;
/** The type of a socket that is probed goes in by its index. */
export const SOCKET_TYPES: readonly SocketType[] = ['stream', 'dgram', 'seqpacket'];
/** What stands at a probed path; of a socket, whether a process holds it. */
export const EXISTING = ['none', 'dead', 'held', 'other', 'unknown'] as const;
/** Of a socket, as native/posix/judgement.h numbers them. */
export const JUDGEMENTS = ['dead', 'alive', 'unknown', 'gone'] as const;
/** Why a socket is unknown, or alive although no file of it was found. */
export const REASONS = ['none', 'errno', 'foreign-file-system', 'file-gone', 'too-many'] as const;

/** The member of one of these lists that the addon names by its index. */
export function nameOf<T>(list: readonly T[], index: number): T {
  const name = list[index];
  if (name === undefined) throw outOfContract(`an index into ${list.join(', ')}`, index);
  return name;
}

export interface NativeSweep {
  readonly removed: string[];
  readonly kept: number;
  readonly skipped: { readonly name: string; readonly errno: number }[];
}

export interface NativeListEntry {
  readonly id: string;
  readonly target: string | null;
  /** Index into {@link BINDING_STATES}. */
  readonly state: number;
  /** Why it is unreadable, else 0. */
  readonly errno: number;
  readonly sockets: NativeSocket[];
}

export interface NativeVerdict {
  /** Index into {@link JUDGEMENTS}. */
  readonly judgement: number;
  /** Index into {@link REASONS}. */
  readonly reason: number;
  /** Of the question that failed, else 0. */
  readonly errno: number;
}

export interface NativeSocket extends NativeVerdict {
  /** Below the directory, subdirectories included. */
  readonly name: string;
}

/** Who is in the way of a binding. */
export interface NativeOccupant extends NativeVerdict {
  /** What the link holds. */
  readonly target: string;
  /** Below that. */
  readonly socket: string;
  /** 0 where it cannot be told. */
  readonly pid: number;
}

/** What ensure would say of a directory. */
export interface NativeInspected {
  /** A uid; null where nothing is there. */
  readonly owner: number | null;
  /** Permission bits; null where nothing is there. */
  readonly mode: number | null;
  readonly failure: NativeFailure | null;
}

export interface NativeInspection {
  readonly base: NativeInspected;
  readonly parent: NativeInspected;
}

/** What tells a socket file from any other that may take its place. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  /** Time of birth in nanoseconds; 0 where the platform has none. */
  readonly birth: bigint;
}

/** Descriptors with a shared lock on each; `realDir` is -1 where that directory cannot be locked. */
export interface NativeHold {
  readonly parent: number;
  readonly realDir: number;
}

export interface NativeListener {
  /** A listening socket. */
  readonly socket: number;
  /** A descriptor that keeps the number of the file's inode from being given again, or -1. */
  readonly pin: number;
  readonly identity: FileIdentity;
}

export interface NativePathProbe {
  readonly failure: NativeFailure | null;
  /** Index into {@link EXISTING}. */
  readonly existing: number;
}

/** A file in a directory that is trusted, by a path that is relative to it and leads nowhere else. */
export interface FileAt {
  readonly directory: string;
  readonly path: string;
}

export interface NativeFileStat {
  /** Type and permission bits. */
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly links: number;
  readonly device: bigint;
  readonly inode: bigint;
}

export interface NativeFileBytes {
  readonly bytes: Uint8Array;
  readonly size: number;
}

export interface NativeEntry {
  readonly name: string;
  /** Type bits alone. */
  readonly mode: number;
}

interface FileContent {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** How a file is opened: for reading, at its end, or emptied. */
export const OPENINGS = ['read', 'append', 'empty'] as const;

interface Timeout {
  /** That each file system has to answer in. */
  readonly timeout: number;
}

interface SweepArguments extends ParentPaths, LockTimeout, Timeout {
  readonly dryRun: boolean;
}

interface LockTimeout {
  readonly lockTimeout: number;
}

interface EnsureLimits extends LockTimeout {
  /** Whether everything that the base's path goes through is looked at, too. */
  readonly checkAncestry: boolean;
}

/** Index into {@link ENSURE_STATUS}; without an argument, whether everything is as `ensure` would leave it. */
export interface NativeEnsurer {
  (): boolean;
  (lockTimeout: number): number | NativeFailure;
}

interface ProbeArguments extends BindingPaths {
  readonly sockets: readonly { readonly path: string; readonly type: number }[];
}

interface PathProbeArguments {
  readonly path: string;
  readonly standIn: string;
  readonly directory: string;
  readonly type: number;
}

interface ListenArguments extends BindingPaths, EnsureLimits {
  readonly name: string;
  readonly mode: number;
  readonly backlog: number;
  readonly takeover: boolean;
}

interface UnlinkArguments extends ParentPaths, LockTimeout {
  readonly realDir: string;
  readonly name: string;
  readonly identity: FileIdentity;
}

type Operation<Args extends unknown[], Result> = (...args: Args) => Result | NativeFailure;
type AsyncOperation<Args extends unknown[], Result> = (...args: Args) => Promise<Result | NativeFailure>;

// What is called so often that a look for each name would be felt takes its arguments by their places.
export type BindingArguments = [base: string, parent: string, binding: string, realDir: string, parentMode: number];
type EnsureArguments = [...paths: BindingArguments, takeover: boolean, lockTimeout: number, checkAncestry: boolean];
type RemoveArguments = [...paths: BindingArguments, lockTimeout: number];
type DialArguments = [path: string, entry: string, verify: boolean, uid: number];

/** What the addon exports: what is called, and nothing else. */
export interface NativeBinding {
  /** Counts the changes of this contract; a binary of another one is refused. */
  readonly contract: number;
  /** `sizeof(sockaddr_un.sun_path)`. */
  readonly sunPathCapacity: number;
  /** A function that carries a binding's paths, so that a call passes none. */
  ensurer(...paths: BindingArguments): NativeEnsurer;
  /** Index into {@link ENSURE_STATUS}. */
  ensure: Operation<EnsureArguments, number>;
  ensureAsync: AsyncOperation<EnsureArguments, number>;
  /** Index into {@link REMOVE_STATUS}. */
  remove: Operation<RemoveArguments, number>;
  removeAsync: AsyncOperation<RemoveArguments, number>;
  /** `paths` holds `binding NUL realDir NUL` for each box; the result, in order, an index into {@link ENSURE_STATUS}. */
  ensureAllAsync: AsyncOperation<
    [ParentPaths & EnsureLimits & { readonly parentMode: number; readonly paths: Uint8Array }],
    (number | NativeFailure)[]
  >;
  sweepStale: Operation<[SweepArguments], NativeSweep>;
  sweepStaleAsync: AsyncOperation<[SweepArguments], NativeSweep>;
  list: Operation<[ParentPaths & Timeout], NativeListEntry[]>;
  listAsync: AsyncOperation<[ParentPaths & Timeout], NativeListEntry[]>;
  /** Who is in the way of a binding that was refused for that; null where it is free by now. */
  occupant: Operation<[BindingPaths], NativeOccupant | null>;
  /** What ensure would say of a base and a parent. Changes nothing. */
  inspect: Operation<[ParentPaths & { readonly checkAncestry: boolean }], NativeInspection>;
  inspectAsync: AsyncOperation<[ParentPaths & { readonly checkAncestry: boolean }], NativeInspection>;
  /** Binds each of `sockets`, which lie in `binding`, and looks for it in `realDir`. */
  probe: Operation<[ProbeArguments], (NativeFailure | null)[]>;
  probeAsync: AsyncOperation<[ProbeArguments], (NativeFailure | null)[]>;
  /** Binds `standIn`, looks for it in `directory`, and tells what stands at `path`. */
  probePath: Operation<[PathProbeArguments], NativePathProbe>;
  probePathAsync: AsyncOperation<[PathProbeArguments], NativePathProbe>;
  /** Null where the kernel bound that path, whatever its length. */
  bindAnyLength: Operation<[path: string], null>;
  bindAnyLengthAsync: AsyncOperation<[path: string], null>;
  /** Ensures, and returns a descriptor of the parent with a shared lock on it. */
  hold: Operation<[BindingPaths & EnsureLimits], NativeHold>;
  holdAsync: AsyncOperation<[BindingPaths & EnsureLimits], NativeHold>;
  /** Fresh timestamps for a binding in a held parent; refused where the parent was replaced. */
  refresh: Operation<[ParentPaths & { readonly binding: string; readonly descriptor: number }], null>;
  /** Fresh timestamps for a real directory and the sockets in it. */
  refreshSocketsAsync: AsyncOperation<[realDir: string], null>;
  /** Without the lock; null where the binding is not right, or something bears the name. */
  listenAtFreeName: Operation<[ListenArguments], NativeListener | null>;
  listenAsync: AsyncOperation<[ListenArguments], NativeListener>;
  /** Under the lock: unlinks the socket file where it is still the one of that identity. */
  unlinkOwn: Operation<[UnlinkArguments], null>;
  unlinkOwnAsync: AsyncOperation<[UnlinkArguments], null>;
  /** Ensures the binding, and removes a socket file of that name whose owner is dead. */
  claimAsync: AsyncOperation<
    [BindingPaths & EnsureLimits & { readonly name: string; readonly takeover: boolean }],
    null
  >;
  /**
   * A connected descriptor that does not block. `path` leads through the binding, `entry` is the same in the real
   * directory; `uid` is the peer's where it is to be verified. Never waits: EAGAIN where the listener's queue is full.
   */
  dial: Operation<DialArguments, number>;
  dialAsync: AsyncOperation<DialArguments, number>;
  /** Null where a process of that uid is at the other end of a connected socket. */
  checkPeer: Operation<[descriptor: number, uid: number], null>;
  /** To be called when a server or a stream has taken what `listen` or `dial` returned: it closes it from now on. */
  disown(descriptor: number): null;
  /** Closes what `hold`, `listen` or `dial` returned: Deno's `fs.closeSync` knows only what it has opened itself. */
  closeDescriptor(descriptor: number): null;
  /** The inode number of an open descriptor, -1 where it is not open. */
  inodeOf(descriptor: number): number;
  /** Up to `most` bytes from the beginning of a file, or from its end; `size` is that of the whole. */
  readFile: Operation<[FileAt & { readonly most: number; readonly fromEnd: boolean }], NativeFileBytes>;
  readFileAsync: AsyncOperation<[FileAt & { readonly most: number; readonly fromEnd: boolean }], NativeFileBytes>;
  /** Puts a file of these bytes in the place of whatever bears the name. */
  replaceFile: Operation<[FileAt & FileContent], null>;
  replaceFileAsync: AsyncOperation<[FileAt & FileContent], null>;
  /** A descriptor; `opening` is an index into {@link OPENINGS}. */
  openFile: Operation<[FileAt & { readonly opening: number; readonly mode: number }], number>;
  openFileAsync: AsyncOperation<[FileAt & { readonly opening: number; readonly mode: number }], number>;
  /** Null where nothing is. */
  lookAt: Operation<[FileAt], NativeFileStat | null>;
  lookAtAsync: AsyncOperation<[FileAt], NativeFileStat | null>;
  /** E2BIG where there are more than `most` entries. */
  listDirectory: Operation<[FileAt & { readonly most: number }], NativeEntry[]>;
  listDirectoryAsync: AsyncOperation<[FileAt & { readonly most: number }], NativeEntry[]>;
  /** False where the directory was there. */
  makeDirectory: Operation<[FileAt & { readonly mode: number }], boolean>;
  makeDirectoryAsync: AsyncOperation<[FileAt & { readonly mode: number }], boolean>;
  /** False where nothing was there. */
  removeFile: Operation<[FileAt], boolean>;
  removeFileAsync: AsyncOperation<[FileAt], boolean>;
  /** The entry `last` of the tree goes after all the others; a failure says which `entry` could not be removed. */
  removeTree: Operation<[FileAt & { readonly last: string }], null>;
  removeTreeAsync: AsyncOperation<[FileAt & { readonly last: string }], null>;
  /** Clock ticks since boot on Linux, microseconds since the epoch on macOS; null where no such process runs. */
  startTime: Operation<[pid: number], number | null>;
  startTimeAsync: AsyncOperation<[pid: number], number | null>;
  /** Whether the process of that number is still the one that started then, and was sent the signal. */
  signalProcess: Operation<[pid: number, startTime: number, signal: number], boolean>;
  signalProcessAsync: AsyncOperation<[pid: number, startTime: number, signal: number], boolean>;
  /** A descriptor that holds the lock file `path` until it is closed. */
  lockHomeAsync: AsyncOperation<[path: string], number>;
  /** Whether this kernel alone serves the file system, so that nothing on it waits for a server. */
  isServedHereAsync(path: string): Promise<boolean>;
  /** A failure's subject is `binding` for `a`, `realDir` for `b`. */
  sameInode: Operation<[a: string, b: string], boolean>;
  sameInodeAsync: AsyncOperation<[a: string, b: string], boolean>;
}

/** The {@link NativeBinding.contract} that this facade speaks. */
export const CONTRACT = 10;

export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'refusal' in outcome;
}
