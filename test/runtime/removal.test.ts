// Every way by which a box goes away, each looked at for its row, its directory, its link and its process.

import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoxLayout, ShimProcess } from '../../dist/box/index.js';
import { Subject } from '../../dist/native/contract.js';
import { Home } from '../../dist/runtime/home.js';
import { type BoxRuntime, type BoxStore, SqliteBoxStore } from '../../dist/runtime/index.js';
import { failure, native, replaceNative } from '../helpers/addon.js';
import { MemoryBoxStore } from '../helpers/memory-box-store.js';
import { isRoot, missingMount, missingPython, promise, rejection, run, snapshot, tempDir } from '../helpers.js';
import { guest, makeHome, missingSqlite, rowsOf, type TestHome } from './home.js';

const ECHO = ['box', 'ready', 'serve'];

/** What is left of a box. */
async function remains(home: TestHome, id: string, shim?: ShimProcess) {
  return {
    row: (await home.store.get(id)) !== undefined,
    directory: fs.existsSync(home.boxHome(id)),
    link: fs.lstatSync(home.binding(id), { throwIfNoEntry: false }) !== undefined,
    process: (await shim?.isAlive()) ?? false,
  };
}

const NOTHING = { row: false, directory: false, link: false, process: false };
const STOPPED = { row: true, directory: true, link: true, process: false };

async function launched(home: TestHome): Promise<{ runtime: BoxRuntime; id: string; shim: ShimProcess }> {
  const runtime = await home.open();
  const { id } = await runtime.provision();
  const { shim } = await runtime.launch(id, guest(...ECHO));
  return { runtime, id, shim };
}

/** A process of this user that is no shim. */
function bystander(): ShimProcess {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return ShimProcess.ofChild(child) as ShimProcess;
}

describe('removed, with a row', () => {
  it('when it does not run', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    fs.writeFileSync(path.join(home.boxHome(id), 'disks', 'disk'), 'data');
    expect(await remains(home, id)).toEqual(STOPPED);
    expect(await runtime.remove(id)).toEqual({ row: true, killed: false, home: 'removed', binding: 'removed' });
    expect(await remains(home, id)).toEqual(NOTHING);
    expect(await rejection(runtime.remove(id))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_NOT_FOUND' });
  });

  promise(missingPython, 'when it runs, by force alone', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    const error = await rejection(runtime.remove(id));
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    expect(error.message).toContain(`process ${shim.pid}`);
    expect(await remains(home, id, shim)).toEqual({ ...STOPPED, process: true });
    expect(await runtime.remove(id, { force: true })).toEqual({
      row: true,
      killed: true,
      home: 'removed',
      binding: 'removed',
    });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  promise(missingPython, 'by force, whatever the row says of its state', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    await runtime.close();
    const row = await home.store.get(id);
    const json = JSON.stringify({ ...JSON.parse(row?.json ?? ''), status: 'stopped', pid: null });
    await home.store.update({ id, name: null, createdAt: 0, json });
    const again = await home.open();
    expect(await rejection(again.remove(id))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    expect(await again.remove(id, { force: true })).toMatchObject({ killed: true });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  it.each<[string, (pid: number, startTime: number) => string]>([
    ['has its number, and started at another time', (pid, startTime) => `${pid}\n${startTime + 1}\n`],
    ['has its number, where no start was recorded', (pid) => `${pid}\n`],
    [
      'has its number, and was started in another boot',
      (pid, startTime) => `${pid}\n${startTime}\nboot ${'0'.repeat(36)}\n`,
    ],
    ['would have its number, where the file was torn', (pid) => `${pid}`],
  ])('by force, and never a process that %s', async (_, text) => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const other = bystander();
    fs.writeFileSync(path.join(home.boxHome(id), 'shim.pid'), text(other.pid, other.startTime));
    expect(await runtime.get(id)).toMatchObject({ state: 'stopped' });
    expect(await runtime.remove(id, { force: true })).toMatchObject({ killed: false });
    expect(await remains(home, id)).toEqual(NOTHING);
    await sleep(20);
    expect(await other.isAlive()).toBe(true);
  });

  it('when its row cannot be used', async () => {
    const home = makeHome();
    const runtime = await home.open();
    await runtime.provision({ id: 'b1' });
    await home.store.update({ id: 'b1', name: null, createdAt: 0, json: 'no JSON' });
    expect(await runtime.remove('b1')).toEqual({ row: true, killed: false, home: 'removed', binding: 'removed' });
    expect(await remains(home, 'b1')).toEqual(NOTHING);
  });

  it('but not a home elsewhere that its row names', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const elsewhere = path.join(tempDir(), 'b1');
    fs.mkdirSync(path.join(elsewhere, 'sockets'), { recursive: true });
    await home.store.insert({ id: 'b1', name: null, createdAt: 0, json: `{"id":"b1","box_home":"${elsewhere}"}` });
    expect(await rejection(runtime.remove('b1', { force: true }))).toMatchObject({ field: 'box_home' });
    expect(fs.readdirSync(elsewhere)).toEqual(['sockets']);
    expect(await home.store.get('b1')).toBeDefined();
  });

  promise(missingMount(), 'but not while a file system is mounted in it: row, directory and link stay', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const volume = path.join(home.boxHome(id), 'mounts');
    spawnSync('mount', ['-t', 'tmpfs', 'none', volume]);
    onTestFinished(() => {
      spawnSync('umount', ['-l', volume]);
    });
    expect(await rejection(runtime.remove(id))).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_UNSAFE' });
    expect(await remains(home, id)).toEqual(STOPPED);
    spawnSync('umount', [volume]);
    await runtime.remove(id);
    expect(await remains(home, id)).toEqual(NOTHING);
  });
});

describe('of a home that does not answer', () => {
  it.each<[string, (runtime: BoxRuntime, id: string) => Promise<unknown>]>([
    ['stop', (runtime, id) => runtime.stop(id)],
    ['remove', (runtime, id) => runtime.remove(id)],
    ['remove with force', (runtime, id) => runtime.remove(id, { force: true })],
  ])('%s is refused, and changes nothing', async (_, act) => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const before = snapshot(home.base);
    const why = `'${home.boxHome(id)}' does not answer`;
    const activity = { state: 'unknown', why, shim: null, silent: true } as const;
    const asked = vi.spyOn(Home.prototype, 'activity').mockResolvedValue(activity);
    const error = await rejection(act(runtime, id));
    asked.mockRestore();
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    for (const word of [why, 'Mend its file server', 'Nothing was changed']) expect(error.message).toContain(word);
    expect(snapshot(home.base)).toEqual(before);
    expect(await remains(home, id)).toEqual(STOPPED);
  });
});

describe('removed, without a row', () => {
  promise(missingPython, 'when only a directory is left, with what runs in it', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    await home.store.delete(id);
    expect(await runtime.list()).toEqual([]);
    expect(await rejection(runtime.remove(id))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    expect(await remains(home, id, shim)).toEqual({ ...STOPPED, row: false, process: true });
    expect(await runtime.remove(id, { force: true })).toMatchObject({ row: false, killed: true });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  it('when nothing runs in it', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    await home.store.delete(id);
    expect(await runtime.remove(id)).toEqual({ row: false, killed: false, home: 'removed', binding: 'removed' });
    expect(await remains(home, id)).toEqual(NOTHING);
  });

  it('but nothing outside of the home, whatever the id', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const before = snapshot(home.base);
    for (const id of ['../boxes', '..', '.', '', '/', '.lock', 'a/b', 'b1\0']) {
      expect(await rejection(runtime.remove(id, { force: true }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect(await rejection(runtime.remove('b1', { force: true }))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_BOX_NOT_FOUND',
    });
    expect(snapshot(home.base)).toEqual(before);
  });
});

describe('not made, because a step of its provisioning failed', () => {
  const failing = (method: 'get' | 'insert' | 'delete', error: Error, after = false): BoxStore => {
    const store = new MemoryBoxStore();
    const works = store[method].bind(store) as (...args: unknown[]) => Promise<unknown>;
    const fail = async (...args: unknown[]): Promise<never> => {
      if (after) await works(...args);
      throw error;
    };
    return Object.assign(store, { [method]: fail });
  };

  it.each<[step: string, code: string, prepare: (home: TestHome) => BoxStore | undefined]>([
    ['the store is asked', 'no store', () => failing('get', new Error('no store'))],
    [
      'the home is made',
      'ENOTDIR',
      (home) => {
        fs.rmdirSync(home.boxesDir);
        fs.writeFileSync(home.boxesDir, '');
        onTestFinished(() => fs.rmSync(home.boxesDir, { force: true }));
        return undefined;
      },
    ],
    [
      'the binding is made, for the parent is none',
      'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
      (home) => {
        fs.rmSync(home.parent, { recursive: true, force: true });
        fs.writeFileSync(home.parent, '');
        return undefined;
      },
    ],
    [
      'the binding is made, for something else is in its place',
      'ERR_BOX_SOCKETS_NOT_A_SYMLINK',
      (home) => {
        fs.mkdirSync(home.binding('b1'), { recursive: true, mode: 0o700 });
        return undefined;
      },
    ],
    ['the row is written', 'disk full', () => failing('insert', new Error('disk full'))],
    ['the row was written, and the answer lost', 'lost', () => failing('insert', new Error('lost'), true)],
  ])('when %s', async (_, code, prepare) => {
    const home = makeHome();
    const runtime = await home.open();
    const store = prepare(home);
    if (store !== undefined) await runtime.close();
    const other = store === undefined ? runtime : await home.open({ store });
    const before = fs.existsSync(home.parent) ? fs.lstatSync(home.parent).mode : 0;
    const error = await rejection(other.provision({ id: 'b1' }));
    expect(`${error.code} ${error.message}`).toContain(code);
    expect(fs.existsSync(home.boxHome('b1'))).toBe(false);
    const parent = fs.statSync(home.parent, { throwIfNoEntry: false });
    const entries = parent?.isDirectory() ? fs.readdirSync(home.parent, { withFileTypes: true }) : [];
    expect(entries.filter((entry) => entry.isSymbolicLink())).toEqual([]);
    expect(await rowsOf(store ?? home.store)).toEqual([]);
    if (before !== 0) expect(fs.lstatSync(home.parent).mode).toBe(before);
  });

  it('when a directory of it cannot be made, after the binding was', async () => {
    const home = makeHome();
    const runtime = await home.open();
    // The last of its directories is refused as it is made.
    const { makeDirectoryAsync } = native();
    const full = failure({ errno: 28, syscall: 'mkdirat', subject: Subject.file });
    const refuse: typeof makeDirectoryAsync = async (request) =>
      request.path === 'bin' ? full : makeDirectoryAsync(request);
    replaceNative({ makeDirectoryAsync: refuse });
    const error = await rejection(runtime.provision({ id: 'b1' }));
    expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'mkdirat', path: path.join(home.boxHome('b1'), 'bin') });
    expect(await remains(home, 'b1')).toEqual(NOTHING);
  });

  it('and its cleanup failed too: both are told, and the next open removes it', async () => {
    const home = makeHome();
    const store = failing('insert', new Error('disk full'));
    const broken = Object.assign(store, { delete: () => Promise.reject(new Error('disk still full')) });
    const runtime = await home.open({ store: broken });
    const error = await rejection(runtime.provision({ id: 'b1' }));
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_CLEANUP_FAILED' });
    expect(error.message).toContain('disk full');
    expect(error.message).toContain('disk still full');
    expect(error.cause).toBeInstanceOf(AggregateError);
    expect(home.left()).toEqual({ homes: ['b1'], links: ['b1'] });
    await runtime.close();
    await home.insertRow('other');
    expect((await home.open()).recovery.orphans).toEqual(['b1']);
    expect(home.left()).toEqual({ homes: [], links: [] });
  });
});

describe('its home deleted by hand', () => {
  promise(missingPython, 'while its host runs it: it is still stopped, and removed', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    fs.rmSync(home.boxHome(id), { recursive: true });
    expect(await rejection(runtime.remove(id))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
    expect(await runtime.remove(id, { force: true })).toEqual({
      row: true,
      killed: true,
      home: 'absent',
      binding: 'removed',
    });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  it('while no host had it open: the link goes at the next open, the row stays to be launched or removed', async () => {
    const home = makeHome();
    const first = await home.open();
    const { id } = await first.provision();
    await first.close();
    fs.rmSync(home.boxHome(id), { recursive: true });
    const second = await home.open();
    expect(second.recovery).toMatchObject({ swept: [id], orphans: [], failed: [] });
    expect(await remains(home, id)).toEqual({ ...NOTHING, row: true });
    expect(await second.get(id)).toMatchObject({ state: 'unprepared' });
    expect(await second.remove(id)).toEqual({ row: true, killed: false, home: 'absent', binding: 'absent' });
    expect(await remains(home, id)).toEqual(NOTHING);
  });

  it('after an open: the link goes with the row', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    fs.rmSync(home.boxHome(id), { recursive: true });
    expect(await runtime.remove(id)).toEqual({ row: true, killed: false, home: 'absent', binding: 'removed' });
    expect(await remains(home, id)).toEqual(NOTHING);
  });
});

describe('auto_remove', () => {
  promise(missingPython, 'at a restart, where it does not run any more; else it goes on', async () => {
    const home = makeHome();
    const first = await home.open();
    const goes = await first.provision({ options: { auto_remove: true } });
    const runs = await first.provision({ options: { auto_remove: true } });
    const stays = await first.provision({ options: { auto_remove: false, note: '"auto_remove": true' } });
    const { shim: ended } = await first.launch(goes.id, guest(...ECHO));
    const { shim } = await first.launch(runs.id, guest(...ECHO));
    await ended.kill('SIGKILL');
    await ended.waitForExit();
    await first.close();
    const second = await home.open();
    expect(second.recovery).toMatchObject({ autoRemoved: [goes.id], orphans: [], failed: [] });
    expect(await remains(home, goes.id, ended)).toEqual(NOTHING);
    expect(await remains(home, stays.id)).toEqual(STOPPED);
    expect(await remains(home, runs.id, shim)).toEqual({ ...STOPPED, process: true });
    expect(await second.stop(runs.id)).toMatchObject({ status: 'stopped', removed: { row: true, binding: 'removed' } });
    expect(await remains(home, runs.id, shim)).toEqual(NOTHING);
  });

  it('of a row that cannot be used is not obeyed, and does not keep the others from being opened', async () => {
    const home = makeHome();
    for (const [id, json] of [
      ['b1', '{"auto_remove":true'],
      ['b2', '{"options":{"auto_remove":true},"id":"b2"}'],
    ] as const) {
      await home.store.insert({ id, name: null, createdAt: 0, json });
    }
    const elsewhere = '{"options":{"auto_remove":true},"id":"b3","box_home":"/somewhere/b3"}';
    await home.store.insert({ id: 'b3', name: null, createdAt: 0, json: elsewhere });
    const { recovery } = await home.open();
    expect(recovery.autoRemoved).toEqual([]);
    expect(recovery.failed).toEqual([{ id: 'b3', error: expect.objectContaining({ field: 'box_home' }) }]);
    expect(await rowsOf(home.store)).toHaveLength(3);
  });
});

describe('an orphaned directory', () => {
  promise(missingPython, 'goes at the next open, with its link, unless something still runs in it', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    await runtime.close();
    await home.store.delete(id);
    await home.insertRow('other');
    const first = await home.open();
    const running = { id, error: expect.objectContaining({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' }) };
    expect(first.recovery).toMatchObject({ orphans: [], failed: [running] });
    expect(await remains(home, id, shim)).toEqual({ ...STOPPED, row: false, process: true });
    await first.close();
    await shim.kill('SIGKILL');
    await shim.waitForExit();
    expect((await home.open()).recovery).toMatchObject({ orphans: [id], orphansKept: null, failed: [] });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  it('stays where the store has not one row, and that is told', async () => {
    const home = makeHome();
    const first = await home.open();
    const { id } = await first.provision();
    await first.close();
    const before = snapshot(home.boxesDir);
    const { recovery } = await home.open({ store: new MemoryBoxStore() });
    expect(recovery).toMatchObject({ orphans: [id], orphansKept: 'no-rows', failed: [] });
    expect(snapshot(home.boxesDir)).toEqual(before);
  });

  const mistyped: [string, (database: string) => void][] = [
    ['a mistyped path', () => {}],
    ['an empty database', (database) => fs.writeFileSync(database, '')],
  ];
  for (const [what, make] of mistyped) {
    promise(missingSqlite, `stays where the store is ${what}, and that is told`, async () => {
      const home = makeHome();
      const database = (name: string): string => path.join(home.base, name);
      const right = await SqliteBoxStore.open(database('boxes.db'));
      const first = await home.open({ store: right });
      const { id } = await first.provision();
      await first.close();
      right.close();
      make(database('boxs.db'));
      const before = snapshot(home.boxesDir);
      const wrong = await SqliteBoxStore.open(database('boxs.db'));
      onTestFinished(() => wrong.close());
      const { recovery } = await home.open({ store: wrong });
      expect(recovery).toMatchObject({ orphans: [id], orphansKept: 'no-rows', autoRemoved: [], failed: [] });
      expect(snapshot(home.boxesDir)).toEqual(before);
      expect(fs.readdirSync(home.parent)).toContain(id);
    });
  }

  promise(missingPython, 'is only told of where it is to be kept', async () => {
    const home = makeHome();
    const { runtime, id, shim } = await launched(home);
    await runtime.close();
    await home.store.delete(id);
    const keeping = await home.open({ orphans: 'keep' });
    expect(keeping.recovery).toMatchObject({ orphans: [id], failed: [] });
    expect(await remains(home, id, shim)).toEqual({ ...STOPPED, row: false, process: true });
    await keeping.remove(id, { force: true });
    expect(await remains(home, id, shim)).toEqual(NOTHING);
  });

  it('goes without a process that merely has the number in it', async () => {
    const home = makeHome();
    const other = bystander();
    const layout = new BoxLayout(home.boxHome('b1'), { base: home.base });
    layout.prepareSync();
    await home.insertRow('other');
    fs.writeFileSync(layout.shimPid, `${other.pid}\n${other.startTime - 1}\n`);
    expect((await home.open()).recovery.orphans).toEqual(['b1']);
    expect(await remains(home, 'b1')).toEqual(NOTHING);
    await sleep(20);
    expect(await other.isAlive()).toBe(true);
  });

  it('is no orphan where it is no directory, or of no id; and one that cannot be removed is told of', async () => {
    const home = makeHome();
    fs.mkdirSync(path.join(home.boxesDir, 'not.an.id'), { recursive: true });
    fs.writeFileSync(path.join(home.boxesDir, 'file'), '');
    fs.symlinkSync(home.base, path.join(home.boxesDir, 'link'));
    fs.mkdirSync(path.join(home.boxesDir, 'foreign', 'src'), { recursive: true });
    await home.insertRow('other');
    const before = snapshot(home.boxesDir);
    const { recovery } = await home.open();
    expect(recovery.ignored.sort()).toEqual(['file', 'link', 'not.an.id']);
    expect(recovery.failed).toEqual([
      { id: 'foreign', error: expect.objectContaining({ code: 'ERR_BOX_SOCKETS_HOME_UNSAFE' }) },
    ]);
    expect(snapshot(home.boxesDir)).toEqual(before);
  });
});

describe('a sweep at the start', () => {
  it('takes links that lead nowhere, of this home or another, and no others', async () => {
    const home = makeHome();
    const gone = path.join(home.base, 'gone');
    const other = new BoxLayout(path.join(home.base, 'other', 'alive'), { base: home.base });
    other.prepareSync();
    fs.symlinkSync(gone, home.binding('dangling'));
    const { recovery } = await home.open();
    expect(recovery.swept).toEqual(['dangling']);
    expect(home.left().links).toEqual(['alive']);
  });

  promise(
    isRoot ? null : 'not run as root, which can become somebody to whom a home is unreadable',
    'keeps a link whose home is merely unreadable',
    async () => {
      const uid = 65534;
      const base = tempDir();
      fs.chmodSync(base, 0o1777);
      const homeDir = path.join(base, 'home');
      const parent = path.join(base, `bl-${uid}`);
      const shut = path.join(base, 'shut');
      fs.mkdirSync(homeDir);
      fs.mkdirSync(parent, { mode: 0o700 });
      fs.mkdirSync(path.join(shut, 'b1', 'sockets'), { recursive: true });
      fs.chownSync(homeDir, uid, uid);
      fs.chownSync(parent, uid, uid);
      fs.symlinkSync(path.join(shut, 'b1', 'sockets'), path.join(parent, 'b1'));
      fs.symlinkSync(path.join(base, 'gone'), path.join(parent, 'b2'));
      fs.chmodSync(shut, 0o700);
      const program = `
      const { BoxRuntime } = require(${JSON.stringify(path.join(__dirname, '../../dist/runtime'))});
      const none = async () => undefined;
      const store = { get: none, insert: none, update: none, delete: none, close: none, async *pages() {} };
      BoxRuntime.open({ homeDir: ${JSON.stringify(homeDir)}, base: ${JSON.stringify(base)}, store })
        .then((runtime) => console.log(runtime.recovery.swept.join()));`;
      expect(run(process.execPath, ['-e', program], { uid, gid: uid }).trim()).toBe('b2');
      expect(fs.readdirSync(parent).filter((name) => name !== '.lock')).toEqual(['b1']);
    },
  );
});
