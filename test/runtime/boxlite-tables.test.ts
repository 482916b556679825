// A database of BoxLite's, with its tables as BoxLite 0.10.3 makes them. What BoxLite itself makes of it is tried with the
// real one in test/package/boxlite-home.heavy.ts.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxRuntime, SqliteBoxStore } from '../../dist/runtime/index.js';
import { loadSqlite } from '../../dist/runtime/sqlite.js';
import { promise, rejection, tempDir } from '../helpers.js';
import { missingSqlite } from './home.js';

const TABLES = `
  CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, updated_at TEXT NOT NULL);
  CREATE TABLE box_config (id TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE, created_at INTEGER NOT NULL, json TEXT NOT NULL);
  CREATE TABLE box_state (id TEXT PRIMARY KEY NOT NULL, status TEXT NOT NULL, pid INTEGER, json TEXT NOT NULL,
    FOREIGN KEY (id) REFERENCES box_config(id) ON DELETE CASCADE);
  CREATE TABLE base_disk (id TEXT PRIMARY KEY NOT NULL, source_box_id TEXT NOT NULL, name TEXT,
    kind TEXT NOT NULL CHECK(kind IN ('snapshot', 'clone_base', 'rootfs')), base_path TEXT NOT NULL,
    created_at INTEGER NOT NULL, json TEXT NOT NULL, UNIQUE(source_box_id, name));
  CREATE TABLE base_disk_ref (base_disk_id TEXT NOT NULL, box_id TEXT NOT NULL, PRIMARY KEY (base_disk_id, box_id));
  CREATE TABLE snapshot (id TEXT PRIMARY KEY NOT NULL, box_id TEXT NOT NULL, name TEXT NOT NULL,
    created_at INTEGER NOT NULL, json TEXT NOT NULL, UNIQUE(box_id, name));`;

function makeBoxliteHome(version = 10) {
  const base = tempDir();
  const homeDir = path.join(base, 'home');
  const file = path.join(homeDir, 'db', 'boxlite.db');
  for (const name of ['db', 'boxes', 'bases', 'locks']) fs.mkdirSync(path.join(homeDir, name), { recursive: true });
  const query = (sql: string): object[] => {
    const database = loadSqlite().open(file);
    try {
      if (!sql.startsWith('SELECT')) database.exec(sql);
      return sql.startsWith('SELECT') ? (database.prepare(sql).all() as object[]).map((row) => ({ ...row })) : [];
    } finally {
      database.close();
    }
  };
  query(`${TABLES} INSERT INTO schema_version VALUES (1, ${version}, 'now')`);
  const state = (id: string) =>
    JSON.parse((query(`SELECT json FROM box_state WHERE id = '${id}'`)[0] as { json: string }).json);
  /** A qcow2 header with the path of a backing file. */
  const disk = (name: string, backing: string | null): string => {
    const bytes = Buffer.alloc(512);
    bytes.write('QFI\xfb', 'latin1');
    bytes.writeUInt32BE(3, 4);
    if (backing !== null) {
      bytes.writeBigUInt64BE(200n, 8);
      bytes.writeUInt32BE(bytes.write(backing, 200), 16);
    }
    const made = path.join(homeDir, 'bases', name);
    fs.writeFileSync(made, bytes);
    return made;
  };
  const open = async (): Promise<BoxRuntime> => {
    const runtime = await BoxRuntime.open({ homeDir, base });
    onTestFinished(() => runtime.close());
    return runtime;
  };
  return { base, homeDir, file, query, state, disk, open };
}

describe('a home of BoxLite', () => {
  promise(missingSqlite, 'has a state and a lock for every box that is provisioned', async () => {
    const home = makeBoxliteHome();
    fs.writeFileSync(path.join(home.homeDir, 'locks', '0'), '');
    const runtime = await home.open();
    const { id, options } = await runtime.provision({ options: { cpus: 2 } });
    expect(options).toEqual({ auto_remove: false, cpus: 2 });
    expect(home.query(`SELECT id, status, pid FROM box_state`)).toEqual([{ id, status: 'configured', pid: null }]);
    expect(home.state(id)).toEqual({
      status: 'configured',
      pid: null,
      container_id: null,
      last_updated: expect.stringMatching(/^\d{4}-.*Z$/),
      lock_id: 1,
      health_status: { state: 'None', failures: 0, last_check: null },
      error_reason: null,
      exit_code: null,
      started_at: null,
    });
    expect(fs.readdirSync(path.join(home.homeDir, 'locks'))).toEqual(['0', '1']);
    await runtime.remove(id);
    expect(fs.readdirSync(path.join(home.homeDir, 'locks'))).toEqual(['0']);
    expect(home.query('SELECT * FROM box_state')).toEqual([]);
  });

  promise(missingSqlite, 'of schema 8 has states without what came later', async () => {
    const home = makeBoxliteHome(8);
    const { id } = await (await home.open()).provision();
    expect(Object.keys(home.state(id))).not.toContain('exit_code');
  });

  promise(missingSqlite, 'is told what becomes of a box, and its word is shown', async () => {
    const home = makeBoxliteHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const { shim } = await runtime.launch(id, { command: 'sleep', args: ['600'] }, { waitForReady: false });
    expect(home.state(id)).toMatchObject({ status: 'running', pid: shim.pid, started_at: expect.any(String) });
    expect(home.query('SELECT status, pid FROM box_state')).toEqual([{ status: 'running', pid: shim.pid }]);
    fs.writeFileSync(path.join(home.homeDir, 'boxes', id, 'disks', 'disk.qcow2'), '');
    await runtime.stop(id);
    expect(home.state(id)).toMatchObject({ status: 'stopped', pid: null, error_reason: null });
    await rejection(runtime.launch(id, { command: '/does/not/exist' }));
    expect(home.state(id)).toMatchObject({
      status: 'failed',
      pid: null,
      error_reason: expect.stringContaining('ended'),
    });
    expect(await runtime.get(id)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('/does/not/exist'),
      stored: { status: 'failed' },
    });
    await runtime.stop(id);
    expect(home.state(id)).toMatchObject({ status: 'stopped', error_reason: expect.stringContaining('ended') });
  });

  promise(
    missingSqlite,
    'is told that a box has stopped only where it has a disk, without which none starts',
    async () => {
      const home = makeBoxliteHome();
      const runtime = await home.open();
      const { id } = await runtime.provision();
      await runtime.stop(id);
      expect(home.query('SELECT status, pid FROM box_state')).toEqual([{ status: 'configured', pid: null }]);
      await runtime.launch(id, { command: 'sleep', args: ['600'] }, { waitForReady: false });
      await runtime.stop(id);
      expect(home.state(id)).toMatchObject({ status: 'configured', pid: null });
    },
  );

  promise(missingSqlite, 'in which a box ended while no host looked is set right at the next open', async () => {
    const home = makeBoxliteHome();
    const first = await home.open();
    const { id } = await first.provision();
    const { shim } = await first.launch(id, { command: 'sleep', args: ['600'] }, { waitForReady: false });
    fs.writeFileSync(path.join(home.homeDir, 'boxes', id, 'disks', 'disk.qcow2'), '');
    await first.close();
    await shim.kill('SIGKILL');
    await shim.waitForExit();
    await home.open();
    expect(home.state(id)).toMatchObject({ status: 'stopped', pid: null });
  });

  promise(missingSqlite, 'refuses rows that BoxLite could not read, and leaves nothing of them', async () => {
    const home = makeBoxliteHome();
    const runtime = await home.open();
    for (const [box, field] of [
      [{ engineKind: 'Other' }, 'engine_kind'],
      [{ options: { cpus: '2' } }, 'options.cpus'],
      [{ options: { env: null } }, 'options.env'],
      [{ options: { network: 'Isolated' } }, 'options.network'],
    ] as const) {
      expect(await rejection(runtime.provision(box))).toMatchObject({ code: 'ERR_BOX_SOCKETS_ROW_INVALID', field });
    }
    expect(home.query('SELECT * FROM box_config')).toEqual([]);
    expect(fs.readdirSync(path.join(home.homeDir, 'boxes'))).toEqual([]);
    expect(fs.readdirSync(path.join(home.homeDir, 'locks'))).toEqual([]);
  });

  promise(
    missingSqlite,
    'keeps a box that clones need, and with the last of them the bases of their disks go',
    async () => {
      const home = makeBoxliteHome();
      const runtime = await home.open();
      const [a, b, c] = [await runtime.provision(), await runtime.provision(), await runtime.provision()];
      const first = home.disk('first.qcow2', null);
      const second = home.disk('second.qcow2', first);
      const rootfs = home.disk('rootfs.ext4', null);
      const outside = path.join(home.base, 'bases-of-mine.qcow2');
      fs.writeFileSync(outside, 'mine');
      home.query(`
      INSERT INTO base_disk VALUES ('first', '${a.id}', NULL, 'clone_base', '${first}', 1, '{}'),
        ('second', '${b.id}', NULL, 'clone_base', '${second}', 1, '{}'),
        ('rootfs', '__global__', 'r', 'rootfs', '${rootfs}', 1, '{}'),
        ('outside', '${c.id}', NULL, 'clone_base', '${outside}', 1, '{}');
      INSERT INTO base_disk_ref VALUES ('first', '${a.id}'), ('first', '${b.id}'), ('second', '${b.id}'),
        ('second', '${c.id}'), ('rootfs', '${c.id}'), ('outside', '${c.id}');
      INSERT INTO snapshot VALUES ('s', '${a.id}', 'snap', 1, '{}')`);
      const error = await rejection(runtime.remove(a.id));
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BOX_NEEDED' });
      expect(error.message).toContain(`'${b.id}'`);
      expect(fs.existsSync(a.boxHome)).toBe(true);
      // By force: what others are based on stays, be it through a base of their own.
      await runtime.remove(a.id, { force: true });
      expect(home.query('SELECT * FROM snapshot')).toEqual([]);
      await runtime.remove(b.id, { force: true });
      expect(fs.readdirSync(path.join(home.homeDir, 'bases')).sort()).toEqual([
        'first.qcow2',
        'rootfs.ext4',
        'second.qcow2',
      ]);
      await runtime.remove(c.id);
      expect(fs.readdirSync(path.join(home.homeDir, 'bases'))).toEqual(['rootfs.ext4']);
      expect(home.query('SELECT id FROM base_disk')).toEqual([{ id: 'rootfs' }]);
      expect(home.query('SELECT * FROM base_disk_ref')).toEqual([]);
      // What a row names elsewhere is nobody's to delete.
      expect(fs.readFileSync(outside, 'utf8')).toBe('mine');
    },
  );

  promise(missingSqlite, 'lets a clone go that has disks alone, because it has a row', async () => {
    const home = makeBoxliteHome();
    const runtime = await home.open();
    const { id, boxHome } = await runtime.provision();
    for (const name of fs.readdirSync(boxHome))
      if (name !== 'disks') fs.rmSync(path.join(boxHome, name), { recursive: true });
    fs.writeFileSync(path.join(boxHome, 'disks', 'disk.qcow2'), '');
    expect(await runtime.remove(id)).toMatchObject({ row: true, home: 'removed' });
  });

  promise(missingSqlite, 'has boxes with auto_delete, which goes before auto_remove', async () => {
    const home = makeBoxliteHome();
    const first = await home.open();
    const make = async (options: object) => (await first.provision({ options: { ...options } })).id;
    const goes = [await make({ auto_delete: 1 }), await make({ auto_delete: 3600, auto_remove: false })];
    const stays = [await make({ auto_delete: 0, auto_remove: true }), await make({ auto_delete: null })];
    await first.close();
    const second = await home.open();
    expect(second.recovery.autoRemoved.sort()).toEqual(goes.sort());
    expect((await second.list()).map(({ id }) => id)).toEqual(stays.sort());
  });

  promise(missingSqlite, 'of another version is read, and nothing in it is changed', async () => {
    const home = makeBoxliteHome(11);
    home.query(
      `INSERT INTO box_config VALUES ('b1', NULL, 1, '{"id":"b1","box_home":"${home.homeDir}/boxes/b1","options":{"auto_remove":true}}')`,
    );
    fs.mkdirSync(path.join(home.homeDir, 'boxes', 'orphan', 'sockets'), { recursive: true });
    const before = fs.readFileSync(home.file);
    const runtime = await home.open();
    expect(runtime.recovery).toMatchObject({ orphans: ['orphan'], orphansKept: 'read-only', autoRemoved: [] });
    expect((await runtime.list()).map(({ id, stored }) => [id, stored])).toEqual([
      ['b1', { status: null, errorReason: null }],
    ]);
    const unknown = { code: 'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN', path: home.file };
    for (const call of [
      () => runtime.provision(),
      () => runtime.launch('b1', { command: 'true' }),
      () => runtime.stop('b1'),
      () => runtime.remove('b1', { force: true }),
      () => runtime.remove('orphan'),
    ]) {
      expect(await rejection(call())).toMatchObject(unknown);
    }
    const store = await SqliteBoxStore.open(home.file);
    expect(await rejection(store.delete('b1'))).toMatchObject(unknown);
    await store.close();
    expect(fs.readFileSync(home.file).equals(before)).toBe(true);
  });
});

describe('a home of our own', () => {
  it.skipIf(missingSqlite !== null)('has no tables of BoxLite', async () => {
    const base = tempDir();
    const runtime = await BoxRuntime.open({ homeDir: path.join(base, 'home'), base });
    await runtime.provision();
    await runtime.close();
    const database = loadSqlite().open(path.join(base, 'home', 'db', 'boxlite.db'));
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    database.close();
    expect(names.map((row) => Object.values(row as object))).toEqual([['box_config']]);
  });
});
