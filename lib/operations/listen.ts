// Listening through a binding: bound natively, verified, handed to a net.Server, and unlinked by identity.

import type * as net from 'node:net';
import {
  checkOptions,
  DEFAULT_LOCK_TIMEOUT,
  integer,
  LARGEST_INT,
  type LockOptions,
  toBoolean,
  toLockTimeout,
  toPeerRule,
  toSignal,
} from '../arguments.js';
import { abortError, asError, descriptorUnsupported, invalidArgType, serverAlreadyListens } from '../errors.js';
import { type FileIdentity, isFailure, type NativeFailure } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { isLockTimeout, toError, unwrap } from '../native/to-error.js';
import { type BindingPaths, needsAncestry, type OperationPaths, toSocketPath } from '../paths/binding-paths.js';
import type { Ensurer } from './ensure.js';
import { rememberListener } from './own-listeners.js';
import { closeStrangers, refuseUnlessPeersCanBeAsked } from './peers.js';
import { refuseWithoutNetwork } from './permission.js';

/** How `BoxSockets.listen` binds, and whom its server answers. */
export interface ListenOptions extends LockOptions {
  /** Permission bits of the socket file; 0o600 when left out. */
  mode?: number;
  /** Connections that may wait to be accepted; 511 when left out, as in Node. Bun makes it 511 always, Deno one more. */
  backlog?: number;
  /** Replace a binding that leads to a live box of the same id. A held socket is never replaced. */
  takeover?: boolean;
  /**
   * Close connections of another uid than this process's effective one, or than the one given, before the server sees
   * them; false when left out.
   */
  verifyPeer?:
    | boolean
    | {
        /** The uid that a peer must have. */
        uid: number;
      };
  /** Closes the server when it is aborted, as in `net.Server.listen`. */
  signal?: AbortSignal;
}

const DEFAULT_MODE = 0o600;
const DEFAULT_BACKLOG = 511;
// What a closing server may block for, in milliseconds; the lock is held for far less than one.
const SHORT_LOCK_TIMEOUT = 100;

const CHECKS = {
  mode: integer({ least: 0, most: 0o777, otherwise: DEFAULT_MODE }),
  backlog: integer({ least: 1, most: LARGEST_INT, otherwise: DEFAULT_BACKLOG }),
  takeover: toBoolean,
  lockTimeout: toLockTimeout,
  verifyPeer: toPeerRule,
  signal: toSignal,
};

/** See `BoxSockets.listen`. */
export async function listen(
  { paths, binding }: { paths: BindingPaths; binding: Ensurer },
  server: net.Server,
  name: string,
  options?: ListenOptions,
): Promise<void> {
  if (typeof server?.listen !== 'function') throw invalidArgType('server', 'a net.Server', server);
  const path = toSocketPath(paths, name);
  const { verifyPeer: peer, signal, lockTimeout, ...how } = checkOptions(options, CHECKS);
  refuseWithoutNetwork(path);
  if (isClusterWorker()) throw descriptorUnsupported(path);
  if (peer !== null) refuseUnlessPeersCanBeAsked(path);
  if (server.listening) throw serverAlreadyListens();
  const interrupted = untilClosed(server, signal);
  try {
    const isServedHere = await binding.isServedHere();
    interrupted.throwIfAborted();
    const checkAncestry = needsAncestry(paths);
    const request = { ...paths, name, ...how, lockTimeout: 0, checkAncestry };
    // At once where that takes no lock and waits for nothing.
    const atOnce = isServedHere ? native().listenAtFreeName(request) : null;
    const outcome =
      atOnce ?? (await untilUnlocked(lockTimeout, () => native().listenAsync(request), interrupted.signal));
    const { socket, pin, identity } = unwrap(outcome, { ...paths, socket: path });
    const unlink = unlinkerOf({ ...paths, socket: path }, { name, pin, identity, isServedHere });
    try {
      if (peer !== null) closeStrangers(server, peer);
      await handOver(server, socket, { backlog: how.backlog, signal, interrupted });
    } catch (error) {
      unlink();
      throw error;
    }
    const forget = rememberListener({ realDir: paths.realDir, name, inode: identity.inode });
    server.once('close', () => {
      forget();
      unlink();
    });
  } finally {
    interrupted.end();
  }
}

/** What ends a call before the server listens: its `close()`, or the caller's signal. */
function untilClosed(server: net.Server, signal: AbortSignal | undefined) {
  let isAborted = signal?.aborted ?? false;
  // Made only for who waits: most calls are done at once, and it costs them as much as binding does.
  let controller: AbortController | undefined;
  const abort = () => {
    isAborted = true;
    controller?.abort(signal?.reason);
  };
  server.once('close', abort);
  signal?.addEventListener('abort', abort, { once: true });
  return {
    get signal(): AbortSignal {
      controller ??= new AbortController();
      if (isAborted) controller.abort(signal?.reason);
      return controller.signal;
    },
    throwIfAborted() {
      if (isAborted) throw abortError(signal);
    },
    end() {
      server.off('close', abort);
      signal?.removeEventListener('abort', abort);
    },
  };
}

interface OwnSocketFile {
  name: string;
  /** Keeps the number of the file's inode from being given to another file. */
  pin: number;
  identity: FileIdentity;
  isServedHere: boolean;
}

/**
 * What unlinks the socket file of a server of ours when it closes: that file, and no other that took its name. Under the
 * lock, like the replacement of a dead socket: else this could unlink the successor that another process has just bound.
 * At once, so that the file is gone when the server's own 'close' listeners run; where the lock is taken for long, later.
 */
function unlinkerOf(paths: BindingPaths & OperationPaths, file: OwnSocketFile): () => void {
  const { name, pin, identity, isServedHere } = file;
  const { base, parent, realDir } = paths;
  const request = { base, parent, realDir, name, identity };
  const unlinked = (outcome: null | NativeFailure): void => {
    // Only now may the inode's number be given to another file.
    if (pin >= 0) native().closeDescriptor(pin);
    // Nobody waits for a server's close to hear of it, so it is a warning and not an error.
    if (isFailure(outcome)) process.emitWarning(toError(outcome, paths));
  };
  const unlinkLater = (): void => {
    untilUnlocked(DEFAULT_LOCK_TIMEOUT, () => native().unlinkOwnAsync({ ...request, lockTimeout: 0 }))
      .then(unlinked)
      .catch((error: unknown) => process.emitWarning(asError(error)));
  };
  return () => {
    if (!isServedHere) return unlinkLater();
    const outcome = native().unlinkOwn({ ...request, lockTimeout: SHORT_LOCK_TIMEOUT });
    if (isLockTimeout(outcome)) unlinkLater();
    else unlinked(outcome);
  };
}

interface HandOver {
  backlog: number;
  signal: AbortSignal | undefined;
  interrupted: { throwIfAborted(): void };
}

// The server closes the descriptor from the moment it has taken it; until then it is ours to close.
async function handOver(server: net.Server, fd: number, { backlog, signal, interrupted }: HandOver): Promise<void> {
  const { closeDescriptor, disown, inodeOf } = native();
  const inode = inodeOf(fd);
  try {
    await new Promise<void>((resolve, reject) => {
      const settle = (settled: () => void) => {
        server.off('listening', onListening).off('error', onError).off('close', onClose);
        settled();
      };
      const onListening = () => settle(resolve);
      const onError = (error: Error) => settle(() => reject(error));
      const onClose = () => settle(() => reject(abortError(signal)));
      server.once('listening', onListening).once('error', onError).once('close', onClose);
      try {
        interrupted.throwIfAborted();
        // The backlog is an argument of its own: among the options, Node heeds it only beside a port or a path.
        server.listen({ fd, exclusive: true, ...(signal !== undefined && { signal }) }, backlog);
      } catch (error) {
        settle(() => reject(error));
      }
    });
    disown(fd);
  } catch (error) {
    // Not where the server has closed it: the number may be somebody else's by now.
    if (inodeOf(fd) === inode) closeDescriptor(fd);
    throw error;
  }
}

let clusterWorker: boolean | undefined;

function isClusterWorker(): boolean {
  // Loaded only now: most hosts never load it, and it costs them a millisecond.
  clusterWorker ??= (require('node:cluster') as typeof import('node:cluster').default).isWorker;
  return clusterWorker;
}
