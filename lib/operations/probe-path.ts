// Proof that a socket binds at any path, or why not.

import { checkOptions, type PathLike, type SocketType, toPath, toSocketType } from '../arguments.js';
import { errnoName, namedSystemError } from '../errors.js';
import { JUDGEMENTS, nameOf, SOCKET_TYPES } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { type Held, toHeld } from '../native/verdicts.js';
import { nodeTruncates, sunPathLimit } from '../paths/limits.js';
import { standInPath } from '../paths/names.js';
import { both, runAsync, runSync, type Steps } from '../twin.js';
import { type SocketProbe, verdict } from './probe.js';

/** What {@link probeSocketPath} found. */
export interface SocketPathProbe extends SocketProbe {
  /** Whether `net.Server.listen` of this Node would silently bind a cut, different path. */
  nodeTruncates: boolean;
  /** Where `code` is `'EADDRINUSE'`: whether a process holds the socket that is there; what is no socket is not held. */
  held?: Held['held'];
  /** Why that is `'unknown'`: words for a person, as those of `BoxSockets.list`. */
  reason?: string;
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
 * `EPERM` or `ENOTSUP` (a file system that has no sockets), or `EADDRINUSE` (something is there; `held` tells
 * whether a process holds it).
 *
 * @param path as it would be given to bind: relative paths stay relative, long ones stay long
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`
 * @example
 * const { ok, code, bytes, limit } = await probeSocketPath('/home/me/boxes/box1/sockets/net.sock');
 */
export async function probeSocketPath(path: PathLike, options?: ProbePathOptions): Promise<SocketPathProbe> {
  return runAsync(probePath(path, options));
}

/** {@link probeSocketPath}, at once; waits as long as a file server hangs. @example probeSocketPathSync('/run/a.sock'); */
export function probeSocketPathSync(path: PathLike, options?: ProbePathOptions): SocketPathProbe {
  return runSync(probePath(path, options));
}

// How many other names are tried where the stand-in is taken: a leaf of one byte has only 62 where six do not fit.
const MOST_STAND_INS = 16;

function* probePath(given: PathLike, options: ProbePathOptions | undefined): Steps<SocketPathProbe> {
  const path = toPath('path', given);
  const { type } = checkOptions(options, { type: toSocketType });
  const bytes = Buffer.byteLength(path);
  const prefix = path.slice(0, path.lastIndexOf('/') + 1);
  const directory = prefix || '.';
  const paths = { realDir: directory, socket: path };
  for (let tries = 1; ; tries++) {
    const standIn = standInPath(prefix, bytes - Buffer.byteLength(prefix));
    const request = { path, standIn, directory, type: SOCKET_TYPES.indexOf(type) };
    const outcome = yield* both(native().probePath, native().probePathAsync, request);
    const { failure, ...found } = unwrap(outcome, paths);
    const isTaken = failure !== null && errnoName(failure.errno) === 'EADDRINUSE';
    if (isTaken && tries < MOST_STAND_INS) continue;
    const inUse = failure === null && nameOf(JUDGEMENTS, found.judgement) !== 'gone';
    return {
      path,
      type,
      bytes,
      limit: sunPathLimit().capacity,
      ...(inUse ? { ...alreadyInUse(path), ...toHeld(found) } : verdict(failure, paths)),
      nodeTruncates: nodeTruncates(bytes),
    };
  }
}

function alreadyInUse(path: string): Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> {
  const code = 'EADDRINUSE';
  return { ok: false, code, syscall: 'bind', message: namedSystemError(code, 'bind', path).message };
}
