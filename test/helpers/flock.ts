// Locks as other programs see and take them.

import { spawnSync } from 'node:child_process';
import { type Child, missingTool, start } from '../helpers.js';

export const missingFlock = missingTool('flock');

/** Whether a process holds a lock on the file or directory, so that nobody else gets an exclusive one. */
export function isLocked(file: string): boolean {
  const { status } = spawnSync('flock', ['--nonblock', '--exclusive', '--conflict-exit-code', '9', file, 'true']);
  if (status !== 0 && status !== 9) throw new Error(`flock ended with ${status}`);
  return status === 9;
}

/** A process that holds an exclusive lock on it until it is ended or told so on its standard input. */
export function lockExclusively(file: string, then = 'read line'): Promise<Child> {
  return start('flock', ['--exclusive', file, 'sh', '-c', `echo locked; ${then}`]);
}
