// Proof that a socket binds at any path, or why not.

import { type PathLike, type SocketType, toOptions, toPath, toSocketType } from '../arguments.js';
import { errnoName, namedSystemError } from '../errors.js';
import type { NativeBinding } from '../native/addon.js';
import {
  EXISTING,
  isFailure,
  type NativeFailure,
  type NativePathProbe,
  nameOf,
  SOCKET_TYPES,
} from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import type { OperationPaths } from '../paths/binding-paths.js';
import { nodeTruncates, sunPathLimit } from '../paths/limits.js';
import { standInPath } from '../paths/names.js';
import { type SocketProbe, verdict } from './probe.js';

/** What {@link probeSocketPath} found. */
export interface SocketPathProbe extends SocketProbe {
  /** Whether `net.Server.listen` of this Node would silently bind a cut, different path. */
  nodeTruncates: boolean;
  /** Where `code` is `'EADDRINUSE'`: whether a process holds the socket that is there; what is no socket is not held. */
  held?: boolean | 'unknown';
}

/** How {@link probeSocketPath} binds. */
export interface ProbePathOptions {
  /** The type of the socket; `'stream'` when left out. */
  type?: SocketType;
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

/** {@link probeSocketPath}, at once. @example probeSocketPathSync('/run/web.sock', { type: 'dgram' }).ok; */
export function probeSocketPathSync(path: PathLike, options?: ProbePathOptions): SocketPathProbe {
  const probe = new PathProbe(path, options);
  let outcome: PathProbeOutcome;
  do outcome = native().probePath(probe.args());
  while (probe.isTaken(outcome));
  return probe.report(outcome);
}

type PathProbeOutcome = NativePathProbe | NativeFailure;

// How many other names are tried where the stand-in is taken: a leaf of one byte has only 62 where six do not fit.
const MOST_STAND_INS = 16;

class PathProbe {
  readonly #path: string;
  readonly #type: SocketType;
  readonly #prefix: string;
  readonly #paths: OperationPaths;
  #tries = 0;

  constructor(path: PathLike, options: ProbePathOptions | undefined) {
    this.#path = toPath('path', path);
    this.#type = toSocketType('options.type', toOptions(options, { type: true }).type);
    this.#prefix = this.#path.slice(0, this.#path.lastIndexOf('/') + 1);
    this.#paths = { realDir: this.#prefix || '.', socket: this.#path };
  }

  args(): Parameters<NativeBinding['probePath']>[0] {
    const length = Buffer.byteLength(this.#path) - Buffer.byteLength(this.#prefix);
    const standIn = standInPath(this.#prefix, length);
    return { path: this.#path, standIn, directory: this.#prefix || '.', type: SOCKET_TYPES.indexOf(this.#type) };
  }

  isTaken(outcome: PathProbeOutcome): boolean {
    if (isFailure(outcome)) return false;
    const { failure } = outcome;
    return failure !== null && errnoName(failure.errno) === 'EADDRINUSE' && ++this.#tries < MOST_STAND_INS;
  }

  report(outcome: PathProbeOutcome): SocketPathProbe {
    const { failure, existing: index } = unwrap(outcome, this.#paths);
    const bytes = Buffer.byteLength(this.#path);
    const existing = nameOf(EXISTING, index);
    const inUse = failure === null && existing !== 'none';
    return {
      path: this.#path,
      type: this.#type,
      bytes,
      limit: sunPathLimit().capacity,
      ...(inUse ? alreadyInUse(this.#path) : verdict(failure, this.#paths)),
      ...(inUse && { held: existing === 'unknown' ? existing : existing === 'held' }),
      nodeTruncates: nodeTruncates(bytes),
    };
  }
}

function alreadyInUse(path: string): Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> {
  const { code, message } = namedSystemError('EADDRINUSE', 'bind', path);
  return { ok: false, code, syscall: 'bind', message };
}
