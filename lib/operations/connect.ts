// Dialing through a binding: a reaped link is healed once, and a peer may be asked who it is.

import net from 'node:net';
import { toBoolean, toOptions, toSignal } from '../arguments.js';
import { abortError, fromSystemError } from '../errors.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, toSocketPath } from '../paths/binding-paths.js';

export interface ConnectOptions {
  /** Refuse a peer of another uid than this process's effective one, before a byte is exchanged. */
  verifyPeer?: boolean;
  /** As in `net.Socket`: keep the writable side open when the other end has ended. */
  allowHalfOpen?: boolean;
  /** Gives up, or destroys the socket later on, when it is aborted, as in `net.connect`. */
  signal?: AbortSignal;
}

export interface Dial {
  path: string;
  paths: BindingPaths;
  verifyPeer: boolean;
  allowHalfOpen: boolean;
  signal: AbortSignal | undefined;
}

export function toDial(paths: BindingPaths, name: string, options: ConnectOptions | undefined): Dial {
  const { verifyPeer, allowHalfOpen, signal } = toOptions(options);
  return {
    path: toSocketPath(paths, name),
    paths,
    verifyPeer: toBoolean('options.verifyPeer', verifyPeer),
    allowHalfOpen: toBoolean('options.allowHalfOpen', allowHalfOpen),
    signal: toSignal('options.signal', signal),
  };
}

/** A connected socket. */
export function dial(request: Dial): Promise<net.Socket> {
  const { signal } = request;
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return request.verifyPeer ? dialVerified(request) : dialPlain(request);
}

function dialPlain({ path, allowHalfOpen, signal }: Dial): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path, allowHalfOpen, ...(signal !== undefined && { signal }) });
    const onError = (error: Error) => reject(fromSystemError(error, 'connect', path));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

async function dialVerified({ path, paths, allowHalfOpen, signal }: Dial): Promise<net.Socket> {
  const uid = process.geteuid?.() ?? -1;
  const fd = unwrap(await native().dialVerifiedAsync(path, uid), { ...paths, socket: path });
  try {
    // A socket made with a signal that is aborted already emits an error before anybody can listen for it.
    if (signal?.aborted) throw abortError(signal);
    const socket = adopt({
      fd,
      allowHalfOpen,
      readable: true,
      writable: true,
      ...(signal !== undefined && { signal }),
    });
    native().disown(fd);
    return socket;
  } catch (error) {
    native().closeDescriptor(fd);
    throw error;
  }
}

// Bun takes over a descriptor in connect() alone.
function adopt(options: net.SocketConstructorOpts): net.Socket {
  if (process.versions.bun === undefined) return new net.Socket(options);
  return net.connect(options as unknown as net.NetConnectOpts);
}
