// Which system calls are made, seen by strace from outside.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dist, fixtures, makeWorld, missingTool, promise as promiseIf, run, usedWorld, type World } from './helpers.js';

const missing = process.platform === 'linux' ? missingTool('strace', ['-o', '/dev/null', 'true']) : 'not Linux';
const promise = (name: string, test: () => void): void => promiseIf(missing, name, test);

// What V8 does for itself at any time, in any program: memory, threads, and a word to the event loop.
const RUNTIME = /^((mmap|munmap|mprotect|madvise|brk|futex|sched_yield|getpid)\(|write\(\d+, "\\1(\\0){7}", 8\))/;

/** The main thread's system calls between the markers of test/fixtures/steady.js, one a line. */
function callsOf(scene: string, { base, realDir }: World, times: number, which = 'all'): string[] {
  const trace = path.join(base, 'trace');
  const child = [process.execPath, path.join(fixtures, 'steady.js'), dist, scene, base, realDir('b'), String(times)];
  run('strace', ['-o', trace, '-s', '4096', '-e', `trace=${which}`, ...child]);
  const lines = fs.readFileSync(trace, 'utf8').split('\n');
  const at = (name: string): number => lines.findIndex((line) => line.includes(`"/marker-${name}"`));
  const [begin, end] = [at('begin'), at('end')];
  if (begin < 0 || end < 0) throw new Error('the markers are not in the trace');
  return lines.slice(begin + 1, end).filter((line) => !RUNTIME.test(line));
}

/** Of three traces the first without what the C library does at its leisure (it counts the processors, for one). */
function callsAtLeast(expected: number, scene: string, world: World, times: number): string[] {
  let calls: string[] = [];
  for (let i = 0; i < 3 && calls.length !== expected; i++) calls = callsOf(scene, world, times);
  return calls;
}

describe('system calls', () => {
  promise('of a steady ensureSync() are stat, lstat, stat, stat, and no other', () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const times = 100;
    const stat = (file: string, flags: string): RegExp =>
      new RegExp(`^(newfstatat\\(AT_FDCWD, "${file}", .*, ${flags}\\)|l?stat\\("${file}", .*\\)) += 0$`);
    const expected = [
      stat(world.base, '0'),
      stat(world.parent, 'AT_SYMLINK_NOFOLLOW'),
      stat(box.bindingDir, '0'),
      stat(box.realDir, '0'),
    ];
    const calls = callsAtLeast(4 * times, 'steady', world, times);
    expect(calls).toHaveLength(4 * times);
    for (const [i, call] of calls.entries()) expect(call).toMatch(expected[i % 4] ?? /^$/);
  });

  promise('of the arithmetic are none but getuid: constructor, paths, budget, policy, environment, limits', () => {
    const world = makeWorld();
    fs.rmSync(world.realDir('b'), { recursive: true });
    // The name of the parent has the caller's uid in it.
    const calls = callsAtLeast(1000, 'pure', world, 1000);
    expect(new Set(calls.map((call) => call.replace(/\).*/, ')')))).toEqual(new Set(['getuid()']));
    expect(calls).toHaveLength(1000);
  });

  const unpacked = fs.readFileSync(dist, 'utf8').includes('boxsockets.parts')
    ? null
    : 'packed by npm run build:ts alone';
  promiseIf(missing ?? unpacked, 'of loading the package open no binary, and one file', () => {
    const world = makeWorld();
    const calls = callsOf('require', world, 1, '%file');
    const opened = calls.filter((call) => /^open/.test(call));
    const loaded = opened.flatMap((call) => /\/([^/"]*)\.js"/.exec(call)?.[1] ?? []);
    expect(loaded).toEqual(['index']);
    // Node opens /dev/null from 22 on, and the C library looks how much memory and how many processors there are.
    const own = new RegExp(`"${path.dirname(dist)}/[^"]*\\.js"|package\\.json"|"/(dev/null|proc/|sys/)`);
    for (const call of opened) expect(call).toMatch(own);
    for (const call of calls) expect(call).not.toMatch(/\.node\b|prebuilds|bl-\d/);
  });

  it('are counted, and a call more is seen', () => {
    expect('newfstatat(AT_FDCWD, "/tmp", {}, 0) = 0').not.toMatch(RUNTIME);
    expect('openat(AT_FDCWD, "/tmp", O_RDONLY) = 3').not.toMatch(RUNTIME);
    expect('getuid() = 0').not.toMatch(RUNTIME);
    expect('flock(3, LOCK_EX) = 0').not.toMatch(RUNTIME);
  });
});
