// What the operations of a runtime are refused with.

import { asError, BoxSocketsError, refusal, shorten } from '../errors.js';
import type { Activity } from './activity.js';

/** The shell that was to become the shim was gone before it did. */
export function shimNotStarted(path: string): BoxSocketsError {
  const why = 'the shell that was to become it had ended at once. Look whether something kills it';
  return refusal('ERR_BOX_SOCKETS_SHIM_EXITED', `'${path}' was not started: ${why}`, { path });
}

/** Another host has taken the lock of a home; `owner` is its pid, or -1. */
export function homeLocked(homeDir: string, path: string, owner: number): BoxSocketsError {
  const who = owner > 0 ? `process ${owner}` : 'another process';
  const what = owner === process.pid ? 'Close the runtime that this process has opened there' : `Stop ${who}`;
  const message = `'${homeDir}' is in use by ${who}, which holds the lock on '${path}'. One host at a time opens a home`;
  const fields = { path, owner: owner > 0 ? owner : undefined };
  return refusal('ERR_BOX_SOCKETS_HOME_LOCKED', `${message}. ${what}, or use another home`, fields);
}

export function boxNotFound(id: string, homeDir: string): BoxSocketsError {
  const message = `There is no box '${id}' in '${homeDir}', neither a row nor a directory`;
  return refusal('ERR_BOX_SOCKETS_BOX_NOT_FOUND', message);
}

/** `what` is the row, the name or the directory that is there already. */
export function boxExists(id: string, what: string, cause?: unknown): BoxSocketsError {
  const message = `Box '${id}' cannot be made: ${what} is there already. Nothing was changed`;
  return refusal('ERR_BOX_SOCKETS_BOX_EXISTS', message, { cause });
}

/** `why` tells what shows that it runs, or why that cannot be told; `remedy` is a sentence. */
export function boxRunning(
  id: string,
  { state, why }: Pick<Activity, 'state' | 'why'>,
  remedy: string,
): BoxSocketsError {
  const runs = state === 'running' ? 'runs' : 'may run';
  return refusal('ERR_BOX_SOCKETS_BOX_RUNNING', `Box '${id}' ${runs}: ${why}. ${remedy}`);
}

/** Processes of a box that were killed so many milliseconds ago, and have not ended: numbers and command lines. */
export function boxSurvives(id: string, left: readonly { pid: number; command: string }[], ago: number) {
  const lines = [
    `Box '${id}' does not end: these processes were killed ${ago} ms ago and still exist. They are stuck in the kernel, or ` +
      'belong to another user. Nothing was removed.',
    ...left.map(({ pid, command }) => `  - process ${pid}${command === '' ? '' : `: ${shorten(command)}`}`),
    "End them (as root, where they are another user's), and try again",
  ];
  return refusal('ERR_BOX_SOCKETS_BOX_RUNNING', lines.join('\n'));
}

export function runtimeClosed(homeDir: string): BoxSocketsError {
  return refusal('ERR_BOX_SOCKETS_RUNTIME_CLOSED', `The runtime of '${homeDir}' was closed. Open it anew`);
}

/** A box could not be made, and then not be removed; what is left goes at the next `open`. */
export function cleanupFailed(id: string, failure: Error, cleanup: Error): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_CLEANUP_FAILED',
    `Box '${id}' could not be made (${failure.message}), and what had been made of it could not be ` +
      `removed (${cleanup.message}). Mend what kept it from being removed; the next open removes the rest`,
    { cause: new AggregateError([failure, cleanup], 'why it was not made, and why not removed') },
  );
}

/** What the store of rows at a path failed with; a refusal stays what it is. */
export function storeFailed(path: string, failure: unknown): BoxSocketsError {
  if (failure instanceof BoxSocketsError) return failure;
  const cause: Error & { code?: unknown } = asError(failure);
  const why = typeof cause.code === 'string' ? `${cause.code}: ${cause.message}` : cause.message;
  return refusal('ERR_BOX_SOCKETS_STORE', `The rows of boxes in '${path}' cannot be used: ${why}`, { path, cause });
}

/** A database of a BoxLite that is newer, or older, than those that are known. */
export function schemaUnknown(path: string, version: number, known: readonly number[]): BoxSocketsError {
  const message =
    `'${path}' is a database of BoxLite with schema version ${version}. This version of boxsockets knows ` +
    `${known.join(' and ')}, and only reads this one. Nothing was changed. Use BoxLite for that, or a newer boxsockets`;
  return refusal('ERR_BOX_SOCKETS_SCHEMA_UNKNOWN', message, { path });
}

/** A box whose disks others are based on. */
export function boxNeeded(id: string, dependents: readonly string[]): BoxSocketsError {
  const named = dependents.map((name) => `'${name}'`).join(', ');
  return refusal(
    'ERR_BOX_SOCKETS_BOX_NEEDED',
    `Box '${id}' is not removed: the disks of ${named} are based on its own. Nothing was changed. Remove those first, or ` +
      'pass { force: true }, after which they may not start any more',
  );
}

/** There is no SQLite; `why` tells what is wrong with better-sqlite3. */
export function sqliteUnavailable(why: string, cause?: Error): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE',
    `Rows of boxes are kept in SQLite. This runtime has no node:sqlite (Node 24, Bun and Deno have it), and the package ` +
      `better-sqlite3 cannot be used in its place: ${why.split('\n', 1)[0]}.\n` +
      'Install its version 12 (npm install better-sqlite3@12), use another runtime, or pass a store of your own',
    { cause },
  );
}
