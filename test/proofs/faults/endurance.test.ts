// What is left of a process after threads that ended, after an end in the middle of everything, and after many operations.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { expectDescriptors, openDescriptors } from '../../helpers/descriptors.js';
import { isLocked, missingFlock } from '../../helpers/flock.js';
import { closed, makeServer } from '../../helpers/net.js';
import { dist, fixtures, leaveDeadSocket, makeWorld, promise, run, start, tempDir } from '../../helpers.js';
import { isSoak, testTimeout } from './length.js';
import { withBase } from './strace.js';

const MIB = 2 ** 20;
const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const missingProc = fs.existsSync('/proc/self/fd') ? null : 'no /proc/self/fd';

/** The box of that id below that home, and the parent, that a fixture speaks of. */
const boxIn = (base: string, home: string, id: string) => new BoxSockets(id, path.join(base, home, id), { base });
const parentOf = (base: string) => boxIn(base, 'any', 'any').parentDir;

/** What lies in the parent and is neither its lock nor a link that leads to the directory of its id in one of those homes. */
function oddEntries(base: string, homes: readonly string[]): string[] {
  const parent = parentOf(base);
  return fs.readdirSync(parent).flatMap((id) => {
    if (id === '.lock') return [];
    const file = path.join(parent, id);
    if (!fs.lstatSync(file).isSymbolicLink()) return [`${id} is no link`];
    const target = fs.readlinkSync(file);
    return homes.some((home) => target === path.join(base, home, id)) ? [] : [`${id} -> ${target}`];
  });
}

/** What a probe has left in the real directories of a home. */
const standIns = (base: string, home: string) =>
  fs.readdirSync(path.join(base, home), { recursive: true, encoding: 'utf8' }).filter((name) => /\/\./.test(name));

/** Takes every lock at once, and makes a binding that is right, listens through it and dials it. */
async function expectUsable(box: BoxSockets): Promise<void> {
  box.ensureSync({ lockTimeout: 0 });
  expect(fs.realpathSync(box.bindingDir)).toBe(fs.realpathSync(box.realDir));
  for (const name of ['box.sock', 'a.sock']) {
    const server = net.createServer((socket) => socket.destroy());
    await box.listen(server, name, { lockTimeout: 0 });
    (await box.connect(name)).on('error', () => {}).destroy();
    await closed(server);
  }
}

describe('worker threads', () => {
  // The first wave loads what stays loaded; then a hundred workers, ten at once.
  const WAVE = 10;
  const WAVES = 1 + (isSoak ? 100 : 10);
  // A worker that has loaded the package is 9 MiB: a hundred that stayed would be 900.
  const MOST_GROWTH = 64 * MIB;

  interface Ended {
    readonly counts: Record<'return' | 'exit' | 'terminate', number>;
    readonly wrong: string[];
    readonly descriptors: number[];
    readonly rss: number[];
  }

  promise(
    missingProc ?? missingFlock,
    'that return, exit or are terminated with operations in flight leave no descriptor, no lock and no wrong binding behind',
    async () => {
      const base = tempDir();
      const task = JSON.stringify({ dist, base, waves: WAVES, wave: WAVE });
      const child = await start(process.execPath, ['--expose-gc', path.join(fixtures, 'ending-workers.js'), task]);
      const { counts, wrong, descriptors, rss } = JSON.parse(child.firstLine) as Ended;
      const [first = 0, last = 0] = [rss[0], rss.at(-1)];
      const ends = Object.entries(counts).map(([end, times]) => `${end} ${times}`);
      console.log(
        `workers: ${WAVES * WAVE} ended (${ends.join(', ')}); ${[...new Set(descriptors)].join(', ')} descriptors after each wave`,
      );
      console.log(`workers: ${mib(first)} resident after the first ${WAVE}, ${mib(last)} in the end`);

      expect(wrong).toEqual([]);
      expect(new Set(descriptors)).toEqual(new Set([descriptors[0]]));
      expect(last - first).toBeLessThan(MOST_GROWTH);
      // The process in which they ended is still there.
      expect(isLocked(parentOf(base))).toBe(false);
      expect(isLocked(path.join(parentOf(base), '.lock'))).toBe(false);
      expect(oddEntries(base, ['home'])).toEqual([]);
      expect(standIns(base, 'home')).toEqual([]);
      for (const id of fs.readdirSync(path.join(base, 'home'))) await expectUsable(boxIn(base, 'home', id));
    },
    testTimeout,
  );
});

promise(
  missingProc,
  'a worker that ends in the middle of a listen and of a verified dial leaves no socket open',
  async () => {
    const world = makeWorld();
    const box = world.box('b');
    await box.listen(
      makeServer((socket) => socket.resume()),
      'box.sock',
    );
    const before = openDescriptors('/tmp');
    for (let turns = 0; turns < 10; turns++) {
      const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', ${JSON.stringify(box.realDir)}, { base: ${JSON.stringify(world.base)} });
      box.connect('box.sock', { verifyPeer: true });
      box.listen(require('node:net').createServer(), 'own.sock');
      const turn = (left) => left === 0 ? process.exit() : setImmediate(turn, left - 1);
      turn(${turns});`;
      await once(new Worker(program, { eval: true }), 'exit');
      await expectDescriptors('/tmp', before);
      // A socket that were still open would hold the name.
      const server = net.createServer();
      await box.listen(server, 'own.sock');
      await closed(server);
    }
  },
);

type End = 'exit' | 'throw' | 'return';

describe('a process that ends with operations in flight', () => {
  const BOXES = Array.from({ length: 8 }, (_, i) => `box${i}`);
  const HOMES = ['one', 'two'];
  const THROWN = 'thrown on purpose';
  const STATUS: Readonly<Record<End, number>> = { exit: 7, throw: 1, return: 0 };
  // What Node says of an exception that nobody catches; of a worker's, its parent hears.
  const TRACE = new RegExp(`^\\S+:\\d+\\n.*\\n *\\^\\n\\nRangeError: ${THROWN}\\n( {4}at .*\\n)+\\nNode.js \\S+\\n$`);
  const TURNS = isSoak ? Array.from({ length: 100 }, (_, turn) => turn) : [0, 1, 2, 5, 20];
  const WHERE = ['main thread', 'worker'] as const;

  /** The scene that test/fixtures/ending-process.js speaks of. */
  async function makeScene(base: string): Promise<void> {
    for (const home of HOMES) {
      for (const id of BOXES) fs.mkdirSync(path.join(base, home, id), { recursive: true });
    }
    leaveDeadSocket(path.join(base, 'one', 'box0', 'd.sock'));
    boxIn(base, 'one', 'box0').ensureSync();
    fs.symlinkSync('/nonexistent', path.join(parentOf(base), 'stale'));
  }

  /** Ends one, and answers with what is left there and should not be. */
  function endOne(base: string, end: End, turns: number, worker: boolean): string[] {
    const task = JSON.stringify({ dist, base, end, turns, worker });
    const program = path.join(fixtures, 'ending-process.js');
    const options = { encoding: 'utf8', timeout: 50_000 } as const;
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, task], options);
    expect(signal).toBeNull();
    expect(stderr).toMatch(end === 'throw' && !worker ? TRACE : /^$/);
    expect(stdout).toBe(end === 'throw' && worker ? THROWN : '');
    expect(status).toBe(STATUS[end]);
    return oddEntries(base, HOMES).filter((entry) => end === 'return' || entry !== 'stale -> /nonexistent');
  }

  /** Where a takeover and its reversal both fall into one probe, its stand-in stays until the next probe there. */
  async function expectNoStandIns(base: string): Promise<void> {
    for (const home of HOMES) {
      for (const id of BOXES) {
        const box = boxIn(base, home, id);
        box.ensureSync({ takeover: true });
        await box.probe();
      }
      expect(standIns(base, home)).toEqual([]);
    }
  }

  it.each<End>(['exit', 'throw', 'return'])(
    'by %s does so as it was told, and leaves nothing in the way of the next one',
    {
      timeout: testTimeout,
    },
    async (end) => {
      let links = 0;
      for (const turns of TURNS) {
        for (const where of WHERE) {
          await withBase(async (base) => {
            await makeScene(base);
            expect(endOne(base, end, turns, where === 'worker')).toEqual([]);
            links += fs.readdirSync(parentOf(base)).filter((id) => BOXES.includes(id)).length;
            for (const id of BOXES) await expectUsable(boxIn(base, 'one', id));
            await expectNoStandIns(base);
          });
        }
      }
      console.log(`ends: ${TURNS.length * WHERE.length} by ${end}, with ${links} links left, each of them right`);
    },
  );
});

describe('200,000 operations', () => {
  // Of two thousand operations each (test/fixtures/endure.js).
  const ROUNDS = isSoak ? 1000 : 100;
  const WARM_UP = 20;
  const POINTS = 5;
  // Bytes that may be gained by all of them. In the short form that is 20 bytes an operation, and 4 of V8's heap; what
  // V8 learns of code that runs hot, it keeps there.
  const MOST_RESIDENT = 4 * MIB;
  const MOST_HEAP = (isSoak ? 1.5 : 0.75) * MIB;
  // Else a heap of young objects that grows and shrinks, and an arena of malloc for each thread of the pool, are all to be seen.
  const NODE_OPTIONS = ['--expose-gc', '--max-semi-space-size=1'];
  const ENV = { ...process.env, MALLOC_ARENA_MAX: '1' };

  interface Held {
    readonly descriptors: number;
    readonly rss: number;
    readonly heap: number;
  }
  interface Endured {
    readonly operations: number;
    readonly failures: Record<string, number>;
    readonly before: Held;
    readonly points: Held[];
  }

  promise(
    missingProc,
    'leave the count of descriptors and the resident memory where they were',
    () => {
      const task = JSON.stringify({ dist, base: tempDir(), rounds: ROUNDS, warmUp: WARM_UP, points: POINTS });
      const args = [...NODE_OPTIONS, path.join(fixtures, 'endure.js'), task];
      const output = run(process.execPath, args, { env: ENV, timeout: testTimeout });
      const { operations, failures, before, points } = JSON.parse(output) as Endured;
      const all = [before, ...points];
      const failed = Object.values(failures).reduce((sum, times) => sum + times, 0);
      console.log(`endurance: ${operations} operations, ${failed} of them failed as they should`);
      console.log(`endurance: ${all.map(({ descriptors }) => descriptors).join(' ')} descriptors`);
      console.log(`endurance: resident ${all.map(({ rss }) => mib(rss)).join(', ')}`);
      console.log(`endurance: V8's heap ${all.map(({ heap }) => mib(heap)).join(', ')}`);

      expect(operations).toBe(ROUNDS * 2000);
      for (const { descriptors } of points) expect(descriptors).toBe(before.descriptors);
      const end = points.at(-1) ?? before;
      expect(end.rss - before.rss).toBeLessThan(MOST_RESIDENT);
      expect(end.heap - before.heap).toBeLessThan(MOST_HEAP);
    },
    testTimeout,
  );
});
