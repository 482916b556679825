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
  prepare(sql: string): Statement;
  close(): unknown;
}

/** A kind of SQLite, with the three things in which the two differ. */
export interface Sqlite {
  open(file: string): Database;
  /** A statement whose rows are arrays: objects take twice as long to make. */
  prepareArrays(database: Database, sql: string): Statement;
  /** SQLite's extended result code of a failure; null where it is not one of SQLite's. */
  resultCode(error: unknown): number | null;
}

/** SQLite's extended result codes. */
export const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
export const SQLITE_CONSTRAINT_UNIQUE = 2067;

/** 13 ends in a segmentation fault on Node 20, where this package is needed. */
const BETTER_SQLITE3_MAJOR = 12;

/** Node's own where it is (Node 24, Bun, Deno; Node 22.13, which warns that it is experimental), else better-sqlite3. */
export function loadSqlite(): Sqlite {
  return ownSqlite() ?? betterSqlite3();
}

interface OwnModule {
  DatabaseSync: new (file: string) => Database;
}

function ownSqlite(): Sqlite | null {
  const module = process.getBuiltinModule('node:sqlite') as OwnModule | undefined;
  if (module === undefined) return null;
  return {
    open: (file) => new module.DatabaseSync(file),
    prepareArrays(database, sql) {
      const statement = database.prepare(sql) as Statement & { setReturnArrays?: (enabled: boolean) => void };
      if (statement.setReturnArrays !== undefined) {
        statement.setReturnArrays(true);
        return statement;
      }
      // Node 22 before 22.16.
      return { ...statement, all: (...values) => statement.all(...values).map((row) => Object.values(row as object)) };
    },
    resultCode: (error) => (error as { errcode?: number }).errcode ?? null,
  };
}

type BetterDatabase = new (file: string) => Database;

const RESULT_CODES = new Map([
  ['SQLITE_CONSTRAINT_PRIMARYKEY', SQLITE_CONSTRAINT_PRIMARYKEY],
  ['SQLITE_CONSTRAINT_UNIQUE', SQLITE_CONSTRAINT_UNIQUE],
]);

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
    prepareArrays: (database, sql) => (database.prepare(sql) as Statement & { raw(): Statement }).raw(),
    resultCode: (error) => RESULT_CODES.get(String((error as { code?: unknown }).code)) ?? null,
  };
}

function loadBetterSqlite3(): BetterDatabase {
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
    return requireOptional('better-sqlite3', () => require('better-sqlite3')) as BetterDatabase;
  } catch (error) {
    throw sqliteUnavailable(asError(error).message, asError(error));
  }
}
