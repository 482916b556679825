import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import type { SandboxBox } from './box.js';

/** What the shim tries beside its sockets: files to write to, directories to list, sockets to dial. */
export interface Task {
  readonly writes?: readonly string[];
  readonly reads?: readonly string[];
  readonly dials?: readonly string[];
}

/** What test/fixtures/sandboxed-shim.py prints. */
export interface ShimReport {
  stream: string;
  datagram: string;
  direct: string;
  sameDirectory: boolean;
  parentMode: string;
  parentEntries: string | string[];
  unlinkBinding: string;
  writes: Record<string, string>;
  reads: Record<string, string | string[]>;
  dials: Record<string, string>;
}

/** A user to run as: a prefix for the command line, and the uid. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly prefix: readonly string[];
}

const own = process.getuid?.() ?? 0;
export const self: User = { name: `uid ${own}`, uid: own, prefix: [] };
export const nobody: User = {
  name: 'uid 65534',
  uid: 65534,
  prefix: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
};

/** What python3 needs, however merged this system's /usr is. */
const system = [
  ...['--ro-bind', '/usr', '/usr'],
  ...['/bin', '/lib', '/lib64'].flatMap((directory) => ['--ro-bind-try', directory, directory]),
  ...['--proc', '/proc', '--dev', '/dev', '--unshare-pid', '--die-with-parent'],
];

/** Null where this user can run bubblewrap here, else why not. */
export function bwrapMissing(user: User): string | null {
  if (user.uid !== own && own !== 0) return 'not run as root';
  const trial = spawnSync('bwrap', ['--ro-bind', '/', '/', 'true'], { encoding: 'utf8' });
  if (trial.error !== undefined) return 'no bwrap';
  const [program = 'bwrap', ...rest] = [...user.prefix, 'bwrap'];
  const run = spawnSync(program, [...rest, '--ro-bind', '/', '/', 'true'], { encoding: 'utf8' });
  return run.status === 0 ? null : (run.error?.message ?? run.stderr.trim());
}

/** Runs the shim in bubblewrap with these arguments. */
export function runInBwrap(user: User, args: readonly string[], box: SandboxBox, task: Task = {}): ShimReport {
  const shim = ['--ro-bind', box.shim, '/shim.py'];
  return runShim([...user.prefix, 'bwrap', ...system, ...shim, ...args, '--', 'python3', '/shim.py'], box, task);
}

/** Runs `sh -c script` in bubblewrap with these arguments. */
export function runScriptInBwrap(user: User, args: readonly string[], script: string): string {
  return run([...user.prefix, 'bwrap', ...system, ...args, '--', 'sh', '-c', script]);
}

/** Runs a command that ends with the shim. */
export function runShim(
  command: readonly string[],
  box: SandboxBox,
  { writes = [], reads = [], dials = [] }: Task,
): ShimReport {
  const { binding, real, parent } = box;
  return JSON.parse(run([...command, JSON.stringify({ binding, real, parent, writes, reads, dials })])) as ShimReport;
}

/** Runs a command; its standard error becomes the failure. */
export function run([program = '', ...args]: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  if (result.status !== 0) throw new Error(`${program} exited with ${result.status}: ${result.stderr || result.error}`);
  return result.stdout;
}

export const landlockSource = path.join(__dirname, '..', 'fixtures', 'landlock.c');
