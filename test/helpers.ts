// What the tests of the core share: directories of their own, both twins of an operation, children, and snapshots.

import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { it, onTestFinished } from 'vitest';
import {
  type BindingInfo,
  BoxSockets,
  type BoxSocketsOptions,
  type EnsureOptions,
  type EnsureResult,
  type MeasuredSunPathLimit,
  measureSunPathLimit,
  measureSunPathLimitSync,
  type ParentOptions,
  type PathLike,
  type ProbePathOptions,
  type ProbeReport,
  probeSocketPath,
  probeSocketPathSync,
  type RemoveOptions,
  type RemoveResult,
  type SocketPathProbe,
  type SweepOptions,
  type SweepResult,
  sameInode,
  sameInodeSync,
} from '../dist/index.js';

export const ownUid = process.getuid?.() ?? 0;
export const isRoot = ownUid === 0;
export const fixtures = path.join(__dirname, 'fixtures');
/** The built package, as a child requires it. */
export const dist = path.join(__dirname, '..', 'dist', 'index.js');

// Every operation twice

export interface Twin {
  readonly name: 'sync' | 'async';
  ensure(box: BoxSockets, options?: EnsureOptions): Promise<EnsureResult>;
  remove(box: BoxSockets, options?: RemoveOptions): Promise<RemoveResult>;
  probe(box: BoxSockets): Promise<ProbeReport>;
  sweepStale(options?: SweepOptions): Promise<SweepResult>;
  list(options?: ParentOptions): Promise<BindingInfo[]>;
  probeSocketPath(file: PathLike, options?: ProbePathOptions): Promise<SocketPathProbe>;
  measureSunPathLimit(dir?: PathLike): Promise<MeasuredSunPathLimit>;
  sameInode(a: PathLike, b: PathLike): Promise<boolean>;
}

/** For `describe.each`: each promise is kept by both twins. What the synchronous one throws becomes a rejection. */
export const twins: readonly Twin[] = [
  {
    name: 'sync',
    ensure: async (box, options) => box.ensureSync(options),
    remove: async (box, options) => box.removeSync(options),
    probe: async (box) => box.probeSync(),
    sweepStale: async (options) => BoxSockets.sweepStaleSync(options),
    list: async (options) => BoxSockets.listSync(options),
    probeSocketPath: async (file, options) => probeSocketPathSync(file, options),
    measureSunPathLimit: async (dir) => measureSunPathLimitSync(dir),
    sameInode: async (a, b) => sameInodeSync(a, b),
  },
  {
    name: 'async',
    ensure: (box, options) => box.ensure(options),
    remove: (box, options) => box.remove(options),
    probe: (box) => box.probe(),
    sweepStale: (options) => BoxSockets.sweepStale(options),
    list: (options) => BoxSockets.list(options),
    probeSocketPath: (file, options) => probeSocketPath(file, options),
    measureSunPathLimit: (dir) => measureSunPathLimit(dir),
    sameInode: (a, b) => sameInode(a, b),
  },
];

/** What a promise was rejected with; fails where it was not. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const value = await promise.then(
    (result) => ({ result }),
    (error: Error & Record<string, unknown>) => error,
  );
  if (value instanceof Error) return value;
  throw new Error(`did not fail: ${JSON.stringify(value)}`);
}

// Directories

/** A short directory of the running test's own, removed at its end. */
export function tempDir(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  onTestFinished(() => {
    // Not fs.rm: it goes by absolute paths, and some tests make longer ones than there may be.
    const { status, stderr } = spawnSync('rm', ['-rf', directory], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${directory} could not be removed: ${stderr}`);
  });
  return directory;
}

/** A directory below `above`, made with those above it, whose whole path has exactly that many bytes. */
export function makeDirOfBytes(above: string, bytes: number, component = 50): string {
  const directory = pathOfBytes(above, bytes, component);
  fs.mkdirSync(directory, { recursive: true });
  return directory;
}

export function pathOfBytes(above: string, bytes: number, component = 50): string {
  let directory = above;
  for (let left = bytes - directory.length; left > 0; left = bytes - directory.length) {
    // No last component of a slash alone.
    const size = left - 1 - component === 1 ? component - 1 : Math.min(component, left - 1);
    directory += `/${'d'.repeat(size)}`;
  }
  if (Buffer.byteLength(directory) !== bytes) throw new Error(`${above} leaves no room for a path of ${bytes} bytes`);
  return directory;
}

/** A base of the test's own, and homes of boxes in it. */
export interface World {
  readonly base: string;
  readonly parent: string;
  /** The real directory of a box in a home of that name: `<base>/<home>/<id>/sockets`; made. */
  realDir(id: string, home?: string): string;
  box(id: string, home?: string, options?: BoxSocketsOptions): BoxSockets;
  binding(id: string): string;
}

export function makeWorld(base = tempDir()): World {
  const parent = path.join(base, `bl-${ownUid}`);
  const realDir = (id: string, home = 'home'): string => {
    const directory = path.join(base, home, id, 'sockets');
    fs.mkdirSync(directory, { recursive: true });
    return directory;
  };
  return {
    base,
    parent,
    realDir,
    box: (id, home, options) => new BoxSockets(id, realDir(id, home), { base, ...options }),
    binding: (id) => path.join(parent, id),
  };
}

/**
 * Everything below a directory, itself included: what kind each entry is, its inode, permissions, owner and time of
 * change, a link's target and a file's text. Two equal snapshots mean that nothing was changed between them.
 */
export function snapshot(directory: string): Record<string, string> {
  const entries: Record<string, string> = {};
  const look = (file: string): void => {
    const stat = fs.lstatSync(file, { bigint: true });
    const inside = stat.isSymbolicLink() ? fs.readlinkSync(file) : stat.isFile() ? fs.readFileSync(file, 'latin1') : '';
    entries[file] = [stat.ino, stat.mode.toString(8), stat.uid, stat.nlink, stat.ctimeNs, inside].join(' ');
    if (stat.isDirectory()) for (const name of fs.readdirSync(file)) look(path.join(file, name));
  };
  look(directory);
  return entries;
}

// What a machine may lack

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

/** Mounts a file system on a directory until the end of the test. */
export function mount(args: readonly string[], directory: string): void {
  fs.mkdirSync(directory, { recursive: true });
  run('mount', [...args, directory]);
  onTestFinished(() => {
    run('umount', ['-l', directory]);
  });
}

// Children

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
  /** Leave as many descriptors free, of `ulimit -n`. */
  readonly descriptorsLeft?: number;
}

/** Makes the calls one after another in a child of its own. */
export function callInChild(calls: readonly Call[], { uid, cwd, ...setting }: ChildSetting = {}): Called[] {
  const task = JSON.stringify({ dist, calls, ...setting });
  const program = [process.execPath, path.join(fixtures, 'call.js'), task];
  const limited = ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...program];
  const [command = '', ...args] = setting.descriptorsLeft === undefined ? program : ['sh', ...limited];
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

export const missingPython = missingTool('python3');

/** A process that holds a socket at each path until the end of the test (test/fixtures/hold-sockets.py). */
export function holdSockets(...sockets: { path: string; type: 'stream' | 'dgram' | 'connected-dgram' }[]) {
  return start('python3', [path.join(fixtures, 'hold-sockets.py'), JSON.stringify(sockets)]);
}
