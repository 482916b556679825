// Proof that sockets bind, by binding: reports of what really happened, name by name or for any path.

import { type PathLike, type SocketType, toOptions, toPath, toSocketType } from './arguments.js';
import { native } from './binding.js';
import type { SocketBudgetEntry } from './budget.js';
import { errnoName, outOfContract, systemError } from './errors.js';
import { type Scene, toError, unwrap } from './failure.js';
import { standInName } from './names.js';
import { EXISTING, isFailure, type NativeBinding, type NativeFailure, type NativePathProbe, nameOf } from './native.js';
import { nodeTruncates, sunPathLimit } from './sun-path.js';

/** What a real bind at one path came to. Bytes are counted without the NUL, `limit` with it. */
export interface SocketProbe {
  path: string;
  type: SocketType;
  bytes: number;
  /** `sizeof(sun_path)` of this platform. */
  limit: number;
  ok: boolean;
  /** Why not: a system error's name, or `ERR_BOX_SOCKETS_…` (`MISPLACED`, `PARENT_FOREIGN`, …). */
  code?: string;
  /** The call that failed. */
  syscall?: string;
  message?: string;
}

export interface NamedSocketProbe extends SocketProbe {
  name: string;
}

export interface ProbeReport {
  /** Whether every name binds. */
  ok: boolean;
  bindingDir: string;
  /** In the order of the budget. */
  sockets: NamedSocketProbe[];
}

export interface SocketPathProbe extends SocketProbe {
  /** Whether `net.Server.listen` of this Node would silently bind a cut, different path. */
  nodeTruncates: boolean;
  /** Where `code` is `'EADDRINUSE'`: whether a process holds the socket that is there. */
  held?: boolean;
}

export interface ProbePathOptions {
  /** `'stream'` when left out. */
  type?: SocketType;
}

/** The native call that probes the names of a budget, and the report that its results make. */
export class NamesProbe {
  readonly args: Parameters<NativeBinding['probe']>[0];
  readonly #entries: readonly SocketBudgetEntry[];
  readonly #scene: Scene;

  constructor(entries: readonly SocketBudgetEntry[], scene: Scene & { binding: string; realDir: string }) {
    this.#entries = entries;
    this.#scene = scene;
    // Another name of the same length, so that no live socket is touched and the bytes are the same.
    const sockets = entries.map(({ name, type }) => ({
      path: `${scene.binding}/${standInName(name.length)}`,
      datagram: type === 'dgram',
    }));
    this.args = { ...scene, sockets };
  }

  report(outcome: (NativeFailure | null)[] | NativeFailure): ProbeReport {
    const failures = unwrap(outcome, this.#scene);
    if (failures.length !== this.#entries.length)
      throw outOfContract(`${this.#entries.length} results`, failures.length);
    const { capacity: limit } = sunPathLimit();
    const sockets = this.#entries.map(({ name, path, type, bytes }, i) => ({
      name,
      path,
      type,
      bytes,
      limit,
      ...verdict(failures[i] ?? null, { ...this.#scene, socket: path }),
    }));
    return { ok: sockets.every(({ ok }) => ok), bindingDir: this.#scene.binding ?? '', sockets };
  }
}

/**
 * Whether a socket really binds at a path, and if not, why. A socket is made, bound, connected to and removed, under
 * another name of the same length in the same directory: whatever stands at the path is left alone.
 *
 * `code` is `ENAMETOOLONG` (too long), `ENOENT` or `ENOTDIR` (no such directory), `EACCES` or `EROFS` (no permission),
 * `EPERM` or `EOPNOTSUPP` (a file system that has no sockets), or `EADDRINUSE` (something is there; `held` tells
 * whether a process holds it).
 *
 * @param path as it would be given to bind: relative paths stay relative, long ones stay long
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`
 * @example
 * const { ok, code, bytes, limit } = await probeSocketPath('/home/me/boxes/box1/sockets/net.sock');
 */
export async function probeSocketPath(path: PathLike, options?: ProbePathOptions): Promise<SocketPathProbe> {
  const probe = new PathProbe(path, options);
  let outcome: PathProbeOutcome;
  do outcome = await native().probePathAsync(probe.args());
  while (probe.isTaken(outcome));
  return probe.report(outcome);
}

/** {@link probeSocketPath}, at once. */
export function probeSocketPathSync(path: PathLike, options?: ProbePathOptions): SocketPathProbe {
  const probe = new PathProbe(path, options);
  let outcome: PathProbeOutcome;
  do outcome = native().probePath(probe.args());
  while (probe.isTaken(outcome));
  return probe.report(outcome);
}

type PathProbeOutcome = NativePathProbe | NativeFailure;

// How many other names are tried where the stand-in is taken: a leaf of one byte has only 62 of them.
const MOST_STAND_INS = 16;

class PathProbe {
  readonly #path: string;
  readonly #type: SocketType;
  readonly #prefix: string;
  readonly #scene: Scene;
  #tries = 0;

  constructor(path: PathLike, options: ProbePathOptions | undefined) {
    this.#path = toPath('path', path);
    this.#type = toSocketType('options.type', toOptions(options).type);
    this.#prefix = this.#path.slice(0, this.#path.lastIndexOf('/') + 1);
    this.#scene = { base: '', parent: '', realDir: this.#prefix || '.', socket: this.#path };
  }

  args(): Parameters<NativeBinding['probePath']>[0] {
    const length = Buffer.byteLength(this.#path) - Buffer.byteLength(this.#prefix);
    const standIn = `${this.#prefix}${standInName(length)}`;
    return { path: this.#path, standIn, directory: this.#prefix || '.', datagram: this.#type === 'dgram' };
  }

  isTaken(outcome: PathProbeOutcome): boolean {
    if (isFailure(outcome)) return false;
    const { failure } = outcome;
    return failure !== null && errnoName(failure.errno) === 'EADDRINUSE' && ++this.#tries < MOST_STAND_INS;
  }

  report(outcome: PathProbeOutcome): SocketPathProbe {
    const { failure, existing: index } = unwrap(outcome, this.#scene);
    const bytes = Buffer.byteLength(this.#path);
    const existing = nameOf(EXISTING, index);
    const inUse = failure === null && existing !== 'none';
    return {
      path: this.#path,
      type: this.#type,
      bytes,
      limit: sunPathLimit().capacity,
      ...(inUse ? alreadyInUse(this.#path) : verdict(failure, this.#scene)),
      ...(inUse && { held: existing === 'held' }),
      nodeTruncates: nodeTruncates(bytes),
    };
  }
}

function alreadyInUse(path: string): Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> {
  const os = require('node:os') as typeof import('node:os');
  const { code, syscall = '', message } = systemError(os.constants.errno.EADDRINUSE, 'bind', path);
  return { ok: false, code, syscall, message };
}

function verdict(
  failure: NativeFailure | null,
  scene: Scene,
): Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> {
  if (failure === null) return { ok: true };
  const { code, syscall, message } = toError(failure, scene);
  return { ok: false, code, message, ...(syscall !== undefined && { syscall }) };
}
