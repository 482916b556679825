// The sockets of one box: where they are, from its identity alone, and the binding that makes them bind.

import type * as net from 'node:net';
import type { ClaimOptions } from './operations/claim.js';
import type { ConnectOptions } from './operations/connect.js';
import { type EnsureOptions, type EnsureRequest, type EnsureResult, Ensurer, toEnsure } from './operations/ensure.js';
import type { EnsureOutcome } from './operations/ensure-all.js';
import type { BindingHold, HoldOptions } from './operations/hold.js';
import type { Inspection } from './operations/inspect.js';
import * as lazy from './operations/lazy.js';
import type { BindingInfo, ListOptions } from './operations/list.js';
import type { ListenOptions } from './operations/listen.js';
import type { ParentOptions } from './operations/parent-options.js';
import { type ProbeReport, probeNames } from './operations/probe.js';
import { type RemoveOptions, type RemoveResult, remove } from './operations/remove.js';
import type { SweepOptions, SweepResult } from './operations/sweep.js';
import { BoxPaths, bindingPathsOf, tooLongOf } from './paths/box-paths.js';
import { runAsync, runSync } from './twin.js';

/**
 * The sockets of one box. Every path is derived from `(boxId, realDir, uid, base)`, so that host and shim agree without
 * telling each other; nothing is looked up before an operation is called.
 *
 * @example
 * const sockets = new BoxSockets('box1', '/home/me/.boxes/boxes/box1/sockets');
 * await sockets.listen(server, 'box.sock'); // at '/tmp/bl-1000/box1/box.sock', whatever the depth of the home
 * const socket = await sockets.connect('box.sock', { verifyPeer: true });
 */
export class BoxSockets extends BoxPaths {
  readonly #paths = bindingPathsOf(this);
  readonly #binding = new Ensurer(this.#paths);

  /**
   * Makes the binding lead to the real directory. Idempotent, and safe under any number of concurrent callers in any
   * number of processes and threads. Where it is right already, it looks at four paths at most, and who the caller is; a
   * missing one is made in one call and without a lock.
   *
   * @returns whether the binding was `'created'`, `'replaced'` or `'unchanged'`, and where it is
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_PATH_TOO_LONG`, `ERR_BOX_SOCKETS_UID_MISMATCH`,
   * `ERR_BOX_SOCKETS_REAL_DIR`, `ERR_BOX_SOCKETS_BASE_UNTRUSTED`, `ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY`,
   * `ERR_BOX_SOCKETS_PARENT_FOREIGN`, `ERR_BOX_SOCKETS_PARENT_UNSTABLE`, `ERR_BOX_SOCKETS_LOCK_UNTRUSTED`,
   * `ERR_BOX_SOCKETS_LOCK_TIMEOUT`, `ERR_BOX_SOCKETS_NOT_A_SYMLINK`, `ERR_BOX_SOCKETS_BINDING_IN_USE`,
   * `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`, or the system call that failed (`ETIMEDOUT`: no answer for 2,000 ms)
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { status, bindingDir } = await sockets.ensure();
   */
  async ensure(options?: EnsureOptions): Promise<EnsureResult> {
    return this.#binding.async(this.#toEnsure(options));
  }

  /**
   * {@link ensure}, at once. A file server that hangs keeps the event loop waiting for 2,000 ms: call {@link ensure} there.
   * @example const { status } = sockets.ensureSync();
   */
  ensureSync(options?: EnsureOptions): EnsureResult {
    const known = options === undefined ? this.#binding.again() : undefined;
    return known ?? this.#binding.sync(this.#toEnsure(options));
  }

  /**
   * Unlinks the binding where it is this box's: it leads to the real directory, or to nothing. The real directory and
   * the parent stay.
   *
   * @throws {BoxSocketsError} as {@link ensure}, but never for something that is missing
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { status } = await sockets.remove(); // 'removed', 'absent' or 'foreign'
   */
  async remove(options?: RemoveOptions): Promise<RemoveResult> {
    return runAsync(remove(this.#paths, options));
  }

  /** {@link remove}, at once. @example sockets.removeSync(); */
  removeSync(options?: RemoveOptions): RemoveResult {
    return runSync(remove(this.#paths, options));
  }

  /**
   * Proves that every name of the budget binds, by doing it under another name of the same length: a socket is made,
   * bound, connected to, given a byte, found in the real directory and removed. Touches no live socket, leaves nothing
   * behind, and does not make the binding.
   *
   * @throws {BoxSocketsError} where the probe itself could not be made; a name that does not bind is in the report
   * @example
   * const { ok, sockets: names } = await sockets.probe();
   * if (!ok) console.error(names.filter((name) => !name.ok));
   */
  async probe(): Promise<ProbeReport> {
    return runAsync(probeNames(this.budget().sockets, this.#paths));
  }

  /** {@link probe}, at once; waits as long as a file server hangs. @example const { ok } = sockets.probeSync(); */
  probeSync(): ProbeReport {
    return runSync(probeNames(this.budget().sockets, this.#paths));
  }

  /**
   * Keeps the binding and the sockets alive while the box idles: shared locks on the parent and the real directory, which
   * systemd-tmpfiles honours, and fresh timestamps on the link, the real directory and its sockets from time to time.
   * Ensures first. Does not keep the process alive. Warns (`BOX_SOCKETS_LISTENER_LOST`) where the socket file of a server
   * that this process started with {@link listen} is gone.
   *
   * @returns the hold, until it is released or disposed of, or the process ends
   * @throws {BoxSocketsError} as {@link ensure}
   * @example using hold = await sockets.hold();
   */
  async hold(options?: HoldOptions): Promise<BindingHold> {
    return runAsync(lazy.loadHold().hold(this.#fitting().paths, options));
  }

  /** {@link hold}, at once. @example using hold = sockets.holdSync(); */
  holdSync(options?: HoldOptions): BindingHold {
    return runSync(lazy.loadHold().hold(this.#fitting().paths, options));
  }

  /**
   * Clears a name for a binder that is not a `net.Server`: a child process, `Bun.serve`, grpc. Ensures the binding, and
   * removes a socket file of that name that is proven dead. It cannot keep the name free: bind at once.
   *
   * @param name as in {@link socket}
   * @returns the path to bind and to dial, through the binding
   * @throws {BoxSocketsError} `EADDRINUSE` (what is there is not proven dead), as {@link ensure}, or a failed system call
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example Bun.serve({ unix: await sockets.claim('box.sock'), fetch });
   */
  async claim(name: string, options?: ClaimOptions): Promise<string> {
    return lazy.loadClaim().claim(this.#fitting().paths, name, options);
  }

  /**
   * Makes a server listen on a socket of this box. Ensures the binding; replaces a stale socket file whose owner is dead,
   * never a held one; binds with `mode`, verifies that the socket lies in the real directory, and hands it to the server.
   * At `close()` its own socket file is unlinked, and no other that has taken its name. `server.address()` does not tell
   * the path: {@link socket} does.
   *
   * @param server not listening yet
   * @param name as in {@link socket}
   * @returns once the server listens
   * @throws {BoxSocketsError} `EADDRINUSE` (a process holds the socket), `ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED` (in a
   * cluster worker), `ERR_BOX_SOCKETS_MISPLACED`, as {@link ensure}, or the system call that failed
   * @throws {Error} `ABORT_ERR`
   * @example await sockets.listen(net.createServer(onConnection), 'box.sock');
   */
  async listen(server: net.Server, name: string, options?: ListenOptions): Promise<void> {
    return lazy.loadListen().listen(this.#fitting(), server, name, options);
  }

  /**
   * Dials a socket of this box. A binding that is missing or leads elsewhere is ensured first, and once more where it
   * is reaped at that very moment.
   *
   * @param name as in {@link socket}
   * @returns a connected socket
   * @throws {BoxSocketsError} `ECONNREFUSED` (nobody listens), `ENOENT` (no such socket), `ERR_BOX_SOCKETS_PEER` (with
   * `verifyPeer`), `ERR_BOX_SOCKETS_MISPLACED` (a link, or on macOS a listener that was bound by a path that does not lead
   * into the real directory), as {@link ensure}, or the system call that failed
   * @throws {Error} `ABORT_ERR`
   * @example
   * const socket = await sockets.connect('box.sock', { verifyPeer: true });
   */
  async connect(name: string, options?: ConnectOptions): Promise<net.Socket> {
    return lazy.loadConnect().connect(this.#fitting(), name, options);
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
    return lazy.loadEnsureAll().ensureAll(boxes);
  }

  /**
   * Removes the bindings of a parent whose targets are proven gone, and links left by killed replacements. What cannot
   * be resolved for another reason stays and is reported. A missing parent is an empty result.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BASE_UNTRUSTED`, `ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY`,
   * `ERR_BOX_SOCKETS_PARENT_FOREIGN`, `ERR_BOX_SOCKETS_LOCK_UNTRUSTED`, `ERR_BOX_SOCKETS_LOCK_TIMEOUT`,
   * `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`, or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example
   * const { removed } = await BoxSockets.sweepStale({ dryRun: true });
   */
  static async sweepStale(options?: SweepOptions): Promise<SweepResult> {
    return runAsync(lazy.loadSweep().sweepStale(options));
  }

  /** {@link BoxSockets.sweepStale}, at once. @example BoxSockets.sweepStaleSync({ base: '/run' }); */
  static sweepStaleSync(options?: SweepOptions): SweepResult {
    return runSync(lazy.loadSweep().sweepStale(options));
  }

  /**
   * Every entry of a parent that does not begin with a dot, and the sockets it leads to. Changes nothing.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BASE_UNTRUSTED`, `ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY`,
   * `ERR_BOX_SOCKETS_PARENT_FOREIGN`, `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`, or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example
   * const live = (await BoxSockets.list()).filter(({ state }) => state === 'live');
   */
  static async list(options?: ListOptions): Promise<BindingInfo[]> {
    return runAsync(lazy.loadList().list(options));
  }

  /** {@link BoxSockets.list}, at once. @example BoxSockets.listSync().map(({ id }) => id); */
  static listSync(options?: ListOptions): BindingInfo[] {
    return runSync(lazy.loadList().list(options));
  }

  /**
   * What {@link BoxSockets.ensure} would say of a base and a parent: whether it takes them, whose they are, which mode
   * they have. The very code that `ensure` runs; changes nothing, and a missing parent is fine.
   *
   * @returns of both `path`, `ok`, `owner` and `mode` (null where nothing is there), and where it is not ok the `code` and
   * the `message` of the error that `ensure` would throw: `ERR_BOX_SOCKETS_BASE_UNTRUSTED`,
   * `ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY`, `ERR_BOX_SOCKETS_PARENT_FOREIGN`, or a system call's
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example
   * const { base, parent } = await BoxSockets.inspect();
   * if (!base.ok) console.error(base.message);
   */
  static async inspect(options?: ParentOptions): Promise<Inspection> {
    return runAsync(lazy.loadInspect().inspect(options));
  }

  /** {@link BoxSockets.inspect}, at once. @example BoxSockets.inspectSync().parent.ok; */
  static inspectSync(options?: ParentOptions): Inspection {
    return runSync(lazy.loadInspect().inspect(options));
  }

  #toEnsure(options: EnsureOptions | undefined): EnsureRequest {
    const request = toEnsure(options);
    this.#fitting();
    return request;
  }

  /** What operations take, of a box whose longest name fits; else its refusal. */
  #fitting() {
    const tooLong = tooLongOf(this);
    if (tooLong !== null) throw tooLong;
    return { paths: this.#paths, binding: this.#binding };
  }
}
