// Rows in SQLite, in the table that BoxLite has them in.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type PathLike, PRIVATE_MODE, toAbsolutePath } from '../arguments.js';
import { MOST_ROW_CHARACTERS } from '../box/box-config.js';
import { attempt } from '../twin.js';
import type { BoxRow, BoxStore, StateChange } from './box-store.js';
import { BoxliteTables, checkBoxliteRow } from './boxlite-tables.js';
import { boxExists, storeFailed } from './runtime-errors.js';
import { type Database, loadSqlite, type Sqlite, type Statement } from './sqlite.js';

// As BoxLite 0.10.0 makes it; of its further tables, boxlite-tables.ts knows.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS box_config (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    json TEXT NOT NULL
  )`;

type Columns = [
  id: string,
  name: string | null,
  createdAt: number,
  json: string,
  rowid: number,
  ...state: [status?: string | null, errorReason?: string | null],
];

// Of a row that has too many characters, one too many: whatever is in there, a portion stays small. Characters have up to
// four bytes, which alone are told without a look at each.
const BOUNDED_JSON = `CASE WHEN length(CAST(c.json AS BLOB)) > ${4 * MOST_ROW_CHARACTERS}
  THEN substr(c.json, 1, ${MOST_ROW_CHARACTERS + 1}) ELSE c.json END`;

// Looked for in the few that have one.
const ERROR_REASON = `CASE WHEN s.status = 'failed' AND json_valid(s.json)
  THEN substr(json_extract(s.json, '$.error_reason'), 1, 4096) END`;

/** How many rows are read at once. */
const PAGE = 500;

/**
 * Rows in a SQLite file: by `node:sqlite` where the runtime has it, else by the package `better-sqlite3` 12.
 *
 * @example
 * const store = await SqliteBoxStore.open('/home/me/.boxes/db/boxlite.db');
 * for await (const rows of store.pages()) console.log(rows.map(({ id }) => id));
 * await store.close();
 */
export class SqliteBoxStore implements BoxStore {
  /** The path of the file: absolute. */
  readonly file: string;
  readonly #database: Database;
  readonly #rows: Record<'ofId' | 'after', ReturnType<Sqlite['prepareArrays']>>;
  readonly #statements: Record<'named' | 'insert' | 'update' | 'delete', Statement>;
  /** Null where the rows are this package's alone. */
  readonly #boxlite: BoxliteTables | null;
  readonly defaultOptions?: Readonly<Record<string, unknown>>;

  private constructor(file: string, sqlite: Sqlite, database: Database, boxlite: BoxliteTables | null) {
    this.file = file;
    this.#database = database;
    this.#boxlite = boxlite;
    // BoxLite takes a box that does not say so for one that goes when it stops.
    if (boxlite !== null) this.defaultOptions = { auto_remove: false };
    const row = `c.id, c.name, c.created_at, ${BOUNDED_JSON}, c.rowid`;
    const columns = boxlite === null ? row : `${row}, s.status, ${ERROR_REASON}`;
    const tables = boxlite === null ? 'box_config c' : 'box_config c LEFT JOIN box_state s ON s.id = c.id';
    const select = `SELECT ${columns} FROM ${tables} WHERE`;
    this.#rows = {
      ofId: sqlite.prepareArrays(database, `${select} c.id = ?`),
      // In the order in which they lie in the file: by id it takes twice as long, and a home may have thousands.
      after: sqlite.prepareArrays(database, `${select} c.rowid > ? ORDER BY c.rowid LIMIT ${PAGE}`),
    };
    this.#statements = {
      named: database.prepare('SELECT 1 FROM box_config WHERE name = ? AND id <> ?'),
      insert: database.prepare('INSERT INTO box_config (id, name, created_at, json) VALUES (?, ?, ?, ?)'),
      update: database.prepare('UPDATE box_config SET name = ?, created_at = ?, json = ? WHERE id = ?'),
      delete: database.prepare('DELETE FROM box_config WHERE id = ?'),
    };
  }

  /**
   * Opens a file of rows, which is made, with its directory, where it is missing: BoxLite's is `<home>/db/boxlite.db`.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE`, `ERR_BOX_SOCKETS_STORE` (SQLite's error in `cause`)
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const store = await SqliteBoxStore.open('/home/me/.boxes/db/boxlite.db');
   */
  static async open(file: PathLike): Promise<SqliteBoxStore> {
    const absolute = toAbsolutePath('file', file);
    const sqlite = loadSqlite();
    let database: Database | undefined;
    try {
      fs.mkdirSync(path.dirname(absolute), { recursive: true, mode: PRIVATE_MODE });
      database = sqlite.open(absolute);
      // BoxLite's rows of state go with those of configuration. Another host has the file for moments.
      database.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON');
      const boxlite = BoxliteTables.recognise(database, absolute);
      if (boxlite === null) database.exec(`PRAGMA journal_mode = WAL; ${SCHEMA}`);
      else if (!boxlite.isKnown) database.exec('PRAGMA query_only = ON');
      return new SqliteBoxStore(absolute, sqlite, database, boxlite);
    } catch (error) {
      database?.close();
      throw storeFailed(absolute, error);
    }
  }

  async get(id: string): Promise<BoxRow | undefined> {
    const [columns] = this.#run(() => this.#rows.ofId(id)) as Columns[];
    return columns && toRow(columns);
  }

  async *pages(): AsyncGenerator<BoxRow[]> {
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = this.#run(() => this.#rows.after(after)) as Columns[];
      if (rows.length > 0) yield rows.map(toRow);
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.[4] ?? after;
    }
  }

  async insert(row: BoxRow): Promise<void> {
    const { id, name, createdAt, json } = row;
    this.refuseChange();
    if (this.#boxlite !== null) checkBoxliteRow(row);
    this.#write(() => {
      if (this.#rows.ofId(id).length > 0) throw boxExists(id, 'a row of that id');
      this.#refuseTaken(name, id);
      this.#statements.insert.run(id, name, createdAt, json);
      this.#boxlite?.insertState(id);
    });
  }

  async update({ id, name, createdAt, json }: BoxRow): Promise<boolean> {
    this.refuseChange();
    return this.#write(() => {
      if (this.#rows.ofId(id).length === 0) return false;
      this.#refuseTaken(name, id);
      this.#statements.update.run(name, createdAt, json, id);
      return true;
    });
  }

  /**
   * Deletes the row of that id, and where the database is BoxLite's, all else that it has of the box, and the files of
   * disks that no box needs; false where there is no row.
   *
   * @example await store.delete('box1');
   */
  async delete(id: string): Promise<boolean> {
    this.refuseChange();
    let removeFiles: (() => void) | undefined;
    const { changes } = this.#write(() => {
      removeFiles = this.#boxlite?.deleteRest(id);
      return this.#statements.delete.run(id);
    });
    removeFiles?.();
    return changes > 0;
  }

  /**
   * Throws where the rows may only be read.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_SCHEMA_UNKNOWN`: a database of a BoxLite that is not known
   * @example store.refuseChange();
   */
  refuseChange(): void {
    this.#boxlite?.refuseUnknownVersion();
  }

  async changeState(id: string, change: StateChange): Promise<void> {
    const boxlite = this.#boxlite;
    if (boxlite === null) return;
    this.refuseChange();
    this.#write(() => boxlite.changeState(id, change));
  }

  async dependents(id: string): Promise<string[]> {
    return this.#run(() => this.#boxlite?.dependents(id) ?? []);
  }

  async close(): Promise<void> {
    this.#run(() => this.#database.close());
  }

  /** Within a transaction, in which nobody else takes it. */
  #refuseTaken(name: string | null, id: string): void {
    if (this.#statements.named.get(name, id) !== undefined) throw boxExists(id, `a box named '${name}'`);
  }

  /** All of it, or nothing. */
  #write<T>(write: () => T): T {
    this.#run(() => this.#database.exec('BEGIN IMMEDIATE'));
    try {
      const result = write();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite may have done it itself, as where the disk is full; the first failure is the one to tell.
      attempt(() => this.#database.exec('ROLLBACK'), null);
      throw storeFailed(this.file, error);
    }
  }

  #run<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw storeFailed(this.file, error);
    }
  }
}

function toRow([id, name, createdAt, json, , status, errorReason = null]: Columns): BoxRow {
  if (status === undefined) return { id, name, createdAt, json };
  return { id, name, createdAt, json, state: { status, errorReason } };
}
