// The processes of this machine that can be seen, as far as it takes to find those of a box. Linux tells in /proc; elsewhere
// `ps` does, which knows neither environments nor sockets.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { ShimProcess } from '../box/index.js';
import { nextTurn } from '../clock.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { attempt } from '../twin.js';
import { isSilent, noteSilence } from './held-sockets.js';

export interface ProcessEntry {
  readonly pid: number;
  /** One of its threads that has not ended: the first one, whose number is its own, may have ended before the others. */
  readonly thread: number;
  readonly parent: number;
  readonly session: number;
  /** As of `ShimProcess`; null where it has to be asked for ({@link identify}). */
  readonly startTime: number | null;
}

/** How many processes are looked at in one turn of the event loop. */
const LOOKS = 64;
/** Milliseconds after which a command line is given up. */
const LOOK_TIMEOUT = 2_000;

const run = promisify(execFile);

export async function processTable(): Promise<Map<number, ProcessEntry>> {
  const entries = process.platform === 'linux' ? await fromProc() : await fromPs();
  return new Map(entries.map((entry) => [entry.pid, entry]));
}

// What `stat` and `cgroup` tell waits for nothing, and costs less at once than on a thread.
async function fromProc(): Promise<ProcessEntry[]> {
  const pids = (await fs.promises.readdir('/proc')).filter((name) => /^[1-9][0-9]*$/.test(name)).map(Number);
  const entries: ProcessEntry[] = [];
  for (const [i, pid] of pids.entries()) {
    if (i % LOOKS === LOOKS - 1) await nextTurn();
    const entry = parseStat(pid, read(pid, 'stat'));
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

// `4711 (a (strange) name) S 1 …`: the state is the third field, the start time the 22nd. No text: it has ended meanwhile.
function parseStat(pid: number, text: string): ProcessEntry | null {
  const [state = '', parent, , session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const thread = /^[ZXx]?$/.test(state) ? laterThread(pid) : pid;
  if (thread === null) return null;
  return { pid, thread, parent: Number(parent), session: Number(session), startTime: Number(rest[15]) };
}

/** Of a process whose first thread has ended, one that has not. */
function laterThread(pid: number): number | null {
  const threads = attempt(() => fs.readdirSync(`/proc/${pid}/task`), []);
  return threads.map(Number).find((thread) => thread !== pid) ?? null;
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await run('ps', ['-axo', 'stat=,pid=,ppid=,sess='], { maxBuffer: 1 << 26 });
  return stdout.split('\n').flatMap((line) => {
    const [state = '', ...numbers] = line.trim().split(/\s+/);
    const [pid = 0, parent = 0, session = 0] = numbers.map(Number);
    // macOS prints addresses of sessions, which equal no pid.
    return /^Z|^$/.test(state) ? [] : [{ pid, thread: pid, parent, session: session || -1, startTime: null }];
  });
}

/** The process of an entry, while it is still that one; null where it has ended. */
export async function identify({ pid, startTime }: ProcessEntry): Promise<ShimProcess | null> {
  if (pid < 2) return null;
  return startTime === null ? ShimProcess.of(pid).catch(() => null) : new ShimProcess(pid, startTime);
}

/**
 * Those of them whose environment has this entry (`NAME=value`), where this user may look. A process can keep its own memory
 * locked, and then does not answer: it is passed over, and not asked again for a while.
 */
export async function withEnvironment(asked: readonly ProcessEntry[], entry: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const heard = asked.filter((one) => !isSilent(nameOf(one)));
  const given = new Uint8Array(Int32Array.from(heard, ({ thread }) => thread).buffer);
  const answer = unwrap(await native().withEntryAsync(entry, given), { base: '/proc', parent: '/proc' });
  const found = new Set(new Int32Array(answer.buffer));
  for (const one of heard) if (found.has(-one.thread)) noteSilence(nameOf(one));
  return heard.flatMap(({ pid, thread }) => (found.has(thread) ? pid : []));
}

function nameOf({ pid, startTime }: ProcessEntry): string {
  return `${pid} ${startTime}`;
}

/** Its cgroup, as a path below the mount point of cgroup v2; null where it has none of its own. */
export function cgroupOf(pid: number): string | null {
  const line = /^0::(\/.+)$/m.exec(read(pid, 'cgroup'));
  return line?.[1] ?? null;
}

/** The processes in a cgroup. */
export async function inCgroup(cgroup: string): Promise<number[]> {
  const text = await fs.promises.readFile(`/sys/fs/cgroup${cgroup}/cgroup.procs`, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** What it was started as, for a message: by a program, which can be ended where that process does not answer. */
export async function commandOf(pid: number): Promise<string> {
  const limits = { timeout: LOOK_TIMEOUT, killSignal: 'SIGKILL' } as const;
  const { stdout } = await run('ps', ['-o', 'args=', '-p', `${pid}`], limits).catch(() => ({ stdout: '' }));
  return stdout.trim();
}

/** A file of a process; empty where it has ended, or may not be looked at. */
function read(pid: number, file: 'stat' | 'cgroup'): string {
  return attempt(() => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8'), '');
}
