// What happens to a program that binds at a path as it stands: Node's own net.Server is really tried.

import * as fs from 'node:fs';
import * as net from 'node:net';
import { errorCode, lookAt } from './facts.js';

/** What became of a real `net.Server.listen(path)`. */
export interface DirectBind {
  path: string;
  /**
   * `cut`: it says that it listens, and the socket is at another, shorter path. `lost`: it says so, and there is none
   * to be found.
   */
  outcome: 'bound' | 'cut' | 'lost' | 'refused';
  code?: string;
  /** Where the socket really is, with `cut`. */
  cutPath?: string;
}

/**
 * Listens at a path with Node's own server, looks where the socket came to be, and removes it. Only for directories
 * that are the caller's to litter: a cut path may lie anywhere above the one that was asked for.
 */
export async function tryDirectBind(path: string): Promise<DirectBind> {
  const server = net.createServer((socket) => socket.end());
  const error = await new Promise<unknown>((resolve) => {
    server.once('error', resolve);
    server.listen(path, () => resolve(null));
  });
  if (error !== null) return { path, outcome: 'refused', code: errorCode(error) };
  // Before it is closed: close() unlinks.
  const bound = isSocket(path);
  const cutPath = bound ? null : findCut(path);
  await new Promise((resolve) => server.close(resolve));
  for (const left of [path, cutPath]) if (left !== null && isSocket(left)) fs.unlinkSync(left);
  if (cutPath === null) return { path, outcome: bound ? 'bound' : 'lost' };
  return { path, outcome: 'cut', cutPath };
}

// Node cuts at what a socket address holds, 102 to 108 bytes by platform and version.
function findCut(path: string): string | null {
  const cuts = Array.from({ length: 19 }, (_, less) => Buffer.from(path).toString('utf8', 0, 108 - less));
  return cuts.find(isSocket) ?? null;
}

function isSocket(path: string): boolean {
  const st = lookAt(path); // ENAMETOOLONG and its like: there is no socket at such a path
  return typeof st !== 'string' && st.isSocket();
}
