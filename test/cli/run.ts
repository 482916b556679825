// Runs the built command line, each test over a base of its own.

import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { beforeEach } from 'vitest';
import { runCli } from '../../dist/cli/cli.js';
import { Output } from '../../dist/cli/output.js';

export const MAIN = path.resolve('dist/cli/main.js');

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A directory of the test's own, short, and removed after each test. */
export function scratch(): { readonly dir: string; readonly base: string } {
  let dir = '';
  beforeEach(({ onTestFinished }) => {
    // Last of all: what a test mounted or holds there is let go before.
    onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
    dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
    fs.mkdirSync(path.join(dir, 'b'), { mode: 0o700 });
  });
  return {
    get dir() {
      return dir;
    },
    get base() {
      return path.join(dir, 'b');
    },
  };
}

/** What the program is shown on: a pipe, or a terminal of so many columns. */
interface Screen {
  columns?: number;
  env?: NodeJS.ProcessEnv;
}

/** Runs the command line in this process, which is what its users see but for the start of Node. */
export async function boxsockets(args: string[], { columns, env = {} }: Screen = {}): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const streamOf = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  const output = new Output({ ...streamOf('stdout'), ...terminal }, streamOf('stderr'), env);
  return { status: await runCli(args, output), ...written };
}

/** Runs the program as a process of its own: as another user, elsewhere, with another environment. */
export function program(args: string[], options: SpawnSyncOptions = {}): Run {
  return run(process.execPath, [MAIN, ...args], options);
}

export function run(file: string, args: string[], options: SpawnSyncOptions = {}): Run {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env };
  const { status, stdout, stderr, error } = spawnSync(file, args, { ...options, env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

/** The JSON document that a run printed, and nothing else. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
export function json(result: Run): any {
  return JSON.parse(result.stdout);
}

/** Makes `<home>/boxes/<id>/sockets`. */
export function makeBox(home: string, id: string): string {
  const realDir = path.join(home, 'boxes', id, 'sockets');
  fs.mkdirSync(realDir, { recursive: true, mode: 0o700 });
  return realDir;
}

export const uid = process.getuid?.() ?? 0;
export const isRoot = uid === 0;
/** Another user, as root may become one. */
export const NOBODY = { uid: 65534, gid: 65534 };
