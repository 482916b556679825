// A base as /tmp is, a victim with a home in it, and a stranger of another uid who can do there what anybody can.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import { dist, fixtures, isRoot, missingTool, missingUser, start, tempDir } from '../../helpers.js';

export const STRANGER = 1234;
/** Root can do the most harm when it is misled; the other one is like anybody. */
export const VICTIMS = [0, 4321];

/** Null where this machine can show it: root, who becomes others by setpriv. */
export const missingStranger: string | null = !isRoot
  ? 'not run as root'
  : (missingTool('setpriv') ?? missingUser(STRANGER));

export interface Arena {
  readonly base: string;
  readonly victim: number;
  /** The victim's parent, which may be anything by now. */
  readonly parent: string;
  readonly home: string;
  readonly realDir: string;
  /** A directory of the stranger's, open to all, with a file and a sub-directory. */
  readonly theirs: string;
}

export function makeDir(directory: string, uid: number, mode: number): string {
  fs.mkdirSync(directory);
  fs.chownSync(directory, uid, uid);
  fs.chmodSync(directory, mode);
  return directory;
}

export function makeArena(victim: number): Arena {
  const above = tempDir();
  fs.chmodSync(above, 0o755);
  const base = makeDir(path.join(above, 'b'), 0, 0o1777);
  const home = makeDir(path.join(above, 'home'), victim, 0o700);
  fs.writeFileSync(path.join(home, 'secret'), 'of the victim', { mode: 0o400 });
  fs.chownSync(path.join(home, 'secret'), victim, victim);
  const theirs = makeDir(path.join(above, 'theirs'), STRANGER, 0o777);
  makeDir(path.join(theirs, 'sub'), STRANGER, 0o777);
  fs.writeFileSync(path.join(theirs, 'file'), 'of the stranger');
  fs.chownSync(path.join(theirs, 'file'), STRANGER, STRANGER);
  return {
    base,
    victim,
    parent: path.join(base, `bl-${victim}`),
    home,
    realDir: makeDir(path.join(home, 'sockets'), victim, 0o700),
    theirs,
  };
}

/** Runs a shell script as a user, by setpriv; throws what it says where it fails. */
export function as(uid: number, script: string): string {
  const args = ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', 'sh', '-euc', script];
  const { status, stdout, stderr } = spawnSync('setpriv', args, { encoding: 'utf8', cwd: '/' });
  if (status !== 0) throw new Error(`uid ${uid} could not: ${script}\n${stderr}`);
  return stdout;
}

/** A program of Node's that runs as a user until the end of the test. */
export function startAs(uid: number, program: string, args: readonly string[] = []) {
  return start(process.execPath, ['-e', program, ...args], { uid, gid: uid, cwd: '/' });
}

export interface Outcome {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
  readonly path?: string;
  readonly owner?: number;
  readonly expected?: number;
}

export interface Setting {
  readonly id?: string;
  readonly rounds?: number;
  readonly umask?: number;
  readonly seteuid?: number;
  readonly only?: readonly string[];
  /** In front of the program, instead of setpriv to the victim. */
  readonly command?: readonly string[];
  /** The uid that names the parent. */
  readonly uid?: number;
}

/** Every operation of the package on the victim's box, as the victim; test/fixtures/operations.js. */
export function operations(arena: Arena, setting: Setting = {}): Record<string, Outcome> {
  const { victim, base, realDir } = arena;
  const { command, uid = victim, id = 'box', ...rest } = setting;
  const task = JSON.stringify({ dist, id, realDir, options: { base, uid }, ...rest });
  const become = ['setpriv', '--reuid', `${victim}`, '--regid', `${victim}`, '--clear-groups'];
  const [program = '', ...args] = [
    ...(command ?? become),
    process.execPath,
    path.join(fixtures, 'operations.js'),
    task,
  ];
  // None of them may block, whatever a stranger has put in its way.
  const { status, stdout, stderr, signal } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000, cwd: '/' });
  if (status !== 0) throw new Error(`operations ended with ${status ?? signal}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, Outcome>;
}

/** The code of each operation's failure; its value where it did not fail. */
export function codes(outcomes: Record<string, Outcome>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outcomes).map(([name, { code, value }]) => [name, code ?? value]));
}

/** All operations with the same answer. */
export function allOf(outcomes: Record<string, Outcome>, answer: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.keys(outcomes).map((name) => [name, answer]));
}

/** Whatever lies below a directory, and has permissions for group or others. Links have no permissions of their own. */
export function disclosed(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter((file) => {
      const stat = fs.lstatSync(file);
      return !stat.isSymbolicLink() && (stat.mode & 0o077) !== 0;
    });
}

/** Calls something until the end of the test, from a child of its own. */
export function atEndOfTest(undo: () => void): void {
  onTestFinished(undo);
}
