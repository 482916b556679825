// Rows in SQLite, in the table that BoxLite has them in. The package better-sqlite3 is loaded when a store is opened: it
// is an optional peer dependency, of this file alone.

import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import { type PathLike, toAbsolutePath } from '../arguments.js';
import { asError, boxExists, sqliteUnavailable, storeFailed } from '../errors.js';
import type { BoxRow, BoxStore } from './box-store.js';

// As BoxLite 0.10.0 makes it; further tables of its database are left alone.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS box_config (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    json TEXT NOT NULL
  )`;
const COLUMNS = 'id, name, created_at AS createdAt, json';

type RowColumns = [id: string, name: string | null, createdAt: number, json: string, rowid: number];

/** How many rows are read at once. */
const PAGE = 500;

interface Statements {
  get: Statement<[string], BoxRow>;
  page: Statement<[number, number], RowColumns>;
  insert: Statement<[BoxRow]>;
  update: Statement<[BoxRow]>;
  delete: Statement<[string]>;
}

/** Rows in a SQLite file. Needs the package `better-sqlite3`. */
export class SqliteBoxStore implements BoxStore {
  /** Absolute. */
  readonly file: string;
  readonly #database: Database;
  readonly #statements: Statements;

  private constructor(file: string, database: Database) {
    this.file = file;
    this.#database = database;
    this.#statements = {
      get: database.prepare(`SELECT ${COLUMNS} FROM box_config WHERE id = ?`),
      // In the order in which they lie in the file, and as arrays: by id, and as objects that SQLite's binding makes, it
      // takes twice as long, and a home may have thousands.
      page: database
        .prepare<[number, number], RowColumns>(
          `SELECT ${COLUMNS}, rowid FROM box_config WHERE rowid > ? ORDER BY rowid LIMIT ?`,
        )
        .raw(),
      insert: database.prepare(
        'INSERT INTO box_config (id, name, created_at, json) VALUES (@id, @name, @createdAt, @json)',
      ),
      update: database.prepare(
        'UPDATE box_config SET name = @name, created_at = @createdAt, json = @json WHERE id = @id',
      ),
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
    const database = openDatabase(absolute);
    try {
      database.pragma('journal_mode = WAL');
      // BoxLite's rows of state go with those of configuration.
      database.pragma('foreign_keys = ON');
      database.exec(SCHEMA);
      return new SqliteBoxStore(absolute, database);
    } catch (error) {
      database.close();
      throw storeFailed(absolute, asError(error));
    }
  }

  async get(id: string): Promise<BoxRow | undefined> {
    return this.#run(() => this.#statements.get.get(id));
  }

  async *pages(): AsyncGenerator<BoxRow[]> {
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = this.#run(() => this.#statements.page.all(after, PAGE));
      if (rows.length > 0) yield rows.map(([id, name, createdAt, json]) => ({ id, name, createdAt, json }));
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.[4] ?? after;
    }
  }

  async insert(row: BoxRow): Promise<void> {
    this.#write(row, () => this.#statements.insert.run(row));
  }

  async update(row: BoxRow): Promise<boolean> {
    return this.#write(row, () => this.#statements.update.run(row)).changes > 0;
  }

  async delete(id: string): Promise<boolean> {
    return this.#run(() => this.#statements.delete.run(id)).changes > 0;
  }

  async close(): Promise<void> {
    this.#run(() => this.#database.close());
  }

  #write<T>(row: BoxRow, write: () => T): T {
    return this.#run(
      write,
      (code) => {
        if (code === 'SQLITE_CONSTRAINT_PRIMARYKEY') return 'a row of that id';
        return code === 'SQLITE_CONSTRAINT_UNIQUE' ? `a box named '${row.name}'` : null;
      },
      row.id,
    );
  }

  #run<T>(call: () => T, conflict: (code: string) => string | null = () => null, id = ''): T {
    try {
      return call();
    } catch (error) {
      const there = conflict(String((error as { code?: unknown }).code));
      throw there === null ? storeFailed(this.file, asError(error)) : boxExists(id, there, error);
    }
  }
}

function openDatabase(file: string): Database {
  let open: typeof import('better-sqlite3');
  try {
    open = require('better-sqlite3') as typeof import('better-sqlite3');
  } catch (error) {
    throw sqliteUnavailable(asError(error));
  }
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    return new open(file);
  } catch (error) {
    // Its JavaScript is there, and its binary is not, or is another Node's.
    const { code, message } = asError(error) as Error & { code?: string };
    const noBinary = code === 'ERR_DLOPEN_FAILED' || message.startsWith('Could not locate the bindings file');
    throw noBinary ? sqliteUnavailable(asError(error)) : storeFailed(file, asError(error));
  }
}
