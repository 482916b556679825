// File systems that a program of this machine serves (FUSE), and that can be made to hang.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { run, start } from './children.js';
import { fixtures, missingMount, missingPython, missingTool } from './machine.js';
import { tempDir } from './worlds.js';

export const missingFileServer = missingMount() ?? missingTool('bindfs');

export interface FileServer {
  readonly pid: number;
  /** From then on nothing on it answers, until the test ends. */
  stop(): Promise<void>;
  /** {@link stop} without the wait, and the opposite. */
  freeze(): void;
  thaw(): void;
}

/** What lies in `behind` is served at `directory`, too, by bindfs, until the end of the test. */
export async function serveFiles(directory: string, behind = tempDir()): Promise<FileServer> {
  fs.mkdirSync(directory, { recursive: true });
  const before = fs.statSync(directory).dev;
  const server = spawn('bindfs', ['-f', behind, directory], { stdio: 'ignore' });
  onTestFinished(() => {
    server.kill('SIGCONT');
    run('umount', ['-l', directory]);
    server.kill('SIGKILL');
  });
  while (fs.statSync(directory).dev === before) {
    if (server.exitCode !== null) throw new Error(`bindfs ended with ${server.exitCode}`);
    await sleep(5);
  }
  const freeze = (): void => void server.kill('SIGSTOP');
  return {
    pid: server.pid ?? 0,
    freeze,
    thaw: () => void server.kill('SIGCONT'),
    stop: async () => {
      freeze();
      // For a second the kernel answers from what it remembers (libfuse's entry and attribute timeouts).
      await sleep(1_100);
    },
  };
}

const knowsAutofs = (): boolean => /\bautofs$/m.test(fs.readFileSync('/proc/filesystems', 'utf8'));

export const missingAutomount = missingMount() ?? missingPython ?? (knowsAutofs() ? null : 'no autofs in this kernel');

/** Mounts autofs there until the end of the test, whose automount(8) never answers: whoever looks below it waits. */
export async function automountSilently(directory: string): Promise<void> {
  const program = path.join(fixtures, 'silent-automount.py');
  fs.mkdirSync(directory, { recursive: true });
  await start('python3', [program, 'mount', directory]);
  onTestFinished(() => void run('python3', [program, 'unmount', directory]));
}
