// SQLite for the tests of a runtime that has none of its own: better-sqlite3, which `npm run test:all` compiles.

import { spawnSync } from 'node:child_process';
import { Module } from 'node:module';
import * as path from 'node:path';

/** Why `require('better-sqlite3')` finds nothing, in these tests and in what they start; null where it does. */
export const missingBetterSqlite = provide();

function provide(): string | null {
  const script = path.resolve(__dirname, '../../scripts/tools/sqlite.mjs');
  const options = process.env.BOXSOCKETS_TEST_ALL === undefined ? ['--look'] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
  if (status !== 0) return stderr.trim();
  process.env.NODE_PATH = [stdout.trim(), process.env.NODE_PATH].filter(Boolean).join(path.delimiter);
  (Module as unknown as { _initPaths(): void })._initPaths();
  return null;
}
