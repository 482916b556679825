// The directories of one box, made and removed in an order in which no crash leaves a link that leads nowhere, or a box
// without its link.

import { type PathLike, toAbsolutePath, toBase, toBoxId, toOptions } from '../arguments.js';
import { removeTree } from '../beneath.js';
import { BoxSockets } from '../box-sockets.js';
import { invalidArgValue } from '../errors.js';
import { makeDirectory, removeEmptyDirectory } from '../files.js';
import type { EnsureOptions, EnsureResult } from '../operations/ensure.js';
import type { RemoveResult } from '../operations/remove.js';
import type { BoxSocketsOptions } from '../paths/box-paths.js';
import { runAsync, runSync, type Steps, step } from '../twin.js';
import { MARKER, removableEntries } from './removable.js';
import { ShimProcess } from './shim-process.js';

export interface BoxLayoutOptions extends BoxSocketsOptions {
  /** The last component of the home when left out. */
  boxId?: string;
}

export interface CleanupResult {
  home: 'removed' | 'absent';
  /** As of `BoxSockets.remove`. */
  binding: RemoveResult['status'];
}

// A guest's disks and what it shares are its user's alone.
const MODE = 0o700;
const FURTHER = ['tmp', 'disks', 'mounts', 'shared', 'logs', 'bin'] as const;

/**
 * Where everything of one box lies. Nothing is looked up before an operation is called.
 *
 * @example
 * const layout = new BoxLayout('/home/me/.boxes/boxes/fJJNxyl8bP0k');
 * await layout.prepare();
 * layout.sockets.boxSock; // '/tmp/bl-1000/fJJNxyl8bP0k/box.sock'
 */
export class BoxLayout {
  /** Absolute. */
  readonly boxHome: string;
  readonly boxId: string;
  readonly sockets: BoxSockets;
  readonly #base: string;

  /**
   * @param boxHome the directory of this box alone, its last component the box id (or name one in `options.boxId`)
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a home with `..` in it is refused too
   */
  constructor(boxHome: PathLike, options?: BoxLayoutOptions) {
    const { boxId, ...socketsOptions } = toOptions(options);
    this.boxHome = toAbsolutePath('boxHome', boxHome);
    // Behind a link, what it means is known to the file system alone, and cleanup() would have to trust it.
    if (this.boxHome.split('/').includes('..')) throw invalidArgValue('boxHome', boxHome, 'must not contain ..');
    this.boxId = toBoxId(boxId ?? this.boxHome.slice(this.boxHome.lastIndexOf('/') + 1));
    this.sockets = new BoxSockets(this.boxId, this.socketsDir, socketsOptions);
    this.#base = toBase(socketsOptions.base);
  }

  /** Where the socket files lie; the binding leads here. */
  get socketsDir(): string {
    return `${this.boxHome}/${MARKER}`;
  }

  get tmpDir(): string {
    return `${this.boxHome}/tmp`;
  }

  get disksDir(): string {
    return `${this.boxHome}/disks`;
  }

  get mountsDir(): string {
    return `${this.boxHome}/mounts`;
  }

  get sharedDir(): string {
    return `${this.boxHome}/shared`;
  }

  get logsDir(): string {
    return `${this.boxHome}/logs`;
  }

  get binDir(): string {
    return `${this.boxHome}/bin`;
  }

  /** What the guest writes to its console. */
  get consoleLog(): string {
    return `${this.boxHome}/logs/console.log`;
  }

  /** What the shim itself writes, where a `BoxRuntime` launched it. */
  get shimLog(): string {
    return `${this.boxHome}/logs/shim.log`;
  }

  /** Names the shim that runs the box: see {@link ShimProcess}. */
  get shimPid(): string {
    return `${this.boxHome}/shim.pid`;
  }

  /**
   * Makes the home, then `sockets/`, then the binding, then the rest: a box that has more than its sockets has its
   * binding. What is there already stays as it is. On failure, what this call made is removed again.
   *
   * @param options for the binding, as of `BoxSockets.ensure`
   * @returns what became of the binding
   * @throws {BoxSocketsError} as `BoxSockets.ensure`, or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   */
  prepare(options?: EnsureOptions): Promise<EnsureResult> {
    return runAsync(this.#prepare(options));
  }

  /** {@link prepare}, at once. */
  prepareSync(options?: EnsureOptions): EnsureResult {
    return runSync(this.#prepare(options));
  }

  /**
   * Removes the home with all that is in it, then the binding; where the home is gone already, the binding alone. Does
   * not look whether the box runs. A home that is a symlink is unlinked and not followed.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_HOME_UNSAFE`, before anything is touched: the directory holds the user's
   * home, the working or temporary directory, the base or a mounted file system, or it does not look like a box's home;
   * or as `BoxSockets.remove`, or the system call that failed
   */
  cleanup(): Promise<CleanupResult> {
    return runAsync(this.#cleanup());
  }

  /** {@link cleanup}, at once. */
  cleanupSync(): CleanupResult {
    return runSync(this.#cleanup());
  }

  /**
   * Whether {@link cleanup} would remove the home. Changes nothing.
   *
   * @throws {BoxSocketsError} what it would refuse it with
   */
  async checkRemovable(): Promise<void> {
    await runAsync(this.#removableEntries());
  }

  /** {@link checkRemovable}, at once. */
  checkRemovableSync(): void {
    runSync(this.#removableEntries());
  }

  /** The shim that `shim.pid` names, where it is alive; else null. */
  async shim(): Promise<ShimProcess | null> {
    const shim = await ShimProcess.read(this.shimPid);
    return shim !== null && (await shim.isAlive()) ? shim : null;
  }

  /** {@link shim}, at once. */
  shimSync(): ShimProcess | null {
    const shim = ShimProcess.readSync(this.shimPid);
    return shim?.isAliveSync() === true ? shim : null;
  }

  *#prepare(options: EnsureOptions | undefined): Steps<EnsureResult> {
    const { sockets } = this;
    const made: string[] = [];
    let binding: EnsureResult | undefined;
    try {
      yield* make(this.boxHome, made);
      yield* make(this.socketsDir, made);
      binding = yield* step({ sync: () => sockets.ensureSync(options), async: () => sockets.ensure(options) });
      for (const name of FURTHER) yield* make(`${this.boxHome}/${name}`, made);
      return binding;
    } catch (error) {
      for (const directory of made.reverse()) yield* removeIfEmpty(directory);
      // Home first, then the binding, as ever.
      if (binding !== undefined && binding.status !== 'unchanged') yield* this.#removeBinding();
      throw error;
    }
  }

  *#cleanup(): Steps<CleanupResult> {
    const entries = yield* this.#removableEntries();
    const slash = this.boxHome.lastIndexOf('/');
    const home = { directory: this.boxHome.slice(0, slash) || '/', path: this.boxHome.slice(slash + 1) };
    // The marker last: what a crash in between leaves is still known for a home.
    if (entries !== null) yield* removeTree(home, MARKER);
    const { status } = yield* this.#removeBinding();
    return { home: entries === null ? 'absent' : 'removed', binding: status };
  }

  #removableEntries(): Steps<string[] | null> {
    return removableEntries(this.boxHome, [this.#base, this.sockets.parentDir]);
  }

  #removeBinding(): Steps<RemoveResult> {
    const { sockets } = this;
    return step({ sync: () => sockets.removeSync(), async: () => sockets.remove() });
  }
}

function* make(directory: string, made: string[]): Steps<void> {
  const first = yield* makeDirectory(directory, MODE);
  if (first === undefined) return;
  for (let end = first.length; end !== -1; end = directory.indexOf('/', end + 1)) made.push(directory.slice(0, end));
  if (first !== directory) made.push(directory);
}

function* removeIfEmpty(directory: string): Steps<void> {
  try {
    yield* removeEmptyDirectory(directory);
  } catch {
    // Somebody has put something into it meanwhile, and the first failure is the one to tell.
  }
}
