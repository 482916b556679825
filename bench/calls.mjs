// What each operation asks of the kernel, counted: the same on every machine, and what most of its time is.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { missingTool } from './lib/missing.mjs';
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
};

// What a thread does to wake another or to wait, what the allocator asks for, and the other side: not the operation's.
const OF_THE_RUNTIME = /^(futex|epoll_\w+|eventfd2|madvise|mmap|munmap|mprotect|brk|restart_syscall|accept4)\(/;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'calls',
  missing: () => missingTool('strace'),
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
  const program = [process.execPath, script, BASE, String(strangeUid()), deepDirectory(directory, 180, 9)];
  execFileSync('strace', ['-f', '-qq', '-o', log, ...program], { stdio: 'inherit' });
  /** @type {Map<string, number>} */
  const counted = new Map();
  let operation = '';
  for (const line of fs.readFileSync(log, 'utf8').split('\n')) {
    const call = line.replace(/^\d+ +/, '');
    const mark = /"\/(begin|end) ([^"]+)"/.exec(call);
    if (mark !== null) {
      operation = mark[1] === 'begin' ? (mark[2] ?? '') : '';
    } else if (operation !== '' && /^\w+\(/.test(call) && !OF_THE_RUNTIME.test(call)) {
      counted.set(operation, (counted.get(operation) ?? 0) + 1);
    }
  }
  if (counted.size === 0) throw new Error(`strace told of no call: ${log}`);
  return counted;
}
