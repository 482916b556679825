// Servers and clients of the tests of listen and connect.

import * as net from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that is closed at the end of the test, with all its connections; it counts them. */
export interface TestServer extends net.Server {
  readonly accepted: net.Socket[];
}

export function makeServer(onConnection?: (socket: net.Socket) => void, options: net.ServerOpts = {}): TestServer {
  const accepted: net.Socket[] = [];
  const server = net.createServer(options, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    onConnection?.(socket);
  });
  onTestFinished(async () => {
    for (const socket of accepted) socket.destroy();
    if (server.listening) await closed(server);
  });
  return Object.assign(server, { accepted });
}

/** Closes a server; resolves when it has closed. */
export function closed(server: net.Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The same by another way than its own `close()`. */
export function closedBehindOurBack(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    net.Server.prototype.close.call(server, () => resolve());
  });
}

/** Everything that a socket receives until its other end has ended. */
export async function received(socket: net.Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

/** What a path answers to a plain client: its first words, or the code of what failed. */
export function answerOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('data', (data) => {
      resolve(String(data));
      socket.destroy();
    });
  });
}
