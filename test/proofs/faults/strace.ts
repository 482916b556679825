// One operation of test/fixtures/operate.js under strace: the calls that it makes, and what becomes of it where one of
// them fails or kills.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { dist, fixtures, missingTool } from '../../helpers.js';
import {
  anonymous,
  type Call,
  type CallNumber,
  describeCall,
  FIRST_MARK,
  MARK,
  MARKING_CALLS,
  parseCalls,
} from './calls.js';

/** Null where strace can follow a program here, else why not. */
export const missingStrace =
  process.platform === 'linux'
    ? missingTool('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'])
    : 'not Linux';

// In namespaces of its own, where they may be made: how many sockets the machine's other processes bind meanwhile, and how
// many network namespaces there are, is then no matter. A judgement makes calls for each.
const ALONE = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
const APART = missingTool('unshare', [...ALONE, 'true']) === null ? ['unshare', ...ALONE] : [];

/** What lies below the base: `-> target`, `socket 600`, `directory 755`, `file 644`. */
export type Tree = Record<string, string>;

export interface OperationError {
  readonly code: string;
  readonly syscall?: string;
  readonly message: string;
}
export type Outcome = { readonly result: unknown } | { readonly error: OperationError };

/** What operate.js prints. */
export interface Report {
  readonly first: Outcome;
  readonly second: Outcome;
  readonly before: Tree;
  readonly after: Tree;
  readonly end: Tree;
  readonly leaked: readonly [fd: string, target: string][];
}

/** A base for one run: not tempDir(), for hundreds are made in one test. */
export async function withBase<T>(use: (base: string) => Promise<T>): Promise<T> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    return await use(base);
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
  }
}

export interface Run {
  readonly base: string;
  readonly operation: string;
  /** Whether descriptors that the operation leaves are closed after it: where its close() is what fails. */
  readonly releaseLeaked?: boolean;
  /** How many threads the process has made before anything is done: it gets none after those. */
  readonly threads?: number | undefined;
}

interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly signal: NodeJS.Signals | null;
  readonly log: string;
}

/** Where a run is logged while it lasts. */
export const logOf = (base: string) => `${base}.strace`;

async function strace(options: readonly string[], run: Run): Promise<Ended> {
  const { base, operation, releaseLeaked = false, threads } = run;
  const log = logOf(base);
  const task = JSON.stringify({ dist, base, operation, releaseLeaked });
  const program = [process.execPath, path.join(fixtures, 'operate.js'), task];
  const alone = threads === undefined ? [] : ['-e', `inject=clone,clone3:error=EAGAIN:when=${threads + 1}+`];
  const tracer = ['strace', '-y', '-s', '500', '-o', log, ...options, ...alone];
  const [file = '', ...args] = [...APART, ...tracer, ...program];
  const child = spawn(file, args);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const text = fs.readFileSync(log, 'utf8');
  fs.rmSync(log);
  // Of the program itself, whose line is the first: strace need not be able to die as it did.
  const [, pid = ''] = /^(\d+ +)?/.exec(text) ?? [];
  const signal = new RegExp(`^${pid}\\+\\+\\+ killed by (\\w+)`, 'm').exec(text)?.[1] ?? null;
  return { output, errors, signal: signal as NodeJS.Signals | null, log: text };
}

export interface Traced {
  readonly calls: readonly Call[];
  /** The call that marks the operation's end. */
  readonly end: CallNumber;
  readonly report: Report;
  /** See {@link Run}; undefined where the operation makes no thread. */
  readonly threads?: number | undefined;
}

/**
 * The operation undisturbed, and the calls it makes. Those of the main thread alone, on which every synchronous operation
 * runs; what it would do on a thread of its own, it does there where it gets none.
 */
export async function traceOperation(operation: string): Promise<Traced> {
  const traced = await traceWith(operation, undefined);
  const makesThreads = traced.calls.some(({ names }) => names.includes('clone'));
  return makesThreads ? traceWith(operation, traced.threads) : { ...traced, threads: undefined };
}

function traceWith(operation: string, threads: number | undefined): Promise<Traced> {
  return withBase(async (base) => {
    // Without -f.
    const { output, errors, log } = await strace([], { operation, base, threads });
    if (output === '') throw new Error(`${operation} did not end as it should: ${errors}`);
    const { calls, end } = parseCalls(log, base);
    // That it gets no thread is what befalls every run of it.
    const others = threads === undefined ? calls : calls.filter(({ names }) => !names.includes('clone'));
    const [before = ''] = log.split(FIRST_MARK);
    const made = before.match(/^clone3?\(/gm)?.length ?? 0;
    return { calls: others, end, report: toReport(output, base), threads: threads ?? made };
  });
}

/** The operation undisturbed. */
export async function runOperation({ base, operation }: Run): Promise<void> {
  const { output, errors } = await strace(['-e', 'trace=none'], { base, operation });
  if (output === '') throw new Error(`${operation} did not end as it should: ${errors}`);
}

function toReport(output: string, base: string): Report {
  return JSON.parse(anonymous(base, output)) as Report;
}

/** What befalls one call of an operation: `error=EIO` or `signal=SIGKILL`. */
export interface Strike {
  readonly call: CallNumber;
  readonly effect: string;
}

export interface Struck {
  readonly signal: NodeJS.Signals | null;
  /** Null where the process was killed. */
  readonly report: Report | null;
}

const MOST_TRIES = 20;
/** How often another call may bear the number: the kernel has forgotten a name, and one more look is made. */
const MOST_OTHERS = 5;

// A filter in the kernel, so that strace hears of nothing but the calls that it traces; it asks for -f. Signals cannot be
// injected where it is that filter that stops the process (ptrace(2)).
const FILTERED = ['-f', '--seccomp-bpf'];

/** The operation, in an empty base, with one of its calls struck. */
export async function strikeOperation(run: Run, { call, effect }: Strike): Promise<Struck> {
  const { base, operation } = run;
  const { kernel, countWithin } = call;
  let { count } = call;
  let others = 0;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const inject = `inject=${kernel}:${effect}:when=${count}`;
    const options = [
      ...(effect.startsWith('signal') ? [] : FILTERED),
      '-e',
      `trace=${kernel},${MARKING_CALLS}${run.threads === undefined ? '' : ',clone,clone3'}`,
      '-e',
      inject,
    ];
    const { signal, output, errors, log } = await strace(options, run);
    const struck = struckWithin(log, kernel, count);
    const isAnother = struck === countWithin && others < MOST_OTHERS && !isStruck(log, call, base);
    if (isAnother) others++;
    if (struck === countWithin && !isAnother) {
      if (signal === null && output === '') throw new Error(`${operation} crashed, ${inject}: ${errors}`);
      return { signal, report: signal === null ? toReport(output, base) : null };
    }
    // The runtime made more or fewer of these calls before the operation than when it was traced.
    count += struck === null ? 1 : countWithin - struck;
    for (const name of fs.readdirSync(base)) fs.rmSync(path.join(base, name), { recursive: true });
  }
  throw new Error(`${operation}: ${kernel} number ${countWithin} could not be struck in ${MOST_TRIES} tries`);
}

// Whether it is that call that was struck, as far as its line tells.
function isStruck(log: string, call: CallNumber & Partial<Call>, base: string): boolean {
  const isOfIt = (one: string): boolean => one.includes('(INJECTED)') && one.includes(`${call.kernel}(`);
  const line = log.split('\n').find(isOfIt);
  // What a descriptor leads to, a trace of this call alone does not say.
  if (call.about === undefined || line === undefined || line.includes('"/proc/self/fd/')) return true;
  return describeCall(call.kernel, line.replace(/^\d+ +/, ''), base).about === call.about;
}

// Which call since the operation began bears that number; null where it came before.
function struckWithin(log: string, kernel: string, count: number): number | null {
  const lines = log.split('\n').filter((line) => line !== '');
  // A pid before each line once there is more than one thread; the operation is the first one's.
  const pid = /^(\d+) /.exec(lines[0] ?? '')?.[1];
  const start = new RegExp(`^(\\d+ +)?${kernel}\\(`);
  let seen = 0;
  for (const line of lines) {
    if (pid !== undefined && !line.startsWith(`${pid} `)) continue;
    if (MARK.exec(line)?.[1] === 'begin') return count - seen;
    if (start.test(line)) seen++;
  }
  return null;
}
