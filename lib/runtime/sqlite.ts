// Which SQLite there is: the runtime's own, or where it has none (Node 20) the package better-sqlite3, an optional peer
// dependency that this file alone knows. Both answer to the few calls below.

import { asError } from '../errors.js';
import { requireOptional } from '../native/host.js';
import { sqliteUnavailable } from './runtime-errors.js';

/** A value that SQLite takes and returns here. */
export type SqlValue = string | number | null;

export interface Statement<Row = unknown> {
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
  run(...values: SqlValue[]): { changes: number | bigint };
}

export interface Database {
  exec(sql: string): unknown;
  prepare<Row>(sql: string): Statement<Row>;
  close(): unknown;
}

/** A kind of SQLite, with the two things in which the two differ. */
export interface Sqlite {
  open(file: string): Database;
  /** All rows of a statement, as arrays: objects take twice as long to make. */
  prepareArrays(database: Database, sql: string): (...values: SqlValue[]) => SqlValue[][];
}

/** 13 ends in a segmentation fault on Node 20, where this package is needed. */
const BETTER_SQLITE3_MAJOR = 12;

/** Node's own where it is (Node 24, Bun, Deno; Node 22.13, which warns that it is experimental), else better-sqlite3. */
export function loadSqlite(): Sqlite {
  return ownSqlite() ?? betterSqlite3();
}

type DatabaseClass = new (file: string) => Database;

function ownSqlite(): Sqlite | null {
  const module = process.getBuiltinModule('node:sqlite') as { DatabaseSync: DatabaseClass } | undefined;
  if (module === undefined) return null;
  return {
    open: (file) => new module.DatabaseSync(file),
    prepareArrays(database, sql) {
      const statement: Statement & { setReturnArrays?(enabled: boolean): void } = database.prepare(sql);
      statement.setReturnArrays?.(true);
      if (statement.setReturnArrays !== undefined) return (...values) => statement.all(...values) as SqlValue[][];
      // Node 22 before 22.16.
      return (...values) => statement.all(...values).map((row) => Object.values(row as Record<string, SqlValue>));
    },
  };
}

function betterSqlite3(): Sqlite {
  const BetterSqlite3 = loadBetterSqlite3();
  return {
    open(file) {
      try {
        return new BetterSqlite3(file);
      } catch (error) {
        // Its JavaScript is there, and its binary is not, or is another Node's.
        const { code, message } = asError(error) as Error & { code?: string };
        const noBinary = code === 'ERR_DLOPEN_FAILED' || message.startsWith('Could not locate the bindings file');
        throw noBinary ? sqliteUnavailable(message, asError(error)) : error;
      }
    },
    prepareArrays(database, sql) {
      const statement = database.prepare(sql) as Statement<SqlValue[]> & { raw(): unknown };
      statement.raw();
      return (...values) => statement.all(...values);
    },
  };
}

function loadBetterSqlite3(): DatabaseClass {
  let version: string;
  try {
    // Its version first: what loads a binary that does not fit has no chance to say so.
    const manifest = 'better-sqlite3/package.json';
    ({ version } = requireOptional(manifest, () => require('better-sqlite3/package.json')) as { version: string });
  } catch (error) {
    throw sqliteUnavailable('it is not installed', asError(error));
  }
  if (Number.parseInt(version, 10) !== BETTER_SQLITE3_MAJOR) throw sqliteUnavailable(`version ${version} is installed`);
  try {
    return requireOptional('better-sqlite3', () => require('better-sqlite3')) as DatabaseClass;
  } catch (error) {
    throw sqliteUnavailable(asError(error).message, asError(error));
  }
}
