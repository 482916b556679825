// The host is killed by SIGKILL before each single thing that it does to the world; then the home is opened anew.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { BoxRuntime, SqliteBoxStore } from '../../dist/runtime/index.js';
import { fixtures, missingPython, ownUid, promise, tempDir } from '../helpers.js';
import { endWith, missingSqlite, processesWith, python } from '../runtime/home.js';

const checkout = path.join(__dirname, '..', '..');
const missing = missingSqlite ?? missingPython ?? (process.platform === 'win32' ? 'Windows' : null);

interface Host {
  readonly base: string;
  readonly homeDir: string;
}

/** Runs test/fixtures/crashing-host.cjs; the number of steps where it was not to be killed. */
function runHost({ base, homeDir }: Host, steps: readonly string[], crashAt?: number): number {
  const task = {
    dist: path.join(checkout, 'dist'),
    binding: binary(),
    python,
    guest: path.join(fixtures, 'guest.py'),
    homeDir,
    base,
    id: 'b1',
    steps,
    crashAt,
  };
  const host = spawnSync(process.execPath, [path.join(fixtures, 'crashing-host.cjs'), JSON.stringify(task)], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (crashAt !== undefined && host.signal === 'SIGKILL') return 0;
  if (host.status !== 0) throw new Error(`the host ended with ${host.status ?? host.signal}: ${host.stderr}`);
  return (JSON.parse(host.stdout) as { count: number }).count;
}

/** The addon that the package loads here. */
function binary(): string {
  const directory = path.join(checkout, 'prebuilds', `${process.platform}-${process.arch}`);
  const names = fs.readdirSync(directory).filter((name) => name.endsWith('.node'));
  const own = names.find((name) => name.includes('glibc')) ?? names[0] ?? '';
  return path.join(directory, own);
}

/** A home with a row of a box that was never launched: a store without a row would be taken for the wrong one. */
async function makeHost(): Promise<Host> {
  const base = tempDir();
  endWith(base);
  const homeDir = path.join(base, 'home');
  const store = await SqliteBoxStore.open(path.join(homeDir, 'db', 'boxlite.db'));
  const json = JSON.stringify({ id: 'other', box_home: path.join(homeDir, 'boxes', 'other') });
  await store.insert({ id: 'other', name: null, createdAt: 0, json });
  await store.close();
  return { base, homeDir };
}

const namesIn = (directory: string): string[] =>
  fs.existsSync(directory) ? fs.readdirSync(directory).filter((name) => name !== '.lock') : [];

/** What must hold after any crash, when the home has been opened anew; the state of the box, null where it is gone. */
async function expectOrder(host: Host, runtime: BoxRuntime): Promise<string | null> {
  expect(runtime.recovery.failed).toEqual([]);
  const boxes = await runtime.list();
  const links = namesIn(path.join(host.base, `bl-${ownUid}`));
  const homes = namesIn(path.join(host.homeDir, 'boxes'));
  const rows = boxes.map(({ id }) => id);
  // A directory has a row, a link has a directory.
  expect(rows).toEqual(expect.arrayContaining(homes));
  expect(homes).toEqual(expect.arrayContaining(links));
  for (const { error } of boxes) expect(error).toBeUndefined();
  // A process that runs is one that its box knows. (One that it knows may end by itself: it finds no host to tell that it
  // is ready.)
  const known = boxes.flatMap(({ shim }) => (shim === null ? [] : [shim.pid]));
  expect(known).toEqual(expect.arrayContaining(processesWith(host.base)));
  return boxes.find(({ id }) => id === 'b1')?.state ?? null;
}

/** Whatever was left: it can be gone on with, and at the end nothing is left. */
async function goOn(host: Host, runtime: BoxRuntime, state: string | null): Promise<void> {
  if (state === null) await runtime.provision({ id: 'b1' });
  // One that was launched may never have become ready: its host was gone.
  if (state === 'running') await runtime.stop('b1');
  await runtime.launch('b1', (layout) => ({
    command: python,
    args: [path.join(fixtures, 'guest.py'), layout.sockets.bindingDir, 'box', 'ready', 'serve'],
  }));
  (await runtime.connect('b1')).destroy();
  await runtime.remove('b1', { force: true });
  expect(namesIn(path.join(host.base, `bl-${ownUid}`))).toEqual([]);
  expect(namesIn(path.join(host.homeDir, 'boxes'))).toEqual([]);
  expect(await runtime.list()).toMatchObject([{ id: 'other' }]);
  expect(processesWith(host.base)).toEqual([]);
}

/** A shell that is held back ends when its host is gone, in a moment of its own. */
async function untilHeldBackShellsEnd(host: Host): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const waiting = processesWith(host.base).some((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('boxsockets-shim');
      } catch {
        return false;
      }
    });
    if (!waiting) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const scenarios: [name: string, steps: string[], states: (string | null)[]][] = [
  ['provisioning', ['provision'], [null, 'stopped']],
  ['launching', ['provision', 'launch'], ['stopped', 'running']],
  ['stopping', ['provision', 'launch', 'stop'], ['running', 'stopped']],
  ['removing', ['provision', 'launch', 'remove'], ['running', 'stopped', null]],
];

describe('a host that is killed', () => {
  for (const [name, steps, states] of scenarios) {
    promise(
      missing,
      `at any step of ${name} a box leaves nothing that the next open does not make right`,
      async () => {
        const total = runHost(await makeHost(), steps);
        expect(total).toBeGreaterThan(3);
        const seen = new Set<string | null>();
        // What it does depends a little on when its shim ends: its last steps may not come, and there may be some more.
        for (let crashAt = 1; ; crashAt++) {
          expect(crashAt).toBeLessThan(2 * total);
          const host = await makeHost();
          if (runHost(host, steps, crashAt) > 0) {
            if (crashAt > total) break;
            continue;
          }
          await untilHeldBackShellsEnd(host);
          const runtime = await BoxRuntime.open({ homeDir: host.homeDir, base: host.base });
          try {
            const state = await expectOrder(host, runtime);
            seen.add(state);
            await goOn(host, runtime, state);
          } finally {
            await runtime.close();
          }
        }
        // It was killed before and after the step that decides.
        expect([...seen].sort()).toEqual([...states].sort());
      },
      240_000,
    );
  }
});
