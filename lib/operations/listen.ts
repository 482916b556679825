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
import { isFailure, type NativeFailure, type NativeListener } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { toError, unwrap } from '../native/to-error.js';
import { type BindingPaths, needsAncestry, type OperationPaths, toSocketPath } from '../paths/binding-paths.js';
import type { Ensurer } from './ensure.js';
import { override } from './override.js';
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
    const listener = unwrap(outcome, { ...paths, socket: path });
    const { socket, socketInode } = listener;
    const unlink = unlinkerOf({ ...paths, socket: path }, name, listener);
    const { close } = server;
    // Node tells of a close when the socket is closed already.
    const restored = [
      override(server, 'close', (...args: Parameters<typeof close>) => {
        if (isServedHere) unlink.held();
        return close.apply(server, args);
      }),
    ];
    try {
      if (peer !== null) restored.push(closeStrangers(server, peer));
      interrupted.throwIfAborted();
      await handOver(server, { fd: socket, exclusive: true, ...(signal !== undefined && { signal }) }, how.backlog);
    } catch (error) {
      for (const restore of restored) restore();
      // Not where the server has closed it: the number may be somebody else's by now.
      if (native().inodeOf(socket) === socketInode) {
        if (isServedHere) unlink.held();
        native().closeDescriptor(socket);
      }
      await unlink.closed();
      throw error;
    }
    const forget = rememberListener({ realDir: paths.realDir, name, inode: listener.identity.inode });
    server.once('close', () => {
      for (const restore of restored) restore();
      forget();
      unlink.closed().catch((error: unknown) => process.emitWarning(asError(error)));
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

/**
 * What unlinks the socket file of a server of ours, once: that file, and no other that took its name. `held` while its
 * socket is open, at once: nobody takes that for dead, and puts another in its place, so that it needs no lock. `closed`
 * after that, if it is left: under the lock, or this could unlink the successor that another process has just bound.
 */
function unlinkerOf(paths: BindingPaths & OperationPaths, name: string, listener: NativeListener) {
  const { base, parent, realDir } = paths;
  const { pin, directory, identity } = listener;
  const request = { base, parent, realDir, name, identity, directory: -1, lockTimeout: 0 };
  let isLeft = true;
  const unlinked = (outcome: null | NativeFailure): void => {
    isLeft = false;
    // Only now may the inode's number be given to another file.
    for (const descriptor of [pin, directory]) if (descriptor >= 0) native().closeDescriptor(descriptor);
    // Nobody waits for a server's close to hear of it, so it is a warning and not an error.
    if (isFailure(outcome)) process.emitWarning(toError(outcome, paths));
  };
  return {
    held() {
      if (isLeft && directory >= 0) unlinked(native().unlinkOwn({ ...request, directory }));
    },
    async closed() {
      if (isLeft) unlinked(await untilUnlocked(DEFAULT_LOCK_TIMEOUT, () => native().unlinkOwnAsync(request)));
    },
  };
}

// The server closes the descriptor from the moment it has taken it; until then it is ours to close.
async function handOver(server: net.Server, taken: net.ListenOptions & { fd: number }, backlog: number): Promise<void> {
  let forget: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const onClose = () => {
        // A close() from before it listened, of which it tells only now: what it has taken is its own to close.
        if (server.listening) server.close();
        reject(abortError(taken.signal));
      };
      server.once('listening', resolve).once('error', reject).once('close', onClose);
      forget = () => server.off('listening', resolve).off('error', reject).off('close', onClose);
      // The backlog is an argument of its own: among the options, Node heeds it only beside a port or a path.
      server.listen(taken, backlog);
    });
  } finally {
    forget?.();
  }
  native().disown(taken.fd);
}

let clusterWorker: boolean | undefined;

function isClusterWorker(): boolean {
  // Loaded only now: most hosts never load it, and it costs them a millisecond.
  clusterWorker ??= (require('node:cluster') as typeof import('node:cluster').default).isWorker;
  return clusterWorker;
}
