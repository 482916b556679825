// The typed contract of the native addon: what it is asked. Paths are strings without NUL bytes, times are milliseconds.

import type { BindingPaths } from '../paths/binding-paths.js';
import type {
  FileAt,
  FileIdentity,
  NativeBox,
  NativeEntry,
  NativeFailure,
  NativeFileBytes,
  NativeFileStat,
  NativeHold,
  NativeInspection,
  NativeListEntry,
  NativeListener,
  NativeOccupant,
  NativePathProbe,
  NativeSweep,
} from './contract.js';

type ParentPaths = Pick<BindingPaths, 'base' | 'parent'>;

interface Timeout {
  /** That each file system has to answer in. */
  readonly timeout: number;
}

interface LockTimeout {
  readonly lockTimeout: number;
}

interface Ancestry {
  /** Whether everything that the base's path goes through is looked at, too. */
  readonly checkAncestry: boolean;
}

interface EnsureLimits extends LockTimeout, Ancestry {}

interface SocketArguments extends BindingPaths, EnsureLimits {
  readonly name: string;
  readonly takeover: boolean;
}

interface ListenArguments extends SocketArguments {
  readonly mode: number;
  readonly backlog: number;
}

interface UnlinkArguments extends ParentPaths, LockTimeout {
  readonly realDir: string;
  readonly name: string;
  readonly identity: FileIdentity;
  /** A descriptor of the real directory where the file's socket is still open; -1 where it is closed. */
  readonly directory: number;
}

interface EnsureAllArguments extends ParentPaths, EnsureLimits {
  readonly parentMode: number;
  /** Whether some of the boxes may lie with a server that does not answer: to ask that of each takes as long as the rest. */
  readonly mayWait: boolean;
  /** `binding NUL realDir NUL` of each box. */
  readonly paths: Uint8Array;
}

interface ProbeArguments extends BindingPaths {
  readonly sockets: readonly { readonly path: string; readonly type: number }[];
}

interface BoxRequest extends Timeout, Pick<BindingPaths, 'binding' | 'realDir'> {
  /** A directory that is known to answer: what lies on its file system is waited for. */
  readonly beside: string;
  /** Index into {@link BOX_DEPTHS}. */
  readonly depth: number;
}

interface PathProbeArguments {
  readonly path: string;
  readonly standIn: string;
  readonly directory: string;
  readonly type: number;
}

// What is called so often that a look for each name would be felt takes its arguments by their places.
type BindingArguments = [base: string, parent: string, binding: string, realDir: string, parentMode: number];

/**
 * Index into {@link ENSURE_STATUS}, or undefined where nothing was to do; without an argument, whether everything is as
 * `ensure` would leave it.
 */
export interface NativeEnsurer {
  (): boolean;
  (lockTimeout: number): number | undefined | NativeFailure;
}

/** What exists in both forms: under its name at once, and under its name with Async on a worker thread. */
interface InBothForms {
  /** Index into {@link ENSURE_STATUS}. */
  ensure(...args: [...paths: BindingArguments, takeover: boolean, lockTimeout: number, checkAncestry: boolean]): number;
  /** Index into {@link REMOVE_STATUS}. */
  remove(...args: [...paths: BindingArguments, lockTimeout: number]): number;
  sweepStale(request: ParentPaths & LockTimeout & Timeout & { readonly dryRun: boolean }): NativeSweep;
  list(request: ParentPaths & Timeout): NativeListEntry[];
  /** What ensure would say of a base and a parent. Changes nothing. */
  inspect(request: ParentPaths & Ancestry): NativeInspection;
  /** Binds each of `sockets`, which lie in `binding`, and looks for it in `realDir`. */
  probe(request: ProbeArguments): (NativeFailure | null)[];
  /** Binds `standIn`, looks for it in `directory`, and tells what stands at `path`. */
  probePath(request: PathProbeArguments): NativePathProbe;
  /** Null where the kernel bound that path, whatever its length. */
  bindAnyLength(path: string): null;
  /** Ensures, and returns a descriptor of the parent with a shared lock on it. */
  hold(request: BindingPaths & EnsureLimits): NativeHold;
  /** Unlinks the socket file where it is still the one of that identity; under the lock, where its socket is closed. */
  unlinkOwn(request: UnlinkArguments): null;
  /**
   * A connected descriptor that does not block. `path` leads through the binding, `entry` is the same in the real
   * directory; `uid` is the peer's where it is to be verified. Never waits: EAGAIN where the listener's queue is full.
   */
  dial(path: string, entry: string, verify: boolean, uid: number): number;
  /** Up to `most` bytes from the beginning of a file, or from its end; `size` is that of the whole. */
  readFile(request: FileAt & { readonly most: number; readonly fromEnd: boolean }): NativeFileBytes;
  /** Puts a file of these bytes in the place of whatever bears the name. */
  replaceFile(request: FileAt & { readonly bytes: Uint8Array; readonly mode: number }): null;
  /** A descriptor; `opening` is an index into {@link OPENINGS}. */
  openFile(request: FileAt & { readonly opening: number; readonly mode: number }): number;
  /** Null where nothing is. */
  lookAt(file: FileAt): NativeFileStat | null;
  /** E2BIG where there are more than `most` entries. */
  listDirectory(request: FileAt & { readonly most: number }): NativeEntry[];
  /** False where the directory was there. */
  makeDirectory(request: FileAt & { readonly mode: number }): boolean;
  /** False where nothing was there. */
  removeFile(file: FileAt): boolean;
  /** The entry `last` of the tree goes after all the others; a failure says which `entry` could not be removed. */
  removeTree(request: FileAt & { readonly last: string }): null;
  /** Clock ticks since boot on Linux, microseconds since the epoch on macOS; null where no such process runs. */
  startTime(pid: number): number | null;
  /** Whether the process of that number is still the one that started then, and was sent the signal. */
  signalProcess(pid: number, startTime: number, signal: number): boolean;
  /** A failure's subject is `binding` for `a`, `realDir` for `b`. */
  sameInode(a: string, b: string): boolean;
}

interface AtOnceAlone {
  /** Who is in the way of a binding that was refused for that; null where it is free by now. */
  occupant(paths: BindingPaths): NativeOccupant | null;
  /** Fresh timestamps for a binding in a held parent; refused where the parent was replaced. */
  refresh(request: ParentPaths & { readonly binding: string; readonly descriptor: number }): null;
  /** Without the lock; null where the binding is not right, or something bears the name. */
  listenAtFreeName(request: ListenArguments): NativeListener | null;
  /** Null where a process of that uid is at the other end of a connected socket. */
  checkPeer(descriptor: number, uid: number): null;
}

interface OnThreadAlone {
  /** In order, an index into {@link ENSURE_STATUS} for each box. */
  ensureAll(request: EnsureAllArguments): (number | NativeFailure)[];
  /** Fresh timestamps for a real directory and the sockets in it. */
  refreshSockets(realDir: string): null;
  listen(request: ListenArguments): NativeListener;
  /** Ensures the binding, and removes a socket file of that name whose owner is dead. */
  claim(request: SocketArguments): null;
  judgeBox(request: BoxRequest): NativeBox;
  /**
   * `pids` are an Int32Array's bytes, and so is the answer: 0 in the place of each whose environment, as far as it may be
   * read, has no such entry (`NAME=value`), and the negative of each that does not answer in time.
   */
  withEntry(entry: string, pids: Uint8Array): Uint8Array;
  /** A descriptor that holds the lock file `path` until it is closed. */
  lockHome(path: string): number;
}

type AtOnce<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Result | NativeFailure
    : never;
};

type OnThread<T> = {
  [Name in keyof T & string as `${Name}Async`]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Result | NativeFailure>
    : never;
};

/** What the addon exports: what is called, and nothing else. */
export interface NativeBinding extends AtOnce<InBothForms & AtOnceAlone>, OnThread<InBothForms & OnThreadAlone> {
  /** Counts the changes of this contract; a binary of another one is refused. */
  readonly contract: number;
  /** `sizeof(sockaddr_un.sun_path)`. */
  readonly sunPathCapacity: number;
  /** A function that carries a binding's paths, so that a call passes none. None where a look may wait for a server. */
  ensurer(...paths: BindingArguments): NativeEnsurer | undefined;
  /** To be called when a server or a stream has taken what `listen` or `dial` returned: it closes it from now on. */
  disown(descriptor: number): null;
  /** Closes what `hold`, `listen` or `dial` returned: Deno's `fs.closeSync` knows only what it has opened itself. */
  closeDescriptor(descriptor: number): null;
  /** The inode number of an open descriptor, -1 where it is not open. */
  inodeOf(descriptor: number): number;
  /** Whether this kernel alone serves the file system, so that nothing on it waits for a server. */
  isServedHereAsync(path: string): Promise<boolean>;
}
