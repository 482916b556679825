// The sockets of one box: where they are, from its identity alone, and the binding that makes them bind.

import type net from 'node:net';
import {
  type LockOptions,
  type PathLike,
  type SocketType,
  toAbsolutePath,
  toBase,
  toBoolean,
  toBoxId,
  toLockTimeout,
  toOptions,
  toParentDir,
  toSocketName,
  toUid,
} from './arguments.js';
import { native } from './binding.js';
import { fitsEverywhere, makeBudget, type SocketBudget, type SocketName } from './budget.js';
import type { ConnectOptions } from './connect.js';
import type { EnsureOutcome, EnsureResult } from './ensure-all.js';
import { abortError, type BoxSocketsError, invalidArgType, pathTooLong } from './errors.js';
import { isLockTimeout, unwrap } from './failure.js';
import type { BindingHold, HeldBox, HoldOptions } from './hold.js';
import {
  KRUN_PEER_NAME,
  type KrunDerivation,
  type ResolvedKrunDerivation,
  resolveKrunDerivation,
} from './krun/derivation.js';
import { loadConnect, loadEnsureAll, loadHold, loadListen, loadSweep } from './lazy.js';
import type { ListenOptions } from './listen.js';
import { retryUntilUnlocked, untilUnlocked } from './lock-wait.js';
import { ENSURE_STATUS, type NativeFailure, nameOf, REMOVE_STATUS } from './native.js';
import type { PathAccess } from './path-access.js';
import { bindingPaths, type Place } from './place.js';
import { NamesProbe, type ProbeReport } from './probe.js';
import { socketNames } from './socket-names.js';
import { runAsync, runSync } from './steps.js';
import type { BindingInfo, ParentOptions, SweepOptions, SweepResult } from './sweep.js';

export interface BoxSocketsOptions {
  /** Directory that holds the parents: absolute. `/tmp` when left out, never `os.tmpdir()`. */
  base?: string;
  /**
   * Names the parent, `bl-<uid>`; the caller's when left out. A shim in a user namespace sees another uid than its host:
   * the host hands it its own. Ownership is always checked against the caller.
   */
  uid?: number;
  /** How the vendor names the socket that it derives; `'suffix'` when left out. */
  krun?: KrunDerivation;
  /** Further names, counted and probed; streams where no type is given. */
  names?: readonly (string | { name: string; type: SocketType })[];
}

export interface EnsureOptions extends LockOptions {
  /** Replace a binding that leads to a live box of the same id, or that cannot be resolved. */
  takeover?: boolean;
}

export type RemoveOptions = LockOptions;

export interface RemoveResult {
  /** `'foreign'`: something is there that is not this box's binding, and was left alone. */
  status: (typeof REMOVE_STATUS)[number];
}

/**
 * The sockets of one box. Every path is derived from `(boxId, realDir, uid, base)`, so that host and shim agree without
 * telling each other; nothing is looked up before an operation is called.
 *
 * @example
 * const sockets = new BoxSockets('box1', '/home/me/.boxes/box1/sockets');
 * sockets.ensureSync();
 * server.listen(sockets.boxSock); // '/tmp/bl-1000/box1/box.sock', whatever the depth of the home
 */
export class BoxSockets {
  readonly boxId: string;
  /** Absolute: where the socket files really lie. */
  readonly realDir: string;
  /** `<base>/bl-<uid>` */
  readonly parentDir: string;
  /** `<base>/bl-<uid>/<boxId>`, the symlink to {@link realDir}. */
  readonly bindingDir: string;

  readonly #place: Place;
  readonly #krun: ResolvedKrunDerivation;
  readonly #names: readonly SocketName[];
  /** Its bytes. */
  readonly #longestName: number;
  readonly #unchanged: EnsureResult;
  #steady: (() => boolean) | undefined;
  #fits: boolean | undefined;

  /**
   * @param boxId 1 to 128 of `[A-Za-z0-9_-]`
   * @param realDir where the socket files lie: a string, a Buffer or a file: URL; a relative one is resolved now
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   */
  constructor(boxId: string, realDir: PathLike, options?: BoxSocketsOptions) {
    const { base, uid, krun, names } = toOptions(options);
    this.boxId = toBoxId(boxId);
    this.realDir = toAbsolutePath('realDir', realDir);
    const baseDir = toBase(base);
    this.parentDir = toParentDir(baseDir, toUid(uid));
    this.bindingDir = `${this.parentDir}/${boxId}`;
    this.#place = { base: baseDir, parent: this.parentDir, binding: this.bindingDir, realDir: this.realDir };
    this.#krun = resolveKrunDerivation(krun);
    this.#names = socketNames(this.#krun, names);
    this.#longestName = Math.max(...this.#names.map(({ name }) => name.length));
    this.#unchanged = Object.freeze({ status: 'unchanged', bindingDir: this.bindingDir });
  }

  /** The control socket, `box.sock`. */
  get boxSock(): string {
    return `${this.bindingDir}/box.sock`;
  }

  /** The guest says here that it is ready, `ready.sock`. */
  get readySock(): string {
    return `${this.bindingDir}/ready.sock`;
  }

  /** The network backend, `net.sock`: a datagram socket on macOS, a stream elsewhere. */
  get netBackendSock(): string {
    return `${this.bindingDir}/${KRUN_PEER_NAME}`;
  }

  /** The network backend's control, `gvproxy-ctl.sock`. */
  get netControlSock(): string {
    return `${this.bindingDir}/gvproxy-ctl.sock`;
  }

  /** What the vendor binds beside {@link netBackendSock}; null where it has no name of its own or an unforeseeable one. */
  get netPeerSock(): string | null {
    return this.#krun.scheme === 'suffix' ? `${this.netBackendSock}${this.#krun.suffix}` : null;
  }

  /**
   * The path of any further socket.
   *
   * @param name 4 to 64 of `[A-Za-z0-9._-]`, not beginning with a dot
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   */
  socket(name: string): string {
    return `${this.bindingDir}/${toSocketName('name', name)}`;
  }

  /** The bytes of every name, through the binding and in the real directory. Arithmetic: nothing is looked up. */
  budget(): SocketBudget {
    return makeBudget(this.#names, this.bindingDir, this.realDir);
  }

  /**
   * Makes the binding lead to the real directory. Idempotent, and safe under any number of concurrent callers in any
   * number of processes and threads. Where it is right already, it costs four system calls.
   *
   * @returns whether the binding was `'created'`, `'replaced'` or `'unchanged'`, and where it is
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_PATH_TOO_LONG`, `…_UID_MISMATCH`, `…_REAL_DIR`, `…_BASE_UNTRUSTED`,
   * `…_PARENT_NOT_DIRECTORY`, `…_PARENT_FOREIGN`, `…_PARENT_UNSTABLE`, `…_LOCK_UNTRUSTED`, `…_LOCK_TIMEOUT`,
   * `…_NOT_A_SYMLINK`, `…_BINDING_IN_USE`, `…_NATIVE_UNAVAILABLE`, or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example
   * const { status, bindingDir } = await sockets.ensure();
   */
  ensure(options?: EnsureOptions): Promise<EnsureResult> {
    return this.#ensureUntil(options, undefined);
  }

  /** {@link ensure}, at once. */
  ensureSync(options?: EnsureOptions): EnsureResult {
    if (options === undefined && this.#steady?.() === true) return this.#unchanged;
    const { takeover, lockTimeout } = this.#ensureArguments(options);
    const knownUnsteady = options === undefined && this.#steady !== undefined;
    this.#steady ??= native().steady(...bindingPaths(this.#place));
    return this.#ensured(native().ensure(...bindingPaths(this.#place), takeover, lockTimeout, knownUnsteady));
  }

  /**
   * Unlinks the binding where it is this box's: it leads to the real directory, or to nothing. The real directory and
   * the parent stay.
   *
   * @throws {BoxSocketsError} as {@link ensure}, but never for something that is missing
   */
  async remove(options?: RemoveOptions): Promise<RemoveResult> {
    const lockTimeout = toLockTimeout(toOptions(options).lockTimeout);
    const { removeAsync } = native();
    const paths = bindingPaths(this.#place);
    return this.#removed(await untilUnlocked(lockTimeout, () => removeAsync(...paths, 0)));
  }

  /** {@link remove}, at once. */
  removeSync(options?: RemoveOptions): RemoveResult {
    const lockTimeout = toLockTimeout(toOptions(options).lockTimeout);
    return this.#removed(native().remove(...bindingPaths(this.#place), lockTimeout));
  }

  /**
   * Proves that every name of the budget binds, by doing it under another name of the same length: a socket is made,
   * bound, connected to, given a byte, found in the real directory and removed. Touches no live socket, leaves nothing
   * behind, and does not make the binding.
   *
   * @throws {BoxSocketsError} where the probe itself could not be made; a name that does not bind is in the report
   */
  async probe(): Promise<ProbeReport> {
    const probe = this.#namesProbe();
    return probe.report(await native().probeAsync(probe.args));
  }

  /** {@link probe}, at once. */
  probeSync(): ProbeReport {
    const probe = this.#namesProbe();
    return probe.report(native().probe(probe.args));
  }

  /**
   * Keeps the binding alive while the box idles: a shared lock on the parent directory, which systemd-tmpfiles honours,
   * and fresh timestamps on the link from time to time. Ensures first. Does not keep the process alive.
   *
   * @returns the hold, until it is released or disposed of, or the process ends
   * @throws {BoxSocketsError} as {@link ensure}
   * @example
   * using hold = await sockets.hold();
   */
  async hold(options?: HoldOptions): Promise<BindingHold> {
    const { BindingHold, lockBinding, toHold } = loadHold();
    const { refreshInterval, lockTimeout } = toHold(options);
    const box = this.#heldBox(lockTimeout);
    return new BindingHold(box, await runAsync(lockBinding(box)), refreshInterval);
  }

  /** {@link hold}, at once. */
  holdSync(options?: HoldOptions): BindingHold {
    const { BindingHold, lockBinding, toHold } = loadHold();
    const { refreshInterval, lockTimeout } = toHold(options);
    const box = this.#heldBox(lockTimeout);
    return new BindingHold(box, runSync(lockBinding(box)), refreshInterval);
  }

  /**
   * Makes a server listen on a socket of this box. Ensures the binding; replaces a stale socket file whose owner is dead,
   * never a held one; binds with `mode`, verifies that the socket lies in the real directory, and hands it to the server.
   * When the server closes, its own socket file is unlinked, and no other that has taken its name. `server.address()`
   * does not tell the path: {@link socket} does.
   *
   * @param server not listening yet
   * @param name as in {@link socket}
   * @returns once the server listens
   * @throws {BoxSocketsError} `EADDRINUSE` (a process holds the socket), `ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED` (in a
   * cluster worker), `ERR_BOX_SOCKETS_MISPLACED`, as {@link ensure}, or the system call that failed
   * @throws {Error} `ABORT_ERR`
   * @example
   * await sockets.listen(net.createServer(onConnection), 'box.sock');
   */
  async listen(server: net.Server, name: string, options?: ListenOptions): Promise<void> {
    this.#ensureArguments(undefined);
    return loadListen().listen(this.#place, server, name, options);
  }

  /**
   * Dials a socket of this box. A binding that is missing or leads elsewhere is ensured first, and once more where it
   * is reaped at that very moment.
   *
   * @param name as in {@link socket}
   * @returns a connected socket
   * @throws {BoxSocketsError} `ECONNREFUSED` (nobody listens), `ENOENT` (no such socket), `ERR_BOX_SOCKETS_PEER` (with
   * `verifyPeer`), as {@link ensure}, or the system call that failed
   * @throws {Error} `ABORT_ERR`
   * @example
   * const socket = await sockets.connect('box.sock', { verifyPeer: true });
   */
  async connect(name: string, options?: ConnectOptions): Promise<net.Socket> {
    const { dial, toDial } = loadConnect();
    const request = toDial(this.#place, name, options);
    if (request.signal?.aborted) throw abortError(request.signal);
    await this.#ensureUnlessSteady(request.signal);
    try {
      return await dial(request);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      const { status } = await this.#ensureUntil(undefined, request.signal);
      if (status === 'unchanged') throw error;
      return dial(request);
    }
  }

  /**
   * What a sandbox must let through: the real directory (writable), the binding (writable, `linkTo` the real directory)
   * and the parent (read only). The same whether or not they exist.
   */
  policyPaths(): PathAccess[] {
    return [
      { path: this.realDir, writable: true, kind: 'directory' },
      { path: this.bindingDir, writable: true, kind: 'directory', linkTo: this.realDir },
      { path: this.parentDir, writable: false, kind: 'directory' },
    ];
  }

  /**
   * What a shim's environment needs so that nothing it derives escapes the binding: `TMPDIR`, where libkrun binds in its
   * temporary directory; else nothing.
   */
  shimEnv(): Record<string, string> {
    return this.#krun.scheme === 'temp-dir' ? { TMPDIR: this.bindingDir } : {};
  }

  /**
   * Ensures many boxes in one job off the main thread.
   *
   * @returns what became of each, in order; one that fails does not stop the others
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`
   * @example
   * const failed = (await BoxSockets.ensureAll(boxes)).filter(({ status }) => status === 'failed');
   */
  static async ensureAll(boxes: Iterable<BoxSockets>): Promise<EnsureOutcome[]> {
    const all = toBoxes(boxes);
    const { Batch, inTurns } = loadEnsureAll();
    const outcomes: EnsureOutcome[] = new Array(all.length);
    const batch = new Batch();
    await inTurns(all, (box, index) => {
      const error = box.#tooLong();
      if (error === null) batch.add(box.#place, index);
      else outcomes[index] = { status: 'failed', bindingDir: box.bindingDir, error };
    });
    await batch.ensure(outcomes);
    return outcomes;
  }

  /**
   * Removes the bindings of a parent whose targets are proven gone, and links left by killed replacements. What cannot
   * be resolved for another reason stays and is reported. A missing parent is an empty result.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BASE_UNTRUSTED`, `…_PARENT_NOT_DIRECTORY`, `…_PARENT_FOREIGN`,
   * `…_LOCK_UNTRUSTED`, `…_LOCK_TIMEOUT`, `…_NATIVE_UNAVAILABLE`, or the system call that failed
   */
  static sweepStale(options?: SweepOptions): Promise<SweepResult> {
    return loadSweep().sweepStale(options);
  }

  /** {@link BoxSockets.sweepStale}, at once. */
  static sweepStaleSync(options?: SweepOptions): SweepResult {
    return loadSweep().sweepStaleSync(options);
  }

  /** Every entry of a parent that does not begin with a dot, and the sockets it leads to. Changes nothing. */
  static list(options?: ParentOptions): Promise<BindingInfo[]> {
    return loadSweep().list(options);
  }

  /** {@link BoxSockets.list}, at once. */
  static listSync(options?: ParentOptions): BindingInfo[] {
    return loadSweep().listSync(options);
  }

  #ensureArguments(options: EnsureOptions | undefined) {
    const { takeover, lockTimeout } = toOptions(options);
    const checked = {
      takeover: toBoolean('options.takeover', takeover),
      lockTimeout: toLockTimeout(lockTimeout),
    };
    const tooLong = this.#tooLong();
    if (tooLong !== null) throw tooLong;
    return checked;
  }

  #tooLong(): BoxSocketsError | null {
    this.#fits ??= fitsEverywhere(this.bindingDir, this.#longestName);
    if (this.#fits) return null;
    const { longest } = this.budget();
    return pathTooLong(longest.path, longest.bytes, longest.limit);
  }

  #ensured(outcome: number | NativeFailure): EnsureResult {
    const status = nameOf(ENSURE_STATUS, unwrap(outcome, this.#place));
    return status === 'unchanged' ? this.#unchanged : { status, bindingDir: this.bindingDir };
  }

  /** An aborted signal ends the waiting for the lock. */
  async #ensureUntil(options: EnsureOptions | undefined, signal: AbortSignal | undefined): Promise<EnsureResult> {
    const { takeover, lockTimeout } = this.#ensureArguments(options);
    const { ensureAsync } = native();
    const { base, parent, binding, realDir } = this.#place;
    const attempt = () => ensureAsync(base, parent, binding, realDir, takeover, 0, false);
    const outcome = await attempt();
    if (!isLockTimeout(outcome)) return this.#ensured(outcome);
    return this.#ensured(await retryUntilUnlocked(outcome, { attempt, timeout: lockTimeout, signal }));
  }

  async #ensureUnlessSteady(signal: AbortSignal | undefined): Promise<void> {
    this.#steady ??= native().steady(...bindingPaths(this.#place));
    if (!this.#steady()) await this.#ensureUntil(undefined, signal);
  }

  #heldBox(lockTimeout: number): HeldBox {
    const ensuring = {
      sync: () => this.ensureSync({ lockTimeout }),
      async: () => this.ensure({ lockTimeout }),
    };
    return { place: this.#place, lockTimeout, ensuring };
  }

  #removed(outcome: number | NativeFailure): RemoveResult {
    return { status: nameOf(REMOVE_STATUS, unwrap(outcome, this.#place)) };
  }

  #namesProbe(): NamesProbe {
    return new NamesProbe(this.budget().sockets, this.#place);
  }
}

function toBoxes(boxes: unknown): BoxSockets[] {
  if (typeof boxes !== 'object' || boxes === null || !(Symbol.iterator in boxes)) {
    throw invalidArgType('boxes', 'an iterable of BoxSockets', boxes);
  }
  const all = Array.from(boxes as Iterable<unknown>);
  all.forEach((box, i) => {
    if (!(box instanceof BoxSockets)) throw invalidArgType(`boxes[${i}]`, 'a BoxSockets', box);
  });
  return all as BoxSockets[];
}
