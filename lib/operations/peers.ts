// Whose connections a server takes: those of one user, told before anyone sees them.

import type * as net from 'node:net';
import { refusal } from '../errors.js';
import { isFailure } from '../native/contract.js';
import { native } from '../native/load.js';
import { override } from './override.js';

/** Refuses a runtime that does not show the descriptor of a connection. */
export function refuseUnlessPeersCanBeAsked(path: string): void {
  const { bun, deno } = process.versions;
  if (bun === undefined && deno === undefined) return;
  throw refusal(
    'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED',
    `${bun === undefined ? 'Deno' : 'Bun'} does not show the descriptor of a connection, so listen() cannot verify the ` +
      `peers of '${path}', which was not bound. Listen without verifyPeer there: the parent's mode keeps other users out`,
    { path },
  );
}

/** Closes every connection of another user than `uid`, or of one who cannot be told, until what it returns is called. */
export function closeStrangers(server: net.Server, uid: number): () => void {
  const { emit } = server;
  // Before any listener, those that are added in front of all included, and before the 'connection' of http and tls.
  const guarded = function (this: net.Server, event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'connection' && isStranger(values[0] as net.Socket, uid)) {
      (values[0] as net.Socket).destroy();
      return true;
    }
    return Reflect.apply(emit, this, [event, ...values]);
  };
  return override(server, 'emit', guarded);
}

function isStranger(socket: net.Socket, uid: number): boolean {
  const { _handle: handle } = socket as { _handle?: { fd?: unknown } };
  const fd = handle?.fd;
  return typeof fd !== 'number' || fd < 0 || isFailure(native().checkPeer(fd, uid));
}
