// A server in a process of its own: what it does is not counted as what its client does.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { compile } from './floor.mjs';

/**
 * @param {'accept' | 'stream' | 'http'} kind `'accept'`, which is none of Node's, lets go of whatever it accepts; `'stream'`
 * reads until its client is gone; `'http'` answers each request with a word
 * @param {string} socket
 * @param {number} [backlog]
 * @returns {Promise<{ end(): Promise<unknown> }>}
 */
export async function serve(kind, socket, backlog = 4096) {
  const script = path.join(import.meta.dirname, 'server.cjs');
  const [program, ...args] = kind === 'accept' ? [compile('accept')] : [process.execPath, script, kind];
  const child = spawn(program ?? '', [...args, socket, String(backlog)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed.then(() => Promise.reject(new Error('no server')))]);
  return {
    end() {
      child.stdin.end();
      return closed;
    },
  };
}
