// What somebody else does between two steps of the runtime: each test acts in exactly that window.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it, vi } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import type { BoxStore } from '../../dist/runtime/index.js';
import { MemoryBoxStore } from '../helpers/memory-box-store.js';
import { holdLock, rejection } from '../helpers.js';
import { guest, makeHome, rowsOf } from './home.js';

it('a row that somebody else inserts while a box is provisioned stays, and what was made for ours goes', async () => {
  const home = makeHome();
  const others = { id: 'b1', name: 'theirs', createdAt: 1, json: '{"id":"b1"}' };
  let asked = 0;
  const get = home.store.get.bind(home.store);
  home.store.get = async (id) => {
    const row = await get(id);
    // After the look, before our row.
    if (asked++ === 0) await home.store.insert(others);
    return row;
  };
  const runtime = await home.open();
  expect(await rejection(runtime.provision({ id: 'b1' }))).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_EXISTS' });
  expect(asked).toBe(1);
  expect(await rowsOf(home.store)).toEqual([others]);
  expect(home.left()).toEqual({ homes: [], links: [] });
});

it('a store that failed after it wrote has its row taken back', async () => {
  const home = makeHome();
  const insert = home.store.insert.bind(home.store);
  home.store.insert = async (row) => {
    await insert(row);
    throw new Error('the answer was lost');
  };
  const runtime = await home.open();
  expect(await rejection(runtime.provision({ id: 'b1' }))).toMatchObject({ message: 'the answer was lost' });
  expect(await rowsOf(home.store)).toEqual([]);
});

it('a home is not let go while the sweep of its opening still removes links', async () => {
  const home = makeHome();
  fs.mkdirSync(home.parent, { mode: 0o700 });
  fs.symlinkSync('/nowhere', home.binding('gone'));
  const cleaner = await holdLock(path.join(home.parent, '.lock'));
  let failed = false;
  const broken: BoxStore = Object.assign(new MemoryBoxStore(), {
    // biome-ignore lint/correctness/useYield: it fails before
    async *pages() {
      failed = true;
      throw new Error('no rows');
    },
  });
  let settled = false;
  const opening = rejection(home.open({ store: broken })).finally(() => {
    settled = true;
  });
  await expect.poll(() => failed).toBe(true);
  // The store has failed, the sweep waits for the lock: whoever comes now is told that the home is taken.
  expect(await rejection(home.open())).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_LOCKED' });
  expect(settled).toBe(false);
  expect(home.left().links).toEqual(['gone']);
  await cleaner.end();
  expect(await opening).toMatchObject({ message: 'no rows' });
  expect(home.left().links).toEqual([]);
  await home.open();
});

it('a binding that goes away while its box is launched is there again when the launch ends', async () => {
  const home = makeHome();
  const runtime = await home.open();
  const { id } = await runtime.provision();
  let removed = '';
  const { layout } = await runtime.launch(
    id,
    ({ sockets }) => {
      removed = sockets.bindingDir;
      fs.unlinkSync(removed);
      return { command: 'sleep', args: ['600'] };
    },
    { waitForReady: false },
  );
  expect(removed).toBe(layout.sockets.bindingDir);
  expect(fs.realpathSync(removed)).toBe(fs.realpathSync(layout.socketsDir));
  await runtime.remove(id, { force: true });
});

it('a launch that waits for the lock of the parent lets everything else go on', async () => {
  const home = makeHome();
  const runtime = await home.open();
  const { id } = await runtime.provision();
  fs.unlinkSync(home.binding(id));
  fs.symlinkSync('/nowhere', home.binding(id));
  const other = await holdLock(path.join(home.parent, '.lock'));
  const onThisThread = vi.spyOn(BoxSockets.prototype, 'ensureSync');
  const elsewhere = vi.spyOn(BoxSockets.prototype, 'ensure');
  const launching = runtime.launch(id, { command: 'sleep', args: ['600'] }, { waitForReady: false });
  await expect.poll(() => elsewhere.mock.calls).toEqual([[{ takeover: false }]]);
  // What is asked on this thread waits for nobody.
  expect(onThisThread.mock.calls.filter(([options]) => options?.lockTimeout !== 0)).toEqual([]);
  expect(fs.readlinkSync(home.binding(id))).toBe('/nowhere');
  await other.end();
  const { layout } = await launching;
  expect(fs.readlinkSync(home.binding(id))).toBe(layout.socketsDir);
  vi.restoreAllMocks();
  await runtime.remove(id, { force: true });
});

it('a removal without force waits for a launch, and does not end it', async () => {
  const home = makeHome();
  const runtime = await home.open();
  const { id } = await runtime.provision();
  const removing: Promise<unknown>[] = [];
  const { shim } = await runtime.launch(id, (layout) => {
    removing.push(rejection(runtime.remove(id)));
    return guest('box', 'ready', 'serve')(layout);
  });
  expect(await removing[0]).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING' });
  expect(await shim.isAlive()).toBe(true);
  await runtime.remove(id, { force: true });
});
