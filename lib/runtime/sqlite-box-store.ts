// Rows in SQLite, in the table that BoxLite has them in.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type PathLike, toAbsolutePath } from '../arguments.js';
import { MOST_ROW_CHARACTERS } from '../box/box-config.js';
import { asError, BoxSocketsError, boxExists, storeFailed } from '../errors.js';
import type { BoxRow, BoxStore } from './box-store.js';
import {
  type Database,
  loadSqlite,
  SQLITE_CONSTRAINT_PRIMARYKEY,
  SQLITE_CONSTRAINT_UNIQUE,
  type Sqlite,
  type SqlValue,
  type Statement,
} from './sqlite.js';

// As BoxLite 0.10.0 makes it; further tables of its database are left alone.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS box_config (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    json TEXT NOT NULL
  )`;

type Columns = [id: string, name: string | null, createdAt: number, json: string, rowid: number];

/** How many rows are read at once. */
const PAGE = 500;

/** Rows in a SQLite file: by `node:sqlite` where the runtime has it, else by the package `better-sqlite3` 12. */
export class SqliteBoxStore implements BoxStore {
  /** Absolute. */
  readonly file: string;
  readonly #sqlite: Sqlite;
  readonly #database: Database;
  readonly #statements: Record<'get' | 'page' | 'insert' | 'update' | 'delete', Statement>;

  private constructor(file: string, sqlite: Sqlite, database: Database) {
    this.file = file;
    this.#sqlite = sqlite;
    this.#database = database;
    // One character more than a row may have: whatever is in there, a portion stays small.
    const columns = `id, name, created_at, substr(json, 1, ${MOST_ROW_CHARACTERS + 1}), rowid`;
    this.#statements = {
      get: sqlite.prepareArrays(database, `SELECT ${columns} FROM box_config WHERE id = ?`),
      // In the order in which they lie in the file: by id it takes twice as long, and a home may have thousands.
      page: sqlite.prepareArrays(
        database,
        `SELECT ${columns} FROM box_config WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE}`,
      ),
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
   */
  static async open(file: PathLike): Promise<SqliteBoxStore> {
    const absolute = toAbsolutePath('file', file);
    const sqlite = loadSqlite();
    let database: Database | undefined;
    try {
      fs.mkdirSync(path.dirname(absolute), { recursive: true, mode: 0o700 });
      database = sqlite.open(absolute, { readOnly: false });
      // BoxLite's rows of state go with those of configuration. Another host has the file for moments.
      database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON');
      database.exec(SCHEMA);
      return new SqliteBoxStore(absolute, sqlite, database);
    } catch (error) {
      database?.close();
      throw error instanceof BoxSocketsError ? error : storeFailed(absolute, asError(error));
    }
  }

  async get(id: string): Promise<BoxRow | undefined> {
    const columns = this.#run(() => this.#statements.get.get(id));
    return columns === undefined ? undefined : toRow(columns as Columns);
  }

  async *pages(): AsyncGenerator<BoxRow[]> {
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = this.#run(() => this.#statements.page.all(after)) as Columns[];
      if (rows.length > 0) yield rows.map(toRow);
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.[4] ?? after;
    }
  }

  async insert({ id, name, createdAt, json }: BoxRow): Promise<void> {
    this.#write(id, name, () => this.#statements.insert.run(id, name, createdAt, json));
  }

  async update({ id, name, createdAt, json }: BoxRow): Promise<boolean> {
    return this.#write(id, name, () => this.#statements.update.run(name, createdAt, json, id)).changes > 0;
  }

  async delete(id: string): Promise<boolean> {
    return this.#run(() => this.#statements.delete.run(id)).changes > 0;
  }

  async close(): Promise<void> {
    this.#run(() => this.#database.close());
  }

  #write<T>(id: string, name: SqlValue, write: () => T): T {
    try {
      return write();
    } catch (error) {
      const code = this.#sqlite.resultCode(error);
      if (code === SQLITE_CONSTRAINT_PRIMARYKEY) throw boxExists(id, 'a row of that id', error);
      if (code === SQLITE_CONSTRAINT_UNIQUE) throw boxExists(id, `a box named '${name}'`, error);
      throw storeFailed(this.file, asError(error));
    }
  }

  #run<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw storeFailed(this.file, asError(error));
    }
  }
}

function toRow([id, name, createdAt, json]: Columns): BoxRow {
  return { id, name, createdAt, json };
}
