// Which system calls are made, seen by strace from outside.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dist,
  fixtures,
  makeWorld,
  missingMount,
  missingTool,
  mount,
  promise as promiseIf,
  run,
  tempDir,
  usedWorld,
  type World,
} from '../helpers.js';

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

function mountExt4WithSeconds(base: string): void {
  const image = `${base}.img`;
  fs.writeFileSync(image, '');
  fs.truncateSync(image, 4 << 20);
  run('mkfs.ext4', ['-q', '-I', '128', image]);
  mount(['-o', 'loop', image], base);
}

describe('system calls', () => {
  // Who we are is asked first, each time: it needs no walk of a path.
  function expectSteadyCalls(world: World, names: readonly ('base' | 'parent' | 'binding' | 'realDir')[]): void {
    const box = world.box('b');
    const paths = { base: world.base, parent: world.parent, binding: box.bindingDir, realDir: box.realDir };
    const looks = names.map((name) => {
      const flags = name === 'parent' ? 'AT_SYMLINK_NOFOLLOW' : '0';
      const file = paths[name];
      return new RegExp(`^(newfstatat\\(AT_FDCWD, "${file}", .*, ${flags}\\)|l?stat\\("${file}", .*\\)) += 0$`);
    });
    const expected = [/^getresuid\(.*\) += 0$/, ...looks];
    const times = 100;
    const calls = callsAtLeast(expected.length * times, 'steady', world, times);
    expect(calls).toHaveLength(expected.length * times);
    for (const [i, call] of calls.entries()) expect(call).toMatch(expected[i % expected.length] ?? /^$/);
  }

  promise('of a steady ensureSync() are stat, lstat, stat, stat, who we are, and no other', () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    // Another spelling, of which nothing is proven.
    fs.unlinkSync(box.bindingDir);
    fs.symlinkSync(`${box.realDir}/.`, box.bindingDir);
    expectSteadyCalls(world, ['base', 'parent', 'binding', 'realDir']);
  });

  promise('of one whose link is proven to hold the path are stat, lstat, stat, who we are, and no other', () => {
    const world = usedWorld();
    world.box('b').ensureSync();
    expectSteadyCalls(world, ['base', 'parent', 'realDir']);
  });

  // Two changes may bear the same time there.
  const coarse: [string, string | null, (base: string) => void][] = [
    ['that stamps in an unknown way', missingMount(), (base) => mount(['-t', 'ramfs', 'none'], base)],
    ['that stamps in seconds', missingMount() ?? missingTool('mkfs.ext4', ['-V']), mountExt4WithSeconds],
  ];
  for (const [what, lacking, mountAt] of coarse) {
    promiseIf(missing ?? lacking, `of one on a file system ${what} are all four`, () => {
      const base = path.join(tempDir(), 'm');
      mountAt(base);
      const world = makeWorld(base);
      world.box('b').ensureSync();
      expectSteadyCalls(world, ['base', 'parent', 'binding', 'realDir']);
    });
  }

  /** The names of the calls that make a binding, and of those that remove it. */
  function makingAndRemoving(world: World): [string[], string[]] {
    const namesOf = (lines: string[]): string[] => lines.map((line) => line.slice(0, line.indexOf('(')));
    let halves: [string[], string[]] = [[], []];
    for (let i = 0; i < 3 && halves[0].length + halves[1].length !== 20; i++) {
      const calls = callsOf('make and remove', world, 1);
      const made = calls.findIndex((line) => line.includes('"/marker-made"'));
      halves = [namesOf(calls.slice(0, made)), namesOf(calls.slice(made + 1))];
    }
    return halves;
  }

  promise(
    'of a missing binding that is made are ten, and none takes a lock; of its removal twelve: it goes by way of another name',
    () => {
      const world = usedWorld();
      const [making, removing] = makingAndRemoving(world);
      expect(making).toHaveLength(10);
      expect(making).not.toContain('flock');
      expect(making.filter((name) => name === 'symlinkat')).toHaveLength(1);
      expect(removing).toHaveLength(12);
      expect(removing.filter((name) => name === 'flock')).toHaveLength(1);
    },
  );

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
  promiseIf(missing ?? unpacked, 'of loading the package open no binary, and two files', () => {
    const world = makeWorld();
    const calls = callsOf('require', world, 1, '%file');
    const opened = calls.filter((call) => /^open/.test(call));
    const loaded = opened.flatMap((call) => /\/([^/"]*)\.js"/.exec(call)?.[1] ?? []);
    // What is packed, and what the CommonJS build and the ES module each do in a way of their own.
    expect(loaded).toEqual(['index', 'host']);
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
