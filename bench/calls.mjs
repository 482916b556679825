// What each operation asks of the kernel, counted: the same on every machine, and what most of its time is.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { compile } from './lib/floor.mjs';
import { missingTool } from './lib/missing.mjs';
import { purposes, purposesOfStart } from './lib/purposes.mjs';
import { BASE, deepDirectory, IN_MEMORY, scratch, strangeUid } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

/**
 * How many a call may make, the one that asks who this process is among them.
 *
 * @type {Record<string, import('./lib/outcome.mjs').Limit>}
 */
const LIMITS = {
  // Who this process is, and the four looks of the design.
  'ensureSync, steady': { atMost: 5 },
  'ensureSync of a missing binding': { atMost: 10 },
  removeSync: { atMost: 11, guard: 12 },
  'listen, close': { atMost: 25 },
};

// What a thread does to wake another or to wait, what the allocator asks for, and the other side: not the operation's.
const OF_THE_RUNTIME = /^(futex|epoll_\w+|eventfd2|madvise|mmap|munmap|mprotect|brk|restart_syscall|accept4)\(/;

// Those whose calls are told apart by what they are for.
const OF_OURS = /^(removeSync|listen, close|connect)/;
// Those that run programs, told apart by who makes them.
const OF_PROGRAMS = /^(launch|spawn)/;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'calls',
  missing: () => missingTool('strace') ?? missingTool('g++'),
  async run() {
    const counted = count(scratch(IN_MEMORY));
    const rows = Array.from(counted, ([name, calls]) => ({ name, unit: 'calls', ...summarize([calls]) }));
    return {
      title: 'System calls',
      setting:
        'Counted by strace, in the second of two calls. Left out is by what threads wait, memory is had, and the dialed ' +
        'server accepts.',
      rows,
      targets: rows
        .filter(({ name }) => LIMITS[name] !== undefined)
        .map((row) => ({ what: row.name, ...row, ...LIMITS[row.name] })),
    };
  },
};

/**
 * @param {string} directory of its own
 * @returns {Map<string, number>} how many calls each operation made
 */
function count(directory) {
  const log = path.join(directory, 'calls.log');
  const script = path.join(import.meta.dirname, 'lib/calls.cjs');
  const [uid, realDir] = [strangeUid(), deepDirectory(directory, 180, 9)];
  const program = [process.execPath, script, BASE, String(uid), realDir, compile('dial'), directory];
  execFileSync('strace', ['-f', '-qq', '-s', '4096', '-o', log, ...program], { stdio: 'inherit', timeout: 120_000 });
  /** @type {Map<string, number>} */
  const counted = new Map();
  let operation = '';
  let purposeOf = purposes({ base: BASE, parent: `${BASE}/bl-${uid}`, realDir });
  let purposeOfStart = purposesOfStart();
  /** What each process runs, if not the host. @type {Map<string, string>} */
  const programs = new Map();
  const tellApart = (/** @type {string} */ pid, /** @type {string} */ call) => {
    if (OF_OURS.test(operation)) return [operation, `${operation}: ${purposeOf(call)}`];
    if (!OF_PROGRAMS.test(operation)) return [operation];
    const executed = /^execve\("([^"]+)"/.exec(call)?.[1];
    if (executed !== undefined) programs.set(pid, path.basename(executed));
    const program = programs.get(pid);
    if (program !== undefined) return [operation, `${operation}: by ${program}`];
    return [operation, `${operation}: by the host`, `${operation}: by the host, ${purposeOfStart(call)}`];
  };
  for (const line of fs.readFileSync(log, 'utf8').split('\n')) {
    const [, pid = '', call = ''] = /^(\d+) +(.*)/.exec(line) ?? [];
    const mark = /"\/(begin|end) ([^"]+)"/.exec(call);
    if (mark !== null) {
      operation = mark[1] === 'begin' ? (mark[2] ?? '') : '';
      purposeOf = purposes({ base: BASE, parent: `${BASE}/bl-${uid}`, realDir });
      purposeOfStart = purposesOfStart();
    } else if (operation !== '' && /^\w+\(/.test(call) && !OF_THE_RUNTIME.test(call)) {
      for (const name of tellApart(pid, call)) counted.set(name, (counted.get(name) ?? 0) + 1);
    }
  }
  if (counted.size === 0) throw new Error(`strace told of no call: ${log}`);
  return counted;
}
