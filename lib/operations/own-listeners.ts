// The socket files that servers of this process listen on, so that a hold can see that one is gone: a server whose file
// somebody removed looks healthy, and nobody reaches it.

import { lstat } from 'node:fs';
import { promisify } from 'node:util';

/** A socket file of a server of ours. */
export interface OwnListener {
  readonly realDir: string;
  readonly name: string;
  readonly inode: bigint;
}

const look = promisify(lstat);

// One for all copies of the package in a process: the hold of one watches over the servers of another.
const REGISTRY: unique symbol = Symbol.for('boxsockets.listeners');
const shared = process as NodeJS.Process & { [REGISTRY]?: Set<OwnListener> };
shared[REGISTRY] ??= new Set();
const listeners = shared[REGISTRY];

/** Remembers a server's socket file until the function that is returned is called. */
export function rememberListener(listener: OwnListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The inode of the file that a server of ours listens on; undefined where none does. */
export function inodeOfListener(realDir: string, name: string): bigint | undefined {
  return [...listeners].find((own) => own.realDir === realDir && own.name === name)?.inode;
}

/** Warns of each whose file in that directory is gone, or another one; once. */
export async function warnOfLostListeners(realDir: string): Promise<void> {
  for (const listener of [...listeners].filter((own) => own.realDir === realDir)) {
    const file = `${realDir}/${listener.name}`;
    const inode = await look(file, { bigint: true }).then(
      ({ ino }) => ino,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : listener.inode),
    );
    if (inode === listener.inode || !listeners.delete(listener)) continue;
    process.emitWarning(
      `The socket '${file}' was ${inode === null ? 'removed' : 'replaced'} while a server of this process listens on it: ` +
        'nobody reaches that server any more. Close it, and listen again',
      { type: 'BoxSocketsWarning', code: 'BOX_SOCKETS_LISTENER_LOST' },
    );
  }
}
