// The process that runs a box, told apart from every other that ever had or will have its number.

import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import {
  checkOptions,
  LARGEST_INT,
  type PathLike,
  timeout,
  toInteger,
  toOptions,
  toPath,
  toSignal,
} from '../arguments.js';
import { retry, sleep } from '../clock.js';
import { invalidArgValue } from '../errors.js';
import { isFailure, type NativeFailure } from '../native/contract.js';
import { native } from '../native/load.js';
import { both, runAsync, runSync, type Steps } from '../twin.js';
import { otherPidNamespace, processError } from './box-errors.js';
import { isElsewhere, ownOrigin, readShimPid, SHIM_ORIGIN, type ShimOrigin, writeShimPid } from './shim-pid.js';
import type { ShimExit, ShimStatus, WaitForExitOptions } from './shim-status.js';

const WAIT_CHECKS = { timeout: timeout(Number.POSITIVE_INFINITY), signal: toSignal };

/**
 * A process by its number and the moment it started. The number alone is given to another process sooner or later; with
 * the moment, a reused number is not alive, and neither is a zombie: a process all of whose threads have ended.
 *
 * @example
 * const shim = await ShimProcess.read(layout.shimPid); // null: no such file, or a torn one
 * if (shim !== null && (await shim.isAlive())) await shim.kill('SIGTERM');
 */
export class ShimProcess {
  /** Its process id. */
  readonly pid: number;
  /** As the platform tells it: clock ticks since boot on Linux, microseconds since the epoch on macOS. */
  readonly startTime: number;
  /** The boot in which it was started, where that is known: {@link startTime} begins anew with each. */
  readonly bootId: string | null;
  /** The number of the pid namespace that {@link pid} belongs to, where that is known: in another one it is nobody's. */
  readonly pidNamespace: string | null;
  /** The value of `BOXSOCKETS_BOX` in the environment of what a `BoxRuntime` launched. */
  readonly mark: string | null;
  #child: ChildProcess | undefined;

  /**
   * @param pid 2 or more
   * @param startTime see {@link startTime}
   * @param origin what else is known of it
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   */
  constructor(pid: number, startTime: number, origin?: Partial<ShimOrigin>) {
    this.pid = toPid(pid);
    this.startTime = toInteger('startTime', startTime, { least: 0, most: Number.MAX_SAFE_INTEGER });
    const { bootId = null, pidNamespace = null, mark = null } = toOptions(origin, SHIM_ORIGIN, 'origin');
    this.bootId = bootId;
    this.pidNamespace = pidNamespace;
    this.mark = mark;
  }

  /**
   * The process that has this number now; null where none has, or a zombie.
   * @throws {BoxSocketsError} the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const self = await ShimProcess.of(process.pid);
   */
  static of(pid: number): Promise<ShimProcess | null> {
    return runAsync(identify(toPid(pid)));
  }

  /** {@link ShimProcess.of}, at once. @example ShimProcess.ofSync(process.pid)?.startTime; */
  static ofSync(pid: number): ShimProcess | null {
    return runSync(identify(toPid(pid)));
  }

  /**
   * A child of this process; null where it did not start or has ended. How it ends is then told by {@link exit}.
   *
   * @param mark see {@link mark}
   * @throws {BoxSocketsError} the system call that failed
   * @example const shim = ShimProcess.ofChild(spawn('/usr/lib/shim', [id]));
   */
  static ofChild(child: ChildProcess, mark: string | null = null): ShimProcess | null {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const found = ShimProcess.ofSync(child.pid);
    if (found === null) return null;
    const shim = new ShimProcess(found.pid, found.startTime, { ...ownOrigin(), mark });
    shim.#child = child;
    return shim;
  }

  /**
   * The process that a `shim.pid` file names, alive or not; null where there is no such file, or a torn one. A file that
   * names a number alone, as old releases of BoxLite wrote it, identifies nothing and counts as torn.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_FILE_UNTRUSTED`: a link, a FIFO, or another user's file is in its place; or
   * the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const shim = await ShimProcess.read(layout.shimPid);
   */
  static read(file: PathLike): Promise<ShimProcess | null> {
    return runAsync(readShim(toPath('file', file)));
  }

  /** {@link ShimProcess.read}, at once. @example ShimProcess.readSync(layout.shimPid)?.pid; */
  static readSync(file: PathLike): ShimProcess | null {
    return runSync(readShim(toPath('file', file)));
  }

  /**
   * Writes the identity to a file: `pid` and the start time, a line each, as BoxLite does, then an empty line and what else
   * is known. Whoever reads it finds the old content or the new one, never a part.
   *
   * @throws {BoxSocketsError} the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example await shim.write(layout.shimPid);
   */
  write(file: PathLike): Promise<void> {
    return runAsync(writeShimPid(toPath('file', file), this));
  }

  /** {@link write}, at once. @example shim.writeSync(layout.shimPid); */
  writeSync(file: PathLike): void {
    runSync(writeShimPid(toPath('file', file), this));
  }

  /** How it ended, where it was a child of this process ({@link ShimProcess.ofChild}) and has ended. */
  get exit(): ShimExit | null {
    const { exitCode = null, signalCode = null } = this.#child ?? {};
    return exitCode === null && signalCode === null ? null : { code: exitCode, signal: signalCode };
  }

  /**
   * Whether this very process runs: neither one that has its number now, nor its zombie. `'unknown'` where that cannot be
   * told: its number is of another pid namespace, or `/proc` hides it from this user.
   *
   * @throws {BoxSocketsError} the system call that failed
   * @example if ((await shim.status()) === 'dead') await layout.cleanup();
   */
  status(): Promise<ShimStatus> {
    return runAsync(this.#status());
  }

  /** {@link status}, at once. @example shim.statusSync(); // 'alive', 'dead' or 'unknown' */
  statusSync(): ShimStatus {
    return runSync(this.#status());
  }

  /**
   * Whether its {@link status} is anything but `'dead'`: what cannot be told is not dead.
   *
   * @throws {BoxSocketsError} the system call that failed
   * @example if (await shim.isAlive()) await shim.kill();
   */
  async isAlive(): Promise<boolean> {
    return (await this.status()) !== 'dead';
  }

  /** {@link isAlive}, at once. @example shim.isAliveSync(); */
  isAliveSync(): boolean {
    return this.statusSync() !== 'dead';
  }

  /**
   * Sends a signal to this very process. On Linux 5.3 and newer a process that takes over its number at the last moment
   * is not hit.
   *
   * @param signal a name or a number; `'SIGTERM'` when left out
   * @returns whether it was sent: false where the process had ended
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_PID_NAMESPACE`: its number is of another one; or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example await shim.kill('SIGKILL');
   */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): Promise<boolean> {
    return runAsync(this.#kill(toSignalNumber(signal)));
  }

  /** {@link kill}, at once. @example shim.killSync('SIGKILL'); */
  killSync(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    return runSync(this.#kill(toSignalNumber(signal)));
  }

  /**
   * Waits until it has ended; false after the timeout.
   *
   * @throws {BoxSocketsError} the system call that failed
   * @throws {Error} `ABORT_ERR`
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example if (!(await shim.waitForExit({ timeout: 5_000 }))) await shim.kill('SIGKILL');
   */
  async waitForExit(options?: WaitForExitOptions): Promise<boolean> {
    const { timeout, signal } = checkOptions(options, WAIT_CHECKS);
    const patience = { timeout, first: 2, longest: 50, signal };
    const isAlive = await retry(() => this.isAliveSync(), Boolean, patience);
    if (isAlive) return false;
    // The system knows of a child's end before Node does, and only Node learns how it ended. Not by the child's event,
    // because a child that was unref'd does not keep the process alive until then.
    while (this.#child !== undefined && this.exit === null) await sleep(1);
    return true;
  }

  *#status(): Steps<ShimStatus> {
    const { pid } = this;
    if (isElsewhere(this, 'bootId')) return 'dead';
    if (isElsewhere(this, 'pidNamespace')) return 'unknown';
    const answer = yield* both(native().startTime, native().startTimeAsync, pid);
    if (isFailure(answer) && answer.errno === constants.errno.EACCES) return 'unknown';
    return unwrap(answer, pid) === this.startTime ? 'alive' : 'dead';
  }

  *#kill(signal: number): Steps<boolean> {
    const { pid, startTime, pidNamespace } = this;
    if (isElsewhere(this, 'bootId')) return false;
    if (isElsewhere(this, 'pidNamespace')) throw otherPidNamespace(pid, String(pidNamespace));
    return unwrap(yield* both(native().signalProcess, native().signalProcessAsync, pid, startTime, signal), pid);
  }
}

// Number 1 is init, 0 and negative ones are groups of processes to kill(2): none of them is ever a shim.
const toPid = (value: unknown) => toInteger('pid', value, { least: 2, most: LARGEST_INT });

function toSignalNumber(value: unknown): number {
  if (typeof value === 'string' && value in constants.signals) return constants.signals[value as NodeJS.Signals];
  if (typeof value === 'number' && Object.values(constants.signals).includes(value)) return value;
  throw invalidArgValue('signal', value, 'must be the name or the number of a signal');
}

function* identify(pid: number): Steps<ShimProcess | null> {
  const started = unwrap(yield* both(native().startTime, native().startTimeAsync, pid), pid);
  return started === null ? null : new ShimProcess(pid, started, ownOrigin());
}

function* readShim(file: string): Steps<ShimProcess | null> {
  const identity = yield* readShimPid(file);
  if (identity === null) return null;
  const { pid, startTime, ...origin } = identity;
  return new ShimProcess(pid, startTime, origin);
}

function unwrap<T>(outcome: T | NativeFailure, pid: number): T {
  if (isFailure(outcome)) throw processError(outcome.errno, outcome.syscall ?? 'kill', pid);
  return outcome;
}
