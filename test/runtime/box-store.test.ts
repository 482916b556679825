import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BoxRow, type BoxStore, SqliteBoxStore } from '../../dist/runtime/index.js';
import { loadSqlite } from '../../dist/runtime/sqlite.js';
import { MemoryBoxStore } from '../helpers/memory-box-store.js';
import { promise, rejection, run, tempDir } from '../helpers.js';
import { missingSqlite, rowsOf } from './home.js';

/** By the SQLite that the store has, too. */
const openDatabase = (file: string) => loadSqlite().open(file);

const row = (id: string, name: string | null = null, json = `{"id":"${id}"}`): BoxRow => ({
  id,
  name,
  createdAt: 1,
  json,
});

const stores: [name: string, missing: string | null, open: () => Promise<BoxStore>][] = [
  ['MemoryBoxStore', null, async () => new MemoryBoxStore()],
  ['SqliteBoxStore', missingSqlite, () => SqliteBoxStore.open(path.join(tempDir(), 'db', 'boxlite.db'))],
];

describe.each(stores)('%s', (_, missing, openStore) => {
  const open = async (): Promise<BoxStore> => {
    const store = await openStore();
    onTestFinished(() => store.close());
    return store;
  };
  const exists = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_BOX_EXISTS' };

  promise(missing, 'gives back the rows that it was given', async () => {
    const store = await open();
    const rows = [
      row('b', 'name'),
      row('a', null, '{"id":"a","ünïcode":"\u2028"}'),
      row('c', '', `"${'x'.repeat(100_000)}"`),
    ];
    for (const one of rows) await store.insert(one);
    for (const one of rows) expect(await store.get(one.id)).toEqual(one);
    expect(await store.get('d')).toBeUndefined();
    expect(await store.get('')).toBeUndefined();
  });

  promise(missing, 'gives every row once, in portions', async () => {
    const store = await open();
    expect(await rowsOf(store)).toEqual([]);
    const ids = Array.from({ length: 1234 }, (_, i) => `${(i * 7919) % 1234}`);
    for (const id of ids) await store.insert(row(id));
    for (const id of ids.splice(500, 20)) await store.delete(id);
    expect((await rowsOf(store)).map(({ id }) => id)).toEqual([...ids].sort());
    for await (const rows of store.pages()) expect(rows.length).toBeGreaterThan(0);
  });

  promise(missing, 'goes on where rows are inserted and deleted between two portions', async () => {
    const store = await open();
    for (let i = 0; i < 1200; i++) await store.insert(row(`${i}`));
    const seen: string[] = [];
    for await (const rows of store.pages()) {
      seen.push(...rows.map(({ id }) => id));
      for (let i = 0; i < 1200; i += 3) await store.delete(`${i}`);
      await store.insert(row(`new${seen.length}`));
    }
    expect(new Set(seen).size).toBe(seen.length);
    const stayed = Array.from({ length: 1200 }, (_, i) => `${i}`).filter((_, i) => i % 3 !== 0);
    expect(stayed.filter((id) => !seen.includes(id))).toEqual([]);
  });

  promise(missing, 'has no two rows of one id or name, and changes nothing', async () => {
    const store = await open();
    await store.insert(row('a', 'name'));
    await store.insert(row('b'));
    await store.insert(row('c'));
    expect(await rejection(store.insert(row('a', 'other')))).toMatchObject(exists);
    expect(await rejection(store.insert(row('d', 'name')))).toMatchObject(exists);
    expect((await rejection(store.insert(row('d', 'name')))).message).toContain("a box named 'name'");
    expect(await rejection(store.update(row('b', 'name')))).toMatchObject(exists);
    expect(await rowsOf(store)).toEqual([row('a', 'name'), row('b'), row('c')]);
  });

  promise(missing, 'replaces a row, and deletes one, where it is there', async () => {
    const store = await open();
    await store.insert(row('a', 'name'));
    expect(await store.update(row('a', 'name', '{}'))).toBe(true);
    expect(await store.update(row('a', 'other', '{}'))).toBe(true);
    expect(await store.get('a')).toEqual(row('a', 'other', '{}'));
    expect(await store.update(row('b'))).toBe(false);
    expect(await store.delete('a')).toBe(true);
    expect(await store.delete('a')).toBe(false);
    expect(await rowsOf(store)).toEqual([]);
    // Both are free again.
    await store.insert(row('a', 'other'));
  });

  promise(missing, 'keeps rows of its own', async () => {
    const store = await open();
    const mine = row('a', 'name');
    await store.insert(mine);
    mine.json = 'changed';
    const theirs = await store.get('a');
    if (theirs !== undefined) theirs.json = 'changed';
    for (const one of await rowsOf(store)) one.json = 'changed';
    expect(await store.get('a')).toEqual(row('a', 'name'));
  });
});

describe('SqliteBoxStore', () => {
  promise(missingSqlite, 'keeps rows in the table of BoxLite, which others can read', async () => {
    const file = path.join(tempDir(), 'a', 'b', 'boxlite.db');
    const store = await SqliteBoxStore.open(file);
    for await (const rows of store.pages()) expect.unreachable(`${rows.length} rows`);
    await store.insert(row('a', 'name'));
    await store.close();
    const database = openDatabase(file);
    expect(database.prepare('SELECT * FROM box_config').all()).toMatchObject([
      { id: 'a', name: 'name', created_at: 1, json: '{"id":"a"}' },
    ]);
    database.close();
    const again = await SqliteBoxStore.open(new URL(`file://${file}`));
    expect(await again.get('a')).toEqual(row('a', 'name'));
    await again.close();
  });

  const failed = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_STORE' };

  promise(missingSqlite, 'says what a file is that holds no rows, and leaves it as it is', async () => {
    const directory = tempDir();
    const file = path.join(directory, 'boxlite.db');
    fs.writeFileSync(file, 'a text that is longer than the header of a database, and none\n'.repeat(50));
    const error = await rejection(SqliteBoxStore.open(file));
    expect(error).toMatchObject({ ...failed, path: file, cause: expect.any(Error) });
    expect(error.message).toContain('file is not a database');
    expect(fs.readdirSync(directory)).toEqual(['boxlite.db']);
    expect(await rejection(SqliteBoxStore.open(directory))).toMatchObject(failed);
    expect(await rejection(SqliteBoxStore.open(path.join(file, 'below')))).toMatchObject(failed);
    const other = path.join(directory, 'other.db');
    const foreign = openDatabase(other);
    foreign.exec('CREATE TABLE box_config (something TEXT)');
    foreign.close();
    expect((await rejection(SqliteBoxStore.open(other))).message).toContain('no such column');
  });

  promise(missingSqlite, 'says that it was closed', async () => {
    const store = await SqliteBoxStore.open(path.join(tempDir(), 'boxlite.db'));
    await store.close();
    expect(await rejection(store.get('a'))).toMatchObject(failed);
  });

  it('refuses what is no path', async () => {
    for (const file of [undefined, 1, '']) {
      expect(await rejection(SqliteBoxStore.open(file as string))).toMatchObject({ name: 'TypeError' });
    }
  });

  /** The package as it is installed, with what is put beside it alone, on a runtime without node:sqlite. */
  function openAlone(install: (modules: string) => void): string {
    const directory = tempDir();
    const checkout = path.join(__dirname, '..', '..');
    fs.cpSync(path.join(checkout, 'dist'), path.join(directory, 'dist'), { recursive: true });
    fs.symlinkSync(path.join(checkout, 'prebuilds'), path.join(directory, 'prebuilds'));
    install(path.join(directory, 'node_modules'));
    const program = `
      const { getBuiltinModule } = process;
      process.getBuiltinModule = (id) => (id === 'node:sqlite' ? undefined : getBuiltinModule.call(process, id));
      const { BoxRuntime } = require('./dist/runtime');
      (async () => {
        const home = { homeDir: './home', base: process.cwd() };
        const error = await BoxRuntime.open(home).catch((error) => error);
        console.log(error.name, error.code, error.message);
        // The home is free again, and another store needs no SQLite.
        const none = async () => undefined;
        const store = { get: none, insert: none, update: none, delete: none, close: none, async *pages() {} };
        await (await BoxRuntime.open({ ...home, store })).close();
      })();`;
    return run(process.execPath, ['-e', program], { cwd: directory, env: { ...process.env, NODE_PATH: '' } });
  }

  it('says that better-sqlite3 is missing, where it is needed, and what to do', () => {
    const output = openAlone(() => undefined);
    expect(output).toMatch(/^BoxSocketsError ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE .*it is not installed\.\n/);
    expect(output).toMatch(/npm install better-sqlite3@12.*a store of your own/);
    expect(output.trim().split('\n')).toHaveLength(2);
  });

  it('loads no better-sqlite3 of another version than 12, which could end the process', () => {
    const output = openAlone((modules) => {
      const directory = path.join(modules, 'better-sqlite3');
      fs.mkdirSync(directory, { recursive: true });
      fs.writeFileSync(path.join(directory, 'package.json'), '{"version":"13.2.0","main":"index.js"}');
      fs.writeFileSync(path.join(directory, 'index.js'), 'process.abort()');
    });
    expect(output).toContain('ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE');
    expect(output).toContain('version 13.2.0 is installed');
  });
});
