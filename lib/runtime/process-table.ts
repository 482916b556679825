// The processes of this machine that can be seen, as far as it takes to find those of a box. Linux tells in /proc; elsewhere
// `ps` does, which knows neither environments nor sockets.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { ShimProcess } from '../box/index.js';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** As of `ShimProcess`; null where it has to be asked for ({@link identify}). */
  readonly startTime: number | null;
}

/** How many processes are looked at at the same time. */
const LOOKS = 64;
/** Milliseconds after which a look at a process is given up: its own memory may lie on a file system that hangs. */
const LOOK_TIMEOUT = 2_000;
const COMMAND_LENGTH = 120;

export async function processTable(): Promise<Map<number, ProcessEntry>> {
  const entries = process.platform === 'linux' ? await fromProc() : await fromPs();
  return new Map(entries.map((entry) => [entry.pid, entry]));
}

async function fromProc(): Promise<ProcessEntry[]> {
  const pids = (await fs.promises.readdir('/proc')).filter((name) => /^[1-9][0-9]*$/.test(name)).map(Number);
  const entries = await forEach(pids, async (pid) => parseStat(pid, await read(pid, 'stat')));
  return entries.filter((entry) => entry !== null);
}

// `4711 (a (strange) name) S 1 …`: the state is the third field, the start time the 22nd.
function parseStat(pid: number, text: string): ProcessEntry | null {
  const [state = 'X', parent, , session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (/[ZXx]/.test(state)) return null;
  return { pid, parent: Number(parent), session: Number(session), startTime: Number(rest[15]) };
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,sess=,stat='], { maxBuffer: 1 << 26 });
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, session, state = 'Z'] = line.trim().split(/\s+/);
    if (state.startsWith('Z')) return [];
    // macOS prints addresses of sessions, which equal no pid.
    return [{ pid: Number(pid), parent: Number(parent), session: Number(session) || -1, startTime: null }];
  });
}

/** The process of an entry, while it is still that one; null where it has ended. */
export async function identify({ pid, startTime }: ProcessEntry): Promise<ShimProcess | null> {
  if (pid < 2) return null;
  return startTime === null ? ShimProcess.of(pid).catch(() => null) : new ShimProcess(pid, startTime);
}

/** Those of them whose environment has one of these entries (`NAME=value`), where this user may look. */
export async function withEnvironment(pids: readonly number[], entry: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const needle = `\0${entry}\0`;
  const found = await forEach(pids, async (pid) => `\0${await read(pid, 'environ')}`.includes(needle));
  return pids.filter((_, i) => found[i]);
}

/** Its cgroup, as a path below the mount point of cgroup v2; null where it has none of its own. */
export async function cgroupOf(pid: number): Promise<string | null> {
  const line = /^0::(\/.+)$/m.exec(await read(pid, 'cgroup'));
  return line?.[1] ?? null;
}

/** The processes in a cgroup. */
export async function inCgroup(cgroup: string): Promise<number[]> {
  const text = await fs.promises.readFile(`/sys/fs/cgroup${cgroup}/cgroup.procs`, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** What it was started as, for a message. */
export async function commandOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') return '';
  const text = (await read(pid, 'cmdline')).replaceAll('\0', ' ').trim();
  return text.length > COMMAND_LENGTH ? `${text.slice(0, COMMAND_LENGTH)}…` : text;
}

/** A file of a process; empty where it has ended, may not be looked at, or does not answer. */
async function read(pid: number, file: string): Promise<string> {
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  return fs.promises.readFile(`/proc/${pid}/${file}`, { encoding: 'utf8', signal }).catch(() => '');
}

async function forEach<In, Out>(all: readonly In[], look: (one: In, index: number) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let i = 0; i < all.length; i += LOOKS) {
    results.push(...(await Promise.all(all.slice(i, i + LOOKS).map((one, j) => look(one, i + j)))));
  }
  return results;
}
