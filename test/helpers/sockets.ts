// Sockets that somebody holds, or does not hold any more.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import { run, start } from './children.js';
import { fixtures } from './machine.js';

/** A stream socket that counts who connects, until the end of the test. */
export async function listen(file: string): Promise<{ connections: number }> {
  const seen = { connections: 0 };
  const server = net.createServer((socket) => {
    seen.connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(file, resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return seen;
}

/** A socket file whose owner is gone. */
export function leaveDeadSocket(file: string): void {
  const program = 'const [f] = process.argv.slice(1); require("net").createServer().listen(f, () => process.exit())';
  run(process.execPath, ['-e', program, file]);
  if (!fs.existsSync(file)) throw new Error('Node has removed its socket at exit');
}

/** A process that holds a socket at each path until the end of the test (test/fixtures/hold-sockets.py). */
export function holdSockets(...sockets: { path: string; type: 'stream' | 'dgram' | 'connected-dgram' }[]) {
  return start('python3', [path.join(fixtures, 'hold-sockets.py'), JSON.stringify(sockets)]);
}
