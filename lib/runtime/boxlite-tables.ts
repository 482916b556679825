// BoxLite's own tables beside box_config, kept as BoxLite keeps them, so that both hosts can have one home in turn: it
// deletes a box without a row in box_state, and opens no home in which a row cannot be read.

import * as path from 'node:path';
import { listDirectory, lookAt, makeDirectory, removeFile, replaceFile } from '../beneath.js';
import { backingFileOf } from '../qcow2.js';
import { attempt, runSync } from '../twin.js';
import type { StateChange } from './box-store.js';
import { schemaUnknown } from './runtime-errors.js';
import type { Database, Sqlite } from './sqlite.js';

/** What BoxLite 0.9.7 (8), and 0.10.0 to 0.10.3 (10) write. */
const KNOWN_VERSIONS: readonly number[] = [8, 10];
/** From this version on a state has an exit code and a time of its start. */
const WITH_EXIT_CODE = 10;
const MOST_FILES = 1_000_000;

interface BaseDisk {
  id: string;
  kind: string;
  base_path: string;
}

export class BoxliteTables {
  readonly #database: Database;
  readonly #file: string;
  readonly #version: number;

  private constructor(database: Database, file: string, version: number) {
    this.#database = database;
    this.#file = file;
    this.#version = version;
  }

  /** Null where the database is not BoxLite's. */
  static recognise(sqlite: Sqlite, database: Database, file: string): BoxliteTables | null {
    const table = database
      .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
      .get();
    if (table === undefined) return null;
    const rows = sqlite.prepareArrays(database, 'SELECT version FROM schema_version WHERE id = 1').all() as [unknown][];
    const [[version] = [undefined]] = rows;
    return new BoxliteTables(database, file, typeof version === 'number' ? version : -1);
  }

  /** @throws {BoxSocketsError} `ERR_BOX_SOCKETS_SCHEMA_UNKNOWN` */
  refuseUnknownVersion(): void {
    if (!this.isKnown) throw schemaUnknown(this.#file, this.#version, KNOWN_VERSIONS);
  }

  get isKnown(): boolean {
    return KNOWN_VERSIONS.includes(this.#version);
  }

  /** Within the transaction that inserts the row. */
  insertState(id: string): void {
    const state = this.#newState();
    this.#database
      .prepare('INSERT INTO box_state (id, status, pid, json) VALUES (?, ?, NULL, ?)')
      .run(id, 'configured', JSON.stringify(state));
  }

  changeState(id: string, change: StateChange): void {
    const row = this.#database.prepare('SELECT json FROM box_state WHERE id = ?').get(id) as
      | { json: string }
      | undefined;
    // A row of ours from before it was kept, or one that cannot be read, is made anew.
    if (row === undefined) this.insertState(id);
    const fields = this.#fields(change);
    // BoxLite makes the disk of a box that is only configured, and starts none that has stopped without one.
    if (change.status === 'stopped' && !this.#hasDisk(id)) fields.status = 'configured';
    const state = { ...(parsed(row?.json) ?? this.#newState()), ...fields };
    this.#database
      .prepare('UPDATE box_state SET status = ?, pid = ?, json = ? WHERE id = ?')
      .run(fields.status, fields.pid, JSON.stringify(state), id);
  }

  #hasDisk(id: string): boolean {
    return runSync(lookAt({ directory: this.#home('boxes'), path: `${id}/disks/disk.qcow2` })) !== null;
  }

  /** Boxes whose disks are based on those of this one. */
  dependents(id: string): string[] {
    const rows = this.#database
      .prepare(
        `SELECT DISTINCT r.box_id FROM base_disk b JOIN base_disk_ref r ON r.base_disk_id = b.id
         WHERE b.source_box_id = ? AND r.box_id <> ?`,
      )
      .all(id, id) as { box_id: string }[];
    return rows.map(({ box_id }) => box_id).sort();
  }

  /**
   * Within the transaction that deletes the row: the box's other rows, and bases of disks that no box needs any more.
   * Returns what removes their files, to be called when all that is committed.
   */
  deleteRest(id: string): () => void {
    const state = this.#database.prepare('SELECT json FROM box_state WHERE id = ?').get(id) as
      | { json: string }
      | undefined;
    const lock = parsed(state?.json)?.lock_id;
    const references = this.#database.prepare('SELECT base_disk_id FROM base_disk_ref WHERE box_id = ?').all(id);
    this.#database.prepare('DELETE FROM base_disk_ref WHERE box_id = ?').run(id);
    this.#database.prepare('DELETE FROM snapshot WHERE box_id = ?').run(id);
    const files: string[] = [];
    for (const { base_disk_id } of references as { base_disk_id: string }[]) this.#collect(base_disk_id, files);
    return () => {
      for (const name of files) runSync(removeFile({ directory: this.#home('bases'), path: name }));
      if (Number.isSafeInteger(lock)) runSync(removeFile({ directory: this.#home('locks'), path: String(lock) }));
    };
  }

  /** Deletes a base that only clones were made from, where nothing is based on it any more, and then what it is based on. */
  #collect(id: string, files: string[]): void {
    const base = this.#base('id', id);
    if (base?.kind !== 'clone_base') return;
    const name = this.#nameOf(base);
    if (this.#database.prepare('SELECT 1 FROM base_disk_ref WHERE base_disk_id = ?').get(id) !== undefined) return;
    if (this.#isBackingFile(base)) return;
    const backing = name === null ? null : this.#backingFile(name);
    this.#database.prepare('DELETE FROM base_disk WHERE id = ?').run(id);
    if (name !== null) files.push(name);
    const parent = backing === null ? undefined : this.#base('base_path', backing);
    if (parent !== undefined) this.#collect(parent.id, files);
  }

  /** Whether another base is based on it, which BoxLite does not ask: a clone of a clone would lose its disk. */
  #isBackingFile({ id, base_path }: BaseDisk): boolean {
    const others = this.#database.prepare('SELECT id, kind, base_path FROM base_disk WHERE id <> ?').all(id);
    return (others as BaseDisk[]).some((other) => {
      const name = this.#nameOf(other);
      return name !== null && this.#backingFile(name) === base_path;
    });
  }

  #base(column: 'id' | 'base_path', value: string): BaseDisk | undefined {
    const select = `SELECT id, kind, base_path FROM base_disk WHERE ${column} = ?`;
    return this.#database.prepare(select).get(value) as BaseDisk | undefined;
  }

  /** Its file in `bases/`; null where the row names one elsewhere, which is not this host's to touch. */
  #nameOf({ base_path }: BaseDisk): string | null {
    const name = path.basename(base_path);
    return base_path === `${this.#home('bases')}/${name}` || path.basename(path.dirname(base_path)) === 'bases'
      ? name
      : null;
  }

  #backingFile(name: string): string | null {
    // Where it is not there, or no file of ours, nothing is known to be below it.
    return attempt(() => runSync(backingFileOf({ directory: this.#home('bases'), path: name })), null);
  }

  #fields(change: StateChange): Record<string, unknown> & { status: string; pid: number | null } {
    const now = new Date().toISOString();
    const withExitCode = this.#version >= WITH_EXIT_CODE;
    return {
      status: change.status,
      pid: change.status === 'running' ? change.pid : null,
      last_updated: now,
      // It keeps why a box failed until the box runs.
      ...(change.status !== 'stopped' && { error_reason: change.status === 'failed' ? change.reason : null }),
      ...(change.status === 'running' && withExitCode && { exit_code: null, started_at: now }),
    };
  }

  #newState(): Record<string, unknown> {
    return {
      status: 'configured',
      pid: null,
      container_id: null,
      last_updated: new Date().toISOString(),
      lock_id: this.#allocateLock(),
      health_status: { state: 'None', failures: 0, last_check: null },
      error_reason: null,
      ...(this.#version >= WITH_EXIT_CODE && { exit_code: null, started_at: null }),
    };
  }

  /** BoxLite starts no box without a lock of its own: a file in `locks/` whose name is the lowest free number. */
  #allocateLock(): number {
    runSync(makeDirectory({ directory: this.#home(), path: 'locks' }));
    const directory = this.#home('locks');
    const taken = new Set(runSync(listDirectory({ directory, path: '.' }, MOST_FILES)).map(({ name }) => name));
    const states = this.#database.prepare('SELECT json FROM box_state').all() as { json: string }[];
    for (const { json } of states) taken.add(String(parsed(json)?.lock_id));
    let lock = 0;
    while (taken.has(String(lock))) lock++;
    runSync(replaceFile({ directory, path: String(lock) }, ''));
    return lock;
  }

  /** `<home>`, or a directory in it: the database is `<home>/db/boxlite.db`. */
  #home(name?: string): string {
    const home = path.dirname(path.dirname(this.#file));
    return name === undefined ? home : `${home}/${name}`;
  }
}

function parsed(json = ''): Record<string, unknown> | null {
  const value: unknown = attempt(() => JSON.parse(json), null);
  return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
}
