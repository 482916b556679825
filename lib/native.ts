// The typed contract of the native addon: what it takes, what it returns. Paths are strings without NUL bytes, times
// are milliseconds. Every operation exists twice; the one that ends in Async works on a worker thread.

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
} as const;

/** A failed operation. */
export interface NativeFailure {
  /** Positive; 0 where no system call failed. */
  readonly errno: number;
  readonly syscall: string | null;
  readonly subject: number;
  readonly refusal: number;
  /** The uid (of a lock: the pid) that owns what was refused, or -1. */
  readonly owner: number;
  /** The uid that should own it, or -1. */
  readonly expected: number;
  /** Permission bits of what was refused, or -1. */
  readonly mode: number;
}

export const ENSURE_STATUS = ['unchanged', 'created', 'replaced'] as const;
export const REMOVE_STATUS = ['removed', 'absent', 'foreign'] as const;
export const BINDING_STATES = ['live', 'idle', 'dangling', 'unreadable', 'not-a-symlink'] as const;
/** What stands at a probed path: nothing, a socket that nobody holds, a socket that is held, something else. */
export const EXISTING = ['none', 'dead', 'held', 'other'] as const;

export interface NativeSweep {
  readonly removed: string[];
  readonly kept: number;
  /** Name, errno, name, errno, … */
  readonly skipped: (string | number)[];
}

/** Five values an entry: id, target, index into {@link BINDING_STATES}, errno, `[name, held, name, held, …]`. */
export type NativeListing = (string | number | null | (string | boolean)[])[];

/** Device, inode and, where the platform has one, time of birth. */
export type FileIdentity = [device: bigint, inode: bigint, birth: bigint];
export type NativeListener = [socket: number, pin: number, identity: FileIdentity];

type ParentPaths = [base: string, parent: string];
type BindingPaths = [...ParentPaths, binding: string, realDir: string];
type Operation<Args extends unknown[], Result> = (...args: Args) => Result | NativeFailure;
type AsyncOperation<Args extends unknown[], Result> = (...args: Args) => Promise<Result | NativeFailure>;

/** `knownUnsteady`: the caller has just looked, and the binding was not right. */
type EnsureArgs = [...BindingPaths, takeover: boolean, lockTimeout: number, knownUnsteady: boolean];
type RemoveArgs = [...BindingPaths, lockTimeout: number];
type SweepArgs = [...ParentPaths, dryRun: boolean, lockTimeout: number];
type ProbeArgs = [...ParentPaths, directory: string, addressDirectory: string, paths: string[], types: string];
type ProbePathArgs = [path: string, standIn: string, directory: string, datagram: boolean];
type EnsureAllArgs = [...ParentPaths, paths: Uint8Array, lockTimeout: number];
type RefreshArgs = [...ParentPaths, binding: string, descriptor: number];
type ListenArgs = [
  ...BindingPaths,
  name: string,
  mode: number,
  backlog: number,
  takeover: boolean,
  lockTimeout: number,
];
type SignalArgs = [pid: number, startTime: number, signal: number];
type UnlinkOwnArgs = [...ParentPaths, realDir: string, name: string, ...FileIdentity, lockTimeout: number];
type ProbePathResult = [failure: NativeFailure | null, existing: number];

/** What the addon exports. */
export interface NativeBinding {
  /** Counts the changes of this contract; a binary of another one is refused. */
  readonly contract: number;
  /** `sizeof(sockaddr_un.sun_path)`. */
  readonly sunPathCapacity: number;
  /** A check of one binding that carries its paths: true where everything is as `ensure` would leave it. */
  steady(...paths: BindingPaths): () => boolean;
  /** Index into {@link ENSURE_STATUS}. */
  ensure: Operation<EnsureArgs, number>;
  ensureAsync: AsyncOperation<EnsureArgs, number>;
  /** Index into {@link REMOVE_STATUS}. */
  remove: Operation<RemoveArgs, number>;
  removeAsync: AsyncOperation<RemoveArgs, number>;
  sweepStale: Operation<SweepArgs, NativeSweep>;
  sweepStaleAsync: AsyncOperation<SweepArgs, NativeSweep>;
  list: Operation<ParentPaths, NativeListing>;
  listAsync: AsyncOperation<ParentPaths, NativeListing>;
  /**
   * Binds each of `paths`, whose directory is `addressDirectory`, and looks for it in `directory`. `types[i]` is `'d'`
   * where `paths[i]` is a datagram socket, else `'s'`.
   */
  probe: Operation<ProbeArgs, (NativeFailure | null)[]>;
  probeAsync: AsyncOperation<ProbeArgs, (NativeFailure | null)[]>;
  /** Binds `standIn`, looks for it in `directory`, and tells what stands at `path` (index into {@link EXISTING}). */
  probePath: Operation<ProbePathArgs, ProbePathResult>;
  probePathAsync: AsyncOperation<ProbePathArgs, ProbePathResult>;
  /** Null where the kernel bound that path, whatever its length. */
  bindAnyLength: Operation<[path: string], null>;
  bindAnyLengthAsync: AsyncOperation<[path: string], null>;
  /** `paths` holds `binding NUL realDir NUL` for each box; the result, in order, an index into {@link ENSURE_STATUS}. */
  ensureAll: Operation<EnsureAllArgs, (number | NativeFailure)[]>;
  ensureAllAsync: AsyncOperation<EnsureAllArgs, (number | NativeFailure)[]>;
  /** A descriptor of the parent with a shared lock on it. */
  hold: Operation<[...ParentPaths, timeout: number], number>;
  holdAsync: AsyncOperation<[...ParentPaths, timeout: number], number>;
  /** Fresh timestamps for a binding in a held parent; refused where the parent was replaced. */
  refresh: Operation<RefreshArgs, null>;
  refreshAsync: AsyncOperation<RefreshArgs, null>;
  /** A listening socket, a descriptor that pins its file's inode number (or -1), and that file's identity. */
  listen: Operation<ListenArgs, NativeListener>;
  listenAsync: AsyncOperation<ListenArgs, NativeListener>;
  /** Under the lock: unlinks the socket file where it is still the one of that identity. */
  unlinkOwn: Operation<UnlinkOwnArgs, null>;
  unlinkOwnAsync: AsyncOperation<UnlinkOwnArgs, null>;
  /** A connected descriptor whose peer is of that uid. */
  dialVerified: Operation<[path: string, uid: number], number>;
  dialVerifiedAsync: AsyncOperation<[path: string, uid: number], number>;
  /** To be called when a server or a stream has taken what `listen` or `dialVerified` returned: it closes it from now on. */
  disown: Operation<[descriptor: number], null>;
  disownAsync: AsyncOperation<[descriptor: number], null>;
  /** Closes what `hold`, `listen` or `dialVerified` returned: Deno's `fs.closeSync` knows only what it has opened itself. */
  closeDescriptor: Operation<[descriptor: number], null>;
  closeDescriptorAsync: AsyncOperation<[descriptor: number], null>;
  /** The inode number of an open descriptor, -1 where it is not open. */
  inodeOf: Operation<[descriptor: number], number>;
  inodeOfAsync: AsyncOperation<[descriptor: number], number>;
  /** Clock ticks since boot on Linux, microseconds since the epoch on macOS; null where no such process runs. */
  startTime: Operation<[pid: number], number | null>;
  startTimeAsync: AsyncOperation<[pid: number], number | null>;
  /** Whether the process of that number is still the one that started then, and was sent the signal. */
  signalProcess: Operation<SignalArgs, boolean>;
  signalProcessAsync: AsyncOperation<SignalArgs, boolean>;
  /** A descriptor that holds the lock file `path` until it is closed. */
  lockHome: Operation<[path: string], number>;
  lockHomeAsync: AsyncOperation<[path: string], number>;
  /** A failure's subject is `binding` for `a`, `realDir` for `b`. */
  sameInode: Operation<[a: string, b: string], boolean>;
  sameInodeAsync: AsyncOperation<[a: string, b: string], boolean>;
}

/** The {@link NativeBinding.contract} that this facade speaks. */
export const CONTRACT = 6;

export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'refusal' in outcome;
}
