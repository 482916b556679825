// What this machine is and what it lacks.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { it, onTestFinished } from 'vitest';
import { run } from './children.js';

export const ownUid = process.getuid?.() ?? 0;
export const isRoot = ownUid === 0;
export const fixtures = path.join(__dirname, '..', 'fixtures');
/** The built package, as a child requires it. */
export const dist = path.join(__dirname, '..', '..', 'dist', 'index.js');

/** A test that is skipped, with the reason in its name, where something is missing. */
export function promise(
  missing: string | null,
  name: string,
  test: () => void | Promise<void>,
  timeout?: number,
): void {
  const title = missing === null ? name : `${name} (skipped: ${missing})`;
  it.skipIf(missing !== null)(title, test, timeout);
}

/** Null where a program runs here, else why not. */
export function missingTool(program: string, args: readonly string[] = ['--version']): string | null {
  const { error, status } = spawnSync(program, args, { stdio: 'ignore' });
  if (error !== undefined) return `no ${program}`;
  return status === 0 ? null : `${program} does not run here`;
}

/** Null where a child of another uid can use the package, else why not. */
export function missingUser(uid: number): string | null {
  if (!isRoot) return 'not run as root';
  const { status } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(dist)})`], { uid, gid: uid });
  return status === 0 ? null : `uid ${uid} cannot read this checkout`;
}

/** Null where a file system can be mounted, else why not. */
export function missingMount(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  if (!isRoot) return 'not run as root';
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', 'none', directory]);
    if (status === 0) spawnSync('umount', [directory]);
    return status === 0 ? null : 'mount is not permitted';
  } finally {
    fs.rmdirSync(directory);
  }
}

/** Null where flock(1) can hold a lock, else why not. */
export const missingFlock = missingTool('flock', ['--no-fork', '/dev/null', 'true']);
export const missingPython = missingTool('python3');

/** Mounts a file system on a directory until the end of the test. */
export function mount(args: readonly string[], directory: string): void {
  fs.mkdirSync(directory, { recursive: true });
  run('mount', [...args, directory]);
  onTestFinished(() => {
    run('umount', ['-l', directory]);
  });
}
