// Programs that a test runs or leaves running until its end.

import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import type { BoxSocketsOptions, SocketType } from '../../dist/index.js';
import { dist, fixtures } from './machine.js';

/** Runs a program to its end; throws what it wrote to standard error where it fails. */
export function run(program: string, args: readonly string[], options: object = {}): string {
  const result: SpawnSyncReturns<string> = spawnSync(program, args, { encoding: 'utf8', timeout: 50_000, ...options });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} ended with ${result.status ?? result.signal}: ${result.stderr} ${result.error ?? ''}`);
}

/** One call that a child makes: of a method of a box, a static method, or a function of the package. */
export interface Call {
  readonly box?: { id: string; realDir: string; options?: BoxSocketsOptions };
  readonly method: string;
  readonly args?: readonly unknown[];
  /** Leave as many descriptors free during the call, of `ulimit -n`. */
  readonly descriptorsLeft?: number;
}

/** What became of it. */
export interface Called {
  readonly result?: unknown;
  readonly error?: Record<string, unknown> & { code: string; message: string };
}

export interface ChildSetting {
  /** Run as this user (and group); only root can. */
  readonly uid?: number;
  readonly umask?: number;
  readonly cwd?: string;
  /** Set after the start, so that real and effective uid differ. */
  readonly seteuid?: number;
}

/** Makes the calls one after another in a child of its own. */
export function callInChild(calls: readonly Call[], { uid, cwd, ...setting }: ChildSetting = {}): Called[] {
  const task = JSON.stringify({ dist, calls, ...setting });
  const program = [process.execPath, path.join(fixtures, 'call.js'), task];
  const limited = ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...program];
  const scarce = calls.some(({ descriptorsLeft }) => descriptorsLeft !== undefined);
  const [command = '', ...args] = scarce ? ['sh', ...limited] : program;
  const output = run(command, args, { ...(uid !== undefined && { uid, gid: uid }), ...(cwd !== undefined && { cwd }) });
  return JSON.parse(output) as Called[];
}

/** A child that has printed its first line; ended, by its pid, when the test is over. */
export interface Child {
  readonly pid: number;
  readonly firstLine: string;
  end(): Promise<void>;
}

/** Starts a program and waits for the first line that it prints. */
export async function start(program: string, args: readonly string[], options: object = {}): Promise<Child> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  onTestFinished(end);
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const firstLine = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    closed.then(() => reject(new Error(`${program} ended before it said a word: ${errors}`)));
  });
  return { pid: child.pid ?? 0, firstLine, end };
}

/** A process that holds an exclusive lock on a file until the end of the test (flock(1)), or for some seconds. */
export function holdLock(file: string, seconds = 600): Promise<Child> {
  return start('flock', ['--no-fork', file, 'sh', '-c', `echo locked && exec sleep ${seconds}`]);
}

/** Starts a program that says nothing, and waits until the file that it makes is there. */
export async function startUntil(file: string, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  while (!fs.existsSync(file)) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${errors}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What python3 made of binding and dialing each path (test/fixtures/unix-socket.py): `'ok'` or why not. */
export function exchangeWithPython(sockets: readonly { path: string; type: SocketType }[]): string[] {
  return JSON.parse(run('python3', [path.join(fixtures, 'unix-socket.py'), JSON.stringify(sockets)])) as string[];
}
