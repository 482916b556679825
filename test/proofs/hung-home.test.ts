// A file server that hangs below one box: bindfs, stopped by a signal. The other boxes do not notice.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { ShimProcess } from '../../dist/box/index.js';
import { native, replaceNative } from '../helpers/addon.js';
import {
  type FileServer,
  fixtures,
  leaveDeadSocket,
  missingFileServer,
  missingPython,
  promise,
  rejection,
  serveFiles,
  start,
  tempDir,
} from '../helpers.js';
import { endWith, makeHome, processesWith, python } from '../runtime/home.js';

/** The home of a box, on a file server of its own. */
async function serve(directory: string): Promise<FileServer> {
  const behind = tempDir();
  fs.mkdirSync(path.join(behind, 'sockets'));
  return serveFiles(directory, behind);
}

describe('a home of which one box hangs', () => {
  promise(
    missingFileServer,
    'is opened, lists it as unknown, removes nothing of it, and serves the others',
    async () => {
      const home = makeHome();
      await home.insertRow('unprepared');
      const first = await home.open();
      const { id } = await first.provision();
      await first.close();
      const hung = { id: 'hung', box_home: home.boxHome('hung'), options: { auto_remove: true } };
      await home.store.insert({ id: 'hung', name: null, createdAt: 0, json: JSON.stringify(hung) });
      const servers = [await serve(home.boxHome('hung')), await serve(home.boxHome('orphan'))];
      await Promise.all(servers.map((server) => server.stop()));

      const began = performance.now();
      const runtime = await home.open();
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(runtime.recovery).toMatchObject({ autoRemoved: [], orphans: [] });
      expect(runtime.recovery.failed.map((failed) => failed.id)).toEqual(['orphan']);

      const again = performance.now();
      const states = Object.fromEntries((await runtime.list()).map((box) => [box.id, box.state]));
      expect(states).toEqual({ [id]: 'stopped', hung: 'unknown', unprepared: 'unprepared' });
      const running = { code: 'ERR_BOX_SOCKETS_BOX_RUNNING' };
      for (const force of [false, true]) {
        const error = await rejection(runtime.remove('hung', { force }));
        expect(error).toMatchObject(running);
        expect(error.message).toContain(`it is mounted at '${home.boxHome('hung')}'`);
      }
      expect(await rejection(runtime.stop('hung'))).toMatchObject(running);
      expect(await rejection(runtime.launch('hung', { command: 'true' }))).toMatchObject(running);
      const { shim } = await runtime.launch(id, { command: 'sleep', args: ['60'] }, { waitForReady: false });
      expect(await runtime.stop(id)).toMatchObject({ status: 'stopped' });
      expect(await shim.status()).toBe('dead');
      expect(await runtime.remove(id)).toMatchObject({ home: 'removed' });
      expect(performance.now() - again).toBeLessThan(20_000);
    },
  );

  promise(missingFileServer, 'has no launch ask for a file at once where a server may hang', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    leaveDeadSocket(path.join(home.binding(id), 'left.sock'));
    await serve(path.join(tempDir(), 'served'));
    const addon = native();
    const asked: string[] = [];
    const heard = Object.entries(addon).filter(([name]) => `${name}Async` in addon);
    const hear = heard.map(([name, call]) => [name, (...args: unknown[]) => [asked.push(name), call(...args)][1]]);
    replaceNative(Object.fromEntries(hear));
    await runtime.launch(id, { command: 'sleep', args: ['60'] }, { waitForReady: false });
    // Of /proc alone, which nobody serves.
    expect([...new Set(asked)]).toEqual(['startTime']);
    expect(fs.readdirSync(path.join(home.boxHome(id), 'sockets'))).toEqual([]);
    await runtime.stop(id);
  });

  promise(missingFileServer, 'is not noticed by what shares its pool of threads, however many hang', async () => {
    const home = makeHome();
    await home.insertRow('well');
    const ids = Array.from({ length: 6 }, (_, i) => `hung${i}`);
    const servers = await Promise.all(ids.map((id) => serve(home.boxHome(id))));
    for (const id of ids) await home.insertRow(id);
    const runtime = await home.open();
    await Promise.all(servers.map((server) => server.stop()));
    // libuv has four threads for all files and names of a process.
    for (let i = 0; i < 2; i++) {
      const states = (await runtime.list()).map(({ id, state }) => [id, state]);
      expect(Object.fromEntries(states)).toMatchObject({ well: 'unprepared', hung0: 'unknown', hung5: 'unknown' });
      const began = performance.now();
      await fs.promises.readFile(__filename);
      expect(performance.now() - began).toBeLessThan(1_000);
    }
  });
});

// Known by its mark alone: a child in a session of its own, whose parent has ended.
const LEAVES_A_CHILD = `import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], 'w').close()
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)`;

describe('a box beside processes whose own memory is locked', () => {
  promise(missingFileServer ?? missingPython, 'ends whole, and its host goes on reading files', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const done = path.join(home.base, 'done');
    endWith(done);
    await runtime.launch(id, { command: python, args: ['-c', LEAVES_A_CHILD, done] }, { waitForReady: false });
    await expect.poll(() => fs.existsSync(done)).toBe(true);
    const members = processesWith(done);
    expect(members).toHaveLength(2);

    const behind = tempDir();
    fs.writeFileSync(path.join(behind, 'page'), 'x'.repeat(65_536));
    const directory = tempDir();
    const server = await serveFiles(directory, behind);
    // As many as libuv has threads for all files of a process.
    const args = [path.join(fixtures, 'locked-memory.py'), path.join(directory, 'page')];
    const locked = await Promise.all(Array.from({ length: 4 }, () => start(python, args)));
    server.freeze();
    for (const { pid } of locked) process.kill(pid, 'SIGUSR1');
    const answers = (pid: number): boolean =>
      spawnSync('cat', [`/proc/${pid}/environ`], { timeout: 300, killSignal: 'SIGKILL' }).status === 0;
    for (const { pid } of locked) await expect.poll(() => answers(pid)).toBe(false);

    const stopping = runtime.stop(id, { timeout: 300 });
    expect(await fs.promises.readFile(__filename, 'utf8')).toContain('its host goes on reading files');
    expect((await stopping).status).toMatch(/^(stopped|killed)$/);
    for (const pid of members) expect(ShimProcess.ofSync(pid)).toBeNull();
    for (const { pid } of locked) expect(answers(pid)).toBe(false);
    server.thaw();
  });
});
