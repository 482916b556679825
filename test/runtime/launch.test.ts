// What a launch does beside starting a program: what its store is told, and what becomes of sockets that lie there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoxLayout, ShimProcess } from '../../dist/box/index.js';
import { clock } from '../../dist/clock.js';
import { activityOf } from '../../dist/runtime/activity.js';
import { BoxProcesses } from '../../dist/runtime/ending.js';
import { noteSilence } from '../../dist/runtime/held-sockets.js';
import type { BoxRow, StateChange } from '../../dist/runtime/index.js';
import { isAutoRemove } from '../../dist/runtime/recovery.js';
import { endBox } from '../../dist/runtime/removal.js';
import { native, replaceNative } from '../helpers/addon.js';
import { MemoryBoxStore } from '../helpers/memory-box-store.js';
import { leaveDeadSocket, missingPython, promise, rejection } from '../helpers.js';
import { endWith, guest, makeHome, processesWith } from './home.js';

/** Rows that have states, as BoxLite's have. */
class StatefulStore extends MemoryBoxStore {
  readonly changes: [string, StateChange][] = [];
  readonly #states = new Map<string, BoxRow['state']>();

  async changeState(id: string, change: StateChange): Promise<void> {
    this.changes.push([id, change]);
    this.#states.set(id, { status: change.status, errorReason: change.status === 'failed' ? change.reason : null });
  }

  override async get(id: string): Promise<BoxRow | undefined> {
    const row = await super.get(id);
    const state = this.#states.get(id);
    return row && state ? { ...row, state } : row;
  }

  override async *pages(): AsyncGenerator<BoxRow[]> {
    for await (const rows of super.pages()) {
      yield (await Promise.all(rows.map(({ id }) => this.get(id)))).filter((row) => row !== undefined);
    }
  }
}

async function provisioned() {
  const home = makeHome();
  const store = new StatefulStore();
  const runtime = await home.open({ store });
  const { id } = await runtime.provision();
  const layout = new BoxLayout(home.boxHome(id), { base: home.base });
  endWith(layout.sockets.bindingDir);
  return { home, store, runtime, id, layout };
}

/** Another process that holds a socket at a path, for so long. */
async function holder(file: string, milliseconds: number): Promise<number> {
  const script = `
    require('net').createServer().listen(process.argv[1], () => console.log('up'));
    setTimeout(() => process.exit(), ${milliseconds});`;
  const child = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child.pid ?? -1;
}

const sleeps = (layout: BoxLayout) => ({ command: '/bin/sh', args: ['-c', 'sleep 60', layout.sockets.bindingDir] });

describe('the store is told', () => {
  it('that a box runs, and by whom, and that it has stopped', async () => {
    const { store, runtime, id } = await provisioned();
    const { shim, elapsed } = await runtime.launch(id, sleeps, { waitForReady: false });
    expect(elapsed).toBeNull();
    expect(store.changes).toEqual([[id, { status: 'running', pid: shim.pid }]]);
    expect((await runtime.list()).map(({ state, stored }) => [state, stored?.status])).toEqual([
      ['running', 'running'],
    ]);
    await runtime.stop(id, { timeout: 0 });
    expect(store.changes.slice(1)).toEqual([[id, { status: 'stopped' }]]);
    expect((await runtime.list()).map(({ state, stored }) => [state, stored?.status])).toEqual([
      ['stopped', 'stopped'],
    ]);
  });

  it('that it failed, and why', async () => {
    const { store, runtime, id } = await provisioned();
    const error = await rejection(runtime.launch(id, { command: '/nowhere/program' }, { readyTimeout: 5000 }));
    expect(store.changes).toEqual([[id, { status: 'failed', reason: error.message }]]);
    expect(await runtime.list()).toMatchObject([{ state: 'failed', shim: null, reason: error.message }]);
  });

  it('that it was stopped, where the launch was aborted', async () => {
    const { store, runtime, id, layout } = await provisioned();
    const controller = new AbortController();
    const launching = runtime.launch(id, sleeps, { signal: controller.signal, readyTimeout: 20_000 });
    await vi.waitFor(() => expect(fs.existsSync(layout.shimPid)).toBe(true), { timeout: 20_000 });
    controller.abort();
    expect(await rejection(launching)).toMatchObject({ code: 'ABORT_ERR' });
    expect(store.changes).toEqual([[id, { status: 'stopped' }]]);
    expect(fs.existsSync(layout.shimPid)).toBe(false);
  });

  it('that one has ended while no host looked, at the next open', async () => {
    const { home, store, runtime, id, layout } = await provisioned();
    const { shim } = await runtime.launch(id, sleeps, { waitForReady: false });
    await runtime.close();
    // The shell and what it waits for.
    process.kill(-shim.pid, 'SIGKILL');
    await vi.waitFor(() => expect(processesWith(layout.sockets.bindingDir)).toEqual([]), { timeout: 20_000 });
    await shim.waitForExit();
    const again = await home.open({ store });
    expect(store.changes.slice(1)).toEqual([[id, { status: 'stopped' }]]);
    expect(again.recovery.autoRemoved).toEqual([]);
  });
});

describe('what could not even be begun', () => {
  it('names the directory that is missing, or else the shell', async () => {
    const { runtime, id } = await provisioned();
    const launch = (more: object) => rejection(runtime.launch(id, { command: '/bin/true', ...more }));
    expect(await launch({ cwd: '/nowhere/at/all' })).toMatchObject({ code: 'ENOENT', path: '/nowhere/at/all' });
    // More than an argument may hold.
    const env = { X: 'x'.repeat(200_000) };
    expect(await launch({ env })).toMatchObject({ name: 'BoxSocketsError', code: 'E2BIG', path: '/bin/sh' });
    expect(await launch({ env, cwd: '/' })).toMatchObject({ code: 'E2BIG', path: '/bin/sh' });
  });
});

describe('what lies where the sockets are to be', () => {
  function dead({ sockets }: BoxLayout, ...names: string[]): void {
    for (const name of names) leaveDeadSocket(path.join(sockets.bindingDir, name));
  }

  const launched = async (runtime: Awaited<ReturnType<typeof provisioned>>['runtime'], id: string) =>
    runtime.launch(id, sleeps, { waitForReady: false });

  it('is removed where it is a socket that nobody holds, and nothing else is', async () => {
    const { runtime, id, layout } = await provisioned();
    dead(layout, 'box.sock', 'odd.sock');
    fs.writeFileSync(path.join(layout.socketsDir, 'file'), '');
    fs.mkdirSync(path.join(layout.socketsDir, 'directory'));
    const server = net.createServer().listen(path.join(layout.sockets.bindingDir, 'own.sock'));
    await once(server, 'listening');
    await launched(runtime, id);
    const left = fs.readdirSync(layout.socketsDir).sort();
    await new Promise((resolve) => server.close(resolve));
    expect(left).toEqual(['directory', 'file', 'own.sock']);
  });

  it('stays where it was put there while it was judged', async () => {
    const { runtime, id, layout } = await provisioned();
    dead(layout, 'a.sock', 'b.sock');
    const [a, b, c] = ['a.sock', 'b.sock', 'c.sock'].map((name) => path.join(layout.socketsDir, name)) as string[];
    let asked = 0;
    const addon = native();
    replaceNative({
      judgeBoxAsync: async (request: Parameters<typeof addon.judgeBoxAsync>[0]) => {
        // First whether the home answers, then whether it runs, and then which of them are dead.
        if (++asked === 3) {
          // Another dead one, which takes the place of the first; one that goes; and one that is new.
          dead(layout, 'c.sock');
          fs.renameSync(a as string, `${a}.old`);
          dead(layout, 'a.sock');
          fs.unlinkSync(b as string);
        }
        return addon.judgeBoxAsync(request);
      },
    });
    await launched(runtime, id);
    expect(asked).toBe(3);
    expect([a, c].map((file) => fs.existsSync(file as string))).toEqual([true, true]);
  });

  it('that is gone before it is looked at is nothing', async () => {
    const { runtime, id, layout } = await provisioned();
    dead(layout, 'a.sock', 'b.sock');
    let asked = 0;
    const addon = native();
    replaceNative({
      judgeBoxAsync: async (request: Parameters<typeof addon.judgeBoxAsync>[0]) => {
        const judged = await addon.judgeBoxAsync(request);
        if (++asked === 3) fs.rmSync(path.join(layout.socketsDir, 'a.sock'));
        return judged;
      },
    });
    await launched(runtime, id);
    expect(fs.readdirSync(layout.socketsDir)).toEqual([]);
  });
});

describe('whether it runs', () => {
  const layoutOf = async () => {
    const { layout } = await provisioned();
    return layout;
  };

  promise(
    process.platform === 'linux' ? null : 'no list of sockets',
    'is told by sockets without a file, unless that is not asked',
    async () => {
      const layout = await layoutOf();
      const file = path.join(layout.sockets.bindingDir, 'box.sock');
      await holder(file, 20_000);
      fs.unlinkSync(path.join(layout.socketsDir, 'box.sock'));
      expect((await activityOf(layout, null, {})).state).toBe('running');
      expect((await activityOf(layout, null, { thorough: false })).state).toBe('stopped');
    },
  );

  it('is not known of a home that has not answered, unless it is asked at once', async () => {
    const layout = await layoutOf();
    noteSilence(layout.boxHome);
    expect(await activityOf(layout, null, {})).toMatchObject({ state: 'unknown', silent: true });
    expect(await activityOf(layout, null, { atOnce: true })).toEqual({ state: 'stopped', why: '', shim: null });
    const now = clock.now();
    vi.spyOn(clock, 'now').mockReturnValue(now + 10_000);
    expect((await activityOf(layout, null, {})).state).toBe('stopped');
    vi.restoreAllMocks();
  });
});

describe('ending it', () => {
  it('waits for a socket that is let go a moment later', async () => {
    const { layout } = await provisioned();
    await holder(path.join(layout.sockets.bindingDir, 'box.sock'), 400);
    const processes = new BoxProcesses(layout, null);
    vi.spyOn(processes, 'find').mockResolvedValue([]);
    expect(await endBox(layout, processes)).toBe(0);
  });

  it('gives up after ten seconds, and tells who is left', async () => {
    const { layout } = await provisioned();
    const processes = new BoxProcesses(layout, null);
    const left = {
      pid: process.pid,
      kill: async () => false,
      waitForExit: async () => false,
    } as unknown as ShimProcess;
    vi.spyOn(processes, 'find').mockResolvedValue([left]);
    const began = clock.now();
    let [turns, passed] = [0, 0];
    vi.spyOn(clock, 'now').mockImplementation(() => began + passed);
    const killed = vi.spyOn(left, 'kill').mockImplementation(async () => {
      passed = ++turns * 5000;
      if (turns > 5) throw new Error('it goes on for ever');
      return false;
    });
    const error = await rejection(processes.kill());
    vi.restoreAllMocks();
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    expect(error.message).toContain(`process ${process.pid}: `);
    // At ten seconds it is tried once more, and after them no more.
    expect([turns, killed.mock.calls[0]]).toEqual([3, ['SIGKILL']]);
  });

  promise(
    process.platform === 'linux' ? null : 'no environment is told',
    'takes nobody for its own by a mark that it has not',
    async () => {
      const { layout } = await provisioned();
      const child = spawn('sleep', ['60'], {
        env: { BOXSOCKETS_BOX: 'null', PATH: process.env.PATH },
        detached: true,
        stdio: 'ignore',
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const ended = spawn('true', { stdio: 'ignore' });
      await once(ended, 'exit');
      const shim = new ShimProcess(ended.pid as number, 1);
      expect(shim.mark).toBeNull();
      expect(await new BoxProcesses(layout, shim).find()).toEqual([]);
    },
  );
});

describe('a box of a row', () => {
  it('is removed even where its home has lost its directory of sockets', async () => {
    const { home, runtime, id, layout } = await provisioned();
    fs.rmSync(layout.socketsDir, { recursive: true });
    fs.writeFileSync(path.join(layout.boxHome, 'file'), '');
    await runtime.remove(id);
    expect(home.left()).toEqual({ homes: [], links: [] });
  });

  it.each([
    ['{}', false],
    ['{"options":{"auto_remove":true}}', true],
    ['{"options":{"auto_remove":\t\n true}}', true],
    ['{"options":{"auto_remove":false}}', false],
    ['{"options":{"auto_delete":1}}', true],
    ['{"options":{"auto_delete": 9}}', true],
    ['{"options":{"auto_delete":0}}', false],
    ['{"options":{"auto_delete":0,"auto_remove":true}}', false],
    ['{"options":{"auto_delete":3,"auto_remove":false}}', true],
    ['{"options":{"auto_delete":-1}}', false],
    ['{"options":{"auto_remove":true}', false],
  ])('%s goes when it does not run: %s', (text, isIt) => {
    const json = text.replace(/^\{/, '{"id":"b1","box_home":"/h/b1",').replace(',}', '}');
    expect(isAutoRemove({ id: 'b1', name: null, createdAt: 0, json })).toBe(isIt);
  });
});

promise(missingPython, 'a launch that waits tells how long it took', async () => {
  const { runtime, id, store } = await provisioned();
  const { elapsed, shim } = await runtime.launch(id, guest('box', 'ready', 'serve'), { readyTimeout: 20_000 });
  expect(elapsed).toBeGreaterThan(0);
  expect(store.changes).toEqual([[id, { status: 'running', pid: shim.pid }]]);
});
