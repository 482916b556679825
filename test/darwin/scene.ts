// Runs the scene of scene.cjs: on a Mac of an architecture, or of another image of it, or on this Linux.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** What the scene told, or how it ended. */
export interface Told {
  readonly lines: readonly string[];
  /** Empty where it came to its end. */
  readonly ended: string;
}

/** It takes a second; beside others, on a busy machine, it took 45. `timeout` is in milliseconds. */
export function runScene(environment: NodeJS.ProcessEnv, timeout = 120_000): Promise<Told> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  fs.chmodSync(directory, 0o1777);
  const env = { ...process.env, ...environment, DARWIN_CONFINE: directory };
  const child = spawn(process.execPath, [path.join(__dirname, 'scene.cjs'), directory], { env, timeout });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve) => {
    child.once('close', (status, signal) => {
      fs.rmSync(directory, { recursive: true, force: true });
      const ended = status === 0 ? '' : `${status ?? signal}: ${errors.slice(0, 400)}`;
      resolve({ lines: output.split('\n'), ended });
    });
  });
}
