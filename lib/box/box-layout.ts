// The directories of one box, made and removed in an order in which no crash leaves a link that leads nowhere, or a box
// without its link.

import {
  checkOptions,
  type PathLike,
  PRIVATE_MODE,
  toAbsolutePath,
  toBoolean,
  toBoxId,
  toOptions,
} from '../arguments.js';
import { fileAt, lookAt, makeDirectory as makeBelow, removeTree } from '../beneath.js';
import { BoxSockets } from '../box-sockets.js';
import { invalidArgValue } from '../errors.js';
import { makeDirectory, removeEmptyDirectory } from '../files.js';
import type { EnsureOptions, EnsureResult } from '../operations/ensure.js';
import type { RemoveResult } from '../operations/remove.js';
import { BOX_SOCKETS_OPTIONS, type BoxSocketsOptions } from '../paths/box-paths.js';
import { runAsync, runSync, type Steps, step, together } from '../twin.js';
import { isRemovable, MARKER } from './removable.js';
import { ShimProcess } from './shim-process.js';

/** From what, beside the home, the paths of a box are derived. */
export interface BoxLayoutOptions extends BoxSocketsOptions {
  /** The box id; the last component of the home when left out. */
  boxId?: string;
}

/** What is known of the box that `BoxLayout.cleanup` removes. */
export interface CleanupOptions {
  /**
   * The box has a row: then its home may be removed though it has no `sockets/`, as a clone that was never started.
   * False when left out.
   */
  hasRow?: boolean;
}

/** What `BoxLayout.cleanup` did. */
export interface CleanupResult {
  /** `'absent'` where the home was gone already. */
  home: 'removed' | 'absent';
  /** What became of the binding, as of `BoxSockets.remove`. */
  binding: RemoveResult['status'];
}

const FURTHER = ['tmp', 'disks', 'mounts', 'shared', 'logs', 'bin'] as const;

class BoxHome {
  /** The directory of the box: absolute. */
  readonly boxHome: string;

  constructor(boxHome: PathLike) {
    this.boxHome = toAbsolutePath('boxHome', boxHome);
    // Behind a link, what it means is known to the file system alone, and a removal would have to trust it.
    if (this.boxHome.split('/').includes('..')) throw invalidArgValue('boxHome', boxHome, 'must not contain ..');
  }
}

/**
 * Where everything of one box lies, this package's and BoxLite's. Nothing is looked up before an operation is called.
 *
 * @example
 * const layout = new BoxLayout('/home/me/.boxes/boxes/fJJNxyl8bP0k');
 * await layout.prepare();
 * layout.sockets.boxSock; // '/tmp/bl-1000/fJJNxyl8bP0k/box.sock'
 */
export class BoxLayout extends BoxHome {
  /** Of all boxes: this one's is `<home>/boxes/<id>`. */
  readonly #home = this.boxHome.split('/').slice(0, -2).join('/');
  /** Where the socket files lie; the binding leads here. */
  readonly socketsDir = `${this.boxHome}/${MARKER}`;
  /** Temporary files of the shim, `tmp/`. */
  readonly tmpDir = `${this.boxHome}/tmp`;
  /** Disk images of the guest, `disks/`. */
  readonly disksDir = `${this.boxHome}/disks`;
  /** What the host mounts for the guest, `mounts/`: the shim never opens it. */
  readonly mountsDir = `${this.boxHome}/mounts`;
  /** What host and guest share, `shared/`. */
  readonly sharedDir = `${this.boxHome}/shared`;
  /** Logs of the shim and of the guest, `logs/`. */
  readonly logsDir = `${this.boxHome}/logs`;
  /** What the shim runs, `bin/`. */
  readonly binDir = `${this.boxHome}/bin`;
  /** What the guest writes to its console. */
  readonly consoleLog = `${this.boxHome}/logs/console.log`;
  /**
   * What the shim itself writes to its standard output and error, where a `BoxRuntime` launched it. It lies where a shim
   * under a policy of `boxsockets/sandbox` cannot put anything in its place.
   */
  readonly shimLog = `${this.boxHome}/shim.log`;
  /** BoxLite's: what its shim writes to standard error. */
  readonly shimStderr = `${this.boxHome}/shim.stderr`;
  /** BoxLite's: how its shim ended. */
  readonly exitFile = `${this.boxHome}/exit`;
  /** BoxLite's: a kernel of the box's own. */
  readonly bootDir = `${this.boxHome}/boot`;
  /** BoxLite's: certificates of the network proxy. */
  readonly caDir = `${this.boxHome}/ca`;
  /** BoxLite's, of older releases: disks of snapshots. */
  readonly snapshotsDir = `${this.boxHome}/snapshots`;
  /** BoxLite's, of the whole home: what disks of several boxes are based on. */
  readonly basesDir = `${this.#home}/bases`;
  /** BoxLite's, of the whole home: images that disks are based on. */
  readonly diskImagesDir = `${this.#home}/images/disk-images`;
  /** Names the shim that runs the box: see {@link ShimProcess}. */
  readonly shimPid = `${this.boxHome}/shim.pid`;
  /** The id that names the binding. */
  readonly boxId: string;
  /** The sockets of the box. */
  readonly sockets: BoxSockets;

  /**
   * @param boxHome the directory of this box alone, its last component the box id (or name one in `options.boxId`)
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a home with `..` in it is refused too
   */
  constructor(boxHome: PathLike, options?: BoxLayoutOptions) {
    const { boxId, ...socketsOptions } = toOptions(options, { boxId: true, ...BOX_SOCKETS_OPTIONS });
    super(boxHome);
    this.boxId = toBoxId(boxId ?? this.boxHome.slice(this.boxHome.lastIndexOf('/') + 1));
    this.sockets = new BoxSockets(this.boxId, this.socketsDir, socketsOptions);
  }

  /**
   * Makes the home, then `sockets/`, then the binding, then the rest: a box that has more than its sockets has its
   * binding. What is there already stays as it is. On failure, what this call made is removed again.
   *
   * @param options for the binding, as of `BoxSockets.ensure`
   * @returns what became of the binding
   * @throws {BoxSocketsError} as `BoxSockets.ensure`, or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { status } = await layout.prepare(); // 'created', 'replaced' or 'unchanged'
   */
  prepare(options?: EnsureOptions): Promise<EnsureResult> {
    return runAsync(this.#prepare(options));
  }

  /** {@link prepare}, at once; waits as long as a file server hangs. @example layout.prepareSync(); */
  prepareSync(options?: EnsureOptions): EnsureResult {
    return runSync(this.#prepare(options));
  }

  /**
   * Removes the home with all that is in it, then the binding; where the home is gone already, the binding alone. Does
   * not look whether the box runs. A home that is a symlink is unlinked and not followed, nor is any link in it.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_HOME_UNSAFE`, before anything is touched: the directory holds the user's
   * home, the working or temporary directory, the base or a mounted file system, or it does not look like a box's home;
   * or as `BoxSockets.remove`, or the system call that failed
   * @example const { home, binding } = await layout.cleanup(); // 'removed' and 'removed', where both were there
   */
  cleanup(options?: CleanupOptions): Promise<CleanupResult> {
    return runAsync(this.#cleanup(options));
  }

  /** {@link cleanup}, at once; waits as long as a file server hangs. @example layout.cleanupSync(); */
  cleanupSync(options?: CleanupOptions): CleanupResult {
    return runSync(this.#cleanup(options));
  }

  /**
   * The shim that `shim.pid` names, where it is alive; else null.
   *
   * @throws {BoxSocketsError} as {@link ShimProcess.read}
   * @example await (await layout.shim())?.kill('SIGTERM');
   */
  async shim(): Promise<ShimProcess | null> {
    const shim = await ShimProcess.read(this.shimPid);
    return shim !== null && (await shim.isAlive()) ? shim : null;
  }

  /** {@link shim}, at once. @example layout.shimSync()?.pid; */
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
      yield* this.#makeBelow(MARKER, made);
      binding = yield* step({ sync: () => sockets.ensureSync(options), async: () => sockets.ensure(options) });
      yield* together(FURTHER.map((name) => () => this.#makeBelow(name, made)));
      return binding;
    } catch (error) {
      for (const directory of made.reverse()) yield* removeIfEmpty(directory);
      // Home first, then the binding, as ever.
      if (binding !== undefined && binding.status !== 'unchanged') yield* this.#removeBinding();
      throw error;
    }
  }

  *#makeBelow(name: string, made: string[]): Steps<void> {
    const directory = { directory: this.boxHome, path: name };
    try {
      if (yield* makeBelow(directory, PRIVATE_MODE)) made.push(`${this.boxHome}/${name}`);
    } catch (error) {
      // BoxLite's own, where it cannot mount one directory on the other.
      const isLink = name === 'shared' && process.platform === 'darwin' && (yield* lookAt(directory))?.type === 'link';
      if (!isLink) throw error;
    }
  }

  *#cleanup(options: CleanupOptions | undefined): Steps<CleanupResult> {
    const { hasRow } = checkOptions(options, { hasRow: toBoolean });
    const removable = yield* isRemovable(this, hasRow);
    // The marker last: what a crash in between leaves is still known for a home.
    if (removable) yield* removeTree(fileAt(this.boxHome), MARKER);
    const { status } = yield* this.#removeBinding();
    return { home: removable ? 'removed' : 'absent', binding: status };
  }

  #removeBinding(): Steps<RemoveResult> {
    const { sockets } = this;
    return step({ sync: () => sockets.removeSync(), async: () => sockets.remove() });
  }
}

function* make(directory: string, made: string[]): Steps<void> {
  const first = yield* makeDirectory(directory, PRIVATE_MODE);
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
