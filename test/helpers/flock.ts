// Locks as other programs see and take them.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { type Child, missingTool, start } from '../helpers.js';

export const missingFlock = missingTool('flock');

/** Whether a process holds a lock on the file or directory, so that nobody else gets an exclusive one. */
export function isLocked(file: string): boolean {
  const { status } = spawnSync('flock', ['--nonblock', '--exclusive', '--conflict-exit-code', '9', file, 'true']);
  if (status !== 0 && status !== 9) throw new Error(`flock ended with ${status}`);
  return status === 9;
}

/** The pid of the process that holds an exclusive lock on the file, by what the kernel tells; null where none does. */
export function holderOf(file: string): number | null {
  const inode = fs.statSync(file, { throwIfNoEntry: false })?.ino;
  // `1: FLOCK  ADVISORY  WRITE 4711 fe:00:260689 0 EOF` (proc(5)).
  const held = new RegExp(`^\\d+: FLOCK +ADVISORY +WRITE (\\d+) \\w+:\\w+:${inode} `, 'm');
  const pid = held.exec(fs.readFileSync('/proc/locks', 'utf8'))?.[1];
  return pid === undefined ? null : Number(pid);
}

/** A process that holds an exclusive lock on it until it is ended or told so on its standard input. */
export function lockExclusively(file: string, then = 'read line'): Promise<Child> {
  return start('flock', ['--exclusive', file, 'sh', '-c', `echo locked; ${then}`]);
}
