import { type ChildProcess, fork, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { dist, fixtures, makeWorld, usedWorld, type World } from '../helpers.js';

/** A process or a thread of test/fixtures/ensure-at.js. */
interface Racer {
  once(event: 'message', listener: (answer: Answer) => void): unknown;
  post(message: object): void;
}

interface Answer {
  status?: string;
  error?: string;
}

const program = path.join(fixtures, 'ensure-at.js');

function processRacer(): Racer {
  const child = fork(program);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { once: (event, listener) => child.once(event, listener), post: (message) => child.send(message) };
}

function threadRacer(): Racer {
  const worker = new Worker(program);
  onTestFinished(async () => void (await worker.terminate()));
  return { once: (event, listener) => worker.once(event, listener), post: (message) => worker.postMessage(message) };
}

const answerOf = (racer: Racer): Promise<Answer> => new Promise((resolve) => racer.once('message', resolve));

/** Lets all of them ensure the box at the same moment. */
async function race(racers: Racer[], { base, realDir }: World, method: string): Promise<Answer[]> {
  const task = { dist, id: 'b', realDir: realDir('b'), base, method, at: Date.now() + 10 };
  const answers = Promise.all(racers.map(answerOf));
  for (const racer of racers) racer.post(task);
  return answers;
}

// Not fs.rmSync: Node 23 refuses a link that leads to a directory.
function unlinkIfThere(link: string): void {
  if (fs.lstatSync(link, { throwIfNoEntry: false }) !== undefined) fs.unlinkSync(link);
}

/** What a round of a race begins with, and what its winner says. */
const STARTS: [status: string, prepare: (world: World) => void][] = [
  ['created', ({ parent }) => fs.rmSync(parent, { recursive: true, force: true })],
  ['created', ({ binding }) => unlinkIfThere(binding('b'))],
  [
    'replaced',
    ({ base, parent, binding }) => {
      fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
      unlinkIfThere(binding('b'));
      fs.symlinkSync(path.join(base, 'gone'), binding('b'));
    },
  ],
  [
    'created',
    ({ parent }) => {
      fs.rmSync(parent, { recursive: true, force: true });
      fs.mkdirSync(parent, { mode: 0o755 });
    },
  ],
];

async function manyRaces(racers: Racer[], rounds: number): Promise<void> {
  const world = makeWorld();
  const real = world.realDir('b');
  await Promise.all(racers.map(answerOf));
  for (let round = 0; round < rounds; round++) {
    const [winner, prepare] = STARTS[round % STARTS.length] ?? ['', () => {}];
    prepare(world);
    const answers = await race(racers, world, round % 8 < 4 ? 'ensureSync' : 'ensure');
    const losers = Array(racers.length - 1).fill({ status: 'unchanged' });
    expect(answers.sort((a, b) => `${a.status}`.localeCompare(`${b.status}`))).toEqual([{ status: winner }, ...losers]);
    expect(fs.readdirSync(world.parent).filter((name) => name !== '.lock')).toEqual(['b']);
    expect(fs.readlinkSync(world.binding('b'))).toBe(real);
    expect(fs.statSync(world.parent).mode & 0o777).toBe(0o700);
  }
}

describe('ensure, by many at once', () => {
  it('succeeds in all of sixteen processes, a hundred times over: one makes the link, no temporary is left', async () => {
    await manyRaces(Array.from({ length: 16 }, processRacer), 100);
  });

  it('succeeds in all of eight worker threads', async () => {
    await manyRaces(Array.from({ length: 8 }, threadRacer), 40);
  });

  it('succeeds in all of two hundred calls of one process', async () => {
    const world = makeWorld();
    const calls = Array.from({ length: 200 }, () => world.box('b').ensure());
    const made = (await Promise.all(calls)).filter(({ status }) => status === 'created');
    expect(made).toHaveLength(1);
    // Whoever found it made a moment after having found it missing took the lock.
    expect(fs.readdirSync(world.parent).filter((name) => name !== '.lock')).toEqual(['b']);
  });

  it('makes two hundred boxes of one process', async () => {
    const world = makeWorld();
    const boxes = Array.from({ length: 200 }, (_, i) => world.box(`b${i}`));
    const statuses = await Promise.all(boxes.map(async (box) => (await box.ensure()).status));
    expect(statuses).toEqual(boxes.map(() => 'created'));
    expect(fs.readdirSync(world.parent)).toHaveLength(200);
  });
});

/** What a child prints until it ends, after a first line that says that it is ready. */
function output(child: ChildProcess): { ready: Promise<void>; text: Promise<string> } {
  let text = '';
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      resolve();
    });
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve(text.slice('ready\n'.length)) : reject(new Error(errors))));
  });
  return { ready, text: ended };
}

function startNode(name: string, ...args: string[]) {
  const child = spawn(process.execPath, [path.join(fixtures, name), ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, ...output(child) };
}

async function serve(file: string, answer: string): Promise<void> {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(answer));
  await new Promise<void>((resolve) => server.listen(file, resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
}

describe('a replacement', () => {
  it('is seen by no dialer: while eight processes move the link, each dial reaches one of the two homes', async () => {
    const world = usedWorld();
    const homes = ['one', 'two'].map((home) => world.realDir('b', home));
    for (const [i, real] of homes.entries()) await serve(path.join(real, 'box.sock'), `home ${i}`);
    world.box('b', 'one').ensureSync();

    const dialers = Array.from({ length: 3 }, () => startNode('dial.js', path.join(world.binding('b'), 'box.sock')));
    const replacers = Array.from({ length: 8 }, () => startNode('replace.js', dist, world.base, 'b', '500', ...homes));
    await Promise.all([...dialers, ...replacers].map(({ ready }) => ready));
    for (const { child } of replacers) child.stdin.write('go\n');
    const replaced = (await Promise.all(replacers.map(({ text }) => text))).map(Number);
    for (const { child } of dialers) child.stdin.end();
    const seen = (await Promise.all(dialers.map(({ text }) => text))).map(
      (text) => JSON.parse(text) as { answers: Record<string, number>; errors: object; lookups: number },
    );

    expect(replaced.reduce((sum, count) => sum + count)).toBeGreaterThan(500);
    for (const { answers, errors, lookups } of seen) {
      expect(errors).toEqual({});
      expect(Object.keys(answers).sort()).toEqual(['home 0', 'home 1']);
      expect(lookups).toBeGreaterThan(1000);
    }
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });

  it('that is killed in the middle leaves nothing in the way', async () => {
    const world = usedWorld();
    const homes = ['one', 'two'].map((home) => world.realDir('b', home));
    world.box('b', 'one').ensureSync();
    for (let i = 0; i < 5; i++) {
      const { child, ready, text } = startNode('replace.js', dist, world.base, 'b', '1000000', ...homes);
      text.catch(() => {});
      await ready;
      child.stdin.write('go\n');
      const before = fs.readlinkSync(world.binding('b'));
      while (fs.readlinkSync(world.binding('b')) === before) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
      expect(homes).toContain(fs.readlinkSync(world.binding('b')));
      expect(await world.box('b', 'one').ensure({ lockTimeout: 0 })).toBeDefined();
    }
    BoxSockets.sweepStaleSync({ base: world.base });
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });
});

describe('ensure, remove, sweep and list', () => {
  it('do not hinder each other, whatever their order', async () => {
    const world = usedWorld();
    const box = world.box('b');
    const operations = [
      () => box.ensure(),
      () => box.remove(),
      () => BoxSockets.sweepStale({ base: world.base }),
      () => BoxSockets.list({ base: world.base }),
      () => box.ensureSync(),
      () => box.removeSync(),
      () => BoxSockets.sweepStaleSync({ base: world.base }),
    ];
    const calls = Array.from({ length: 700 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i % 13));
      return operations[i % operations.length]?.();
    });
    await Promise.all(calls);
    await box.ensure();
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b', 'other']);
  });
});
