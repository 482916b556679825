// Every operation at once, in processes and worker threads, some of which are killed all the time.

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { dist, fixtures, leaveDeadSocket, makeWorld, type World } from '../../helpers.js';
import { raceMs, testTimeout } from './length.js';

const PEACEFUL = ['steady', 'dial', 'live', 'serve', 'sweep', 'list', 'probe'];
const RESTLESS = ['swap', 'swapDead', 'common'];
const HOMES = ['one', 'two'];
const LASTING = ['swap', 'dead', 'common', 'live0', 'live1', 'live2', 'live3'];

/** What racers tell at their end. */
interface Told {
  readonly counts: Record<string, number>;
  readonly wrong: string[];
}

interface Racer {
  readonly child: ChildProcess;
  /** Null where it was killed and had nothing to complain of. */
  readonly told: Promise<Told | null>;
}

interface Start {
  readonly base: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly threads: number;
  readonly ms: number;
}

/** A process of test/fixtures/racer.js. */
function startRacer(start: Start): Racer {
  const task = JSON.stringify({ dist, ...start });
  const child = spawn(process.execPath, [path.join(fixtures, 'racer.js'), task], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const told = new Promise<Told | null>((resolve) => {
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(errors === '' ? null : { counts: {}, wrong: [errors] });
      else if (code === 0) resolve(JSON.parse(output) as Told);
      else resolve({ counts: {}, wrong: [`${start.name} ended with ${code ?? signal}: ${errors}`] });
    });
  });
  return { child, told };
}

/** The scene that test/fixtures/racer.js speaks of. */
async function makeScene(world: World): Promise<void> {
  for (const home of HOMES) {
    const server = net.createServer((socket) => socket.on('error', () => {}).end(home));
    await new Promise<void>((resolve) => server.listen(path.join(world.realDir('swap', home), 'box.sock'), resolve));
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    leaveDeadSocket(path.join(world.realDir('dead', home), 'box.sock'));
  }
  for (const id of LASTING) world.box(id, 'one').ensureSync();
}

/** Starts one process after the other and kills it in the middle of its work; answers with what each told before that. */
async function killAllTheTime(base: string): Promise<{ kills: number; told: (Told | null)[] }> {
  const told: (Told | null)[] = [];
  let kills = 0;
  for (const until = Date.now() + raceMs; Date.now() < until; kills++) {
    const victim = startRacer({ base, name: `v${kills}`, roles: RESTLESS, threads: 0, ms: 60_000 });
    await sleep(100 + Math.random() * 200);
    victim.child.kill('SIGKILL');
    const last = await victim.told;
    if (last !== null) told.push(last);
  }
  return { kills, told };
}

function addUp(told: readonly (Told | null)[]): Told {
  const counts: Record<string, number> = {};
  for (const some of told) {
    for (const [what, times] of Object.entries(some?.counts ?? {})) counts[what] = (counts[what] ?? 0) + times;
  }
  return { counts, wrong: told.flatMap((some) => some?.wrong ?? []) };
}

const TITLE =
  'processes and threads race, some of them killed: no dialer sees ENOENT in a replacement or reaches what was no target, ' +
  'no live link is swept, nobody waits for ever, and no temporary is left';

it(
  TITLE,
  async () => {
    const world = makeWorld();
    await makeScene(world);
    const { base } = world;
    const racers = ['p1', 'p2'].map((name) =>
      startRacer({ base, name, roles: [...PEACEFUL, ...RESTLESS], threads: 2, ms: raceMs }),
    );
    onTestFinished(() => racers.forEach(({ child }) => void child.kill('SIGKILL')));
    const killed = await killAllTheTime(base);
    const { counts, wrong } = addUp([...(await Promise.all(racers.map((racer) => racer.told))), ...killed.told]);

    const total = Object.values(counts).reduce((sum, times) => sum + times, 0);
    console.log(
      `races: ${total} operations in ${raceMs} ms, by 2 processes of 3 threads each; ${killed.kills} others killed`,
    );
    console.log(`races: ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    for (const what of [
      'ensure: created',
      'ensure: replaced',
      'ensure: unchanged',
      'remove: removed',
      'swept',
      'dial',
    ]) {
      expect(counts[what], what).toBeGreaterThan(0);
    }

    for (const id of LASTING) world.box(id, 'one').ensureSync({ takeover: true, lockTimeout: 0 });
    BoxSockets.sweepStaleSync({ base, lockTimeout: 0 });
    const left = fs.readdirSync(world.parent).filter((name) => !/^(serve|own)-/.test(name));
    expect(left.sort()).toEqual(['.lock', ...LASTING].sort());
  },
  testTimeout,
);
