// What a runtime refuses with, to the letter.

import { describe, expect, it } from 'vitest';
import { BoxSocketsError } from '../../dist/index.js';
import * as errors from '../../dist/runtime/runtime-errors.js';

const fieldsOf = (error: BoxSocketsError) => ({ ...error, message: error.message });

it('a shim that was not started', () => {
  expect(fieldsOf(errors.shimNotStarted('/bin/x'))).toMatchObject({
    code: 'ERR_BOX_SOCKETS_SHIM_EXITED',
    path: '/bin/x',
    message:
      "'/bin/x' was not started: the shell that was to become it had ended at once. Look whether something kills it",
  });
});

describe('a home that is locked', () => {
  it.each([
    [7, 'process 7', 'Stop process 7', 7],
    [1, 'process 1', 'Stop process 1', 1],
    [0, 'another process', 'Stop another process', undefined],
    [-1, 'another process', 'Stop another process', undefined],
    [process.pid, `process ${process.pid}`, 'Close the runtime that this process has opened there', process.pid],
  ])('by %d', (owner, who, remedy, told) => {
    const error = errors.homeLocked('/h', '/h/.lock', owner);
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_LOCKED', path: '/h/.lock' });
    expect(error.owner).toBe(told);
    expect(error.message).toBe(
      `'/h' is in use by ${who}, which holds the lock on '/h/.lock'. One host at a time opens a home. ${remedy}, or use another home`,
    );
  });
});

it('a box that is not there, is there already, or runs', () => {
  expect(fieldsOf(errors.boxNotFound('b', '/h'))).toMatchObject({
    code: 'ERR_BOX_SOCKETS_BOX_NOT_FOUND',
    message: "There is no box 'b' in '/h', neither a row nor a directory",
  });
  const cause = new Error('c');
  expect(fieldsOf(errors.boxExists('b', 'a row', cause))).toMatchObject({
    code: 'ERR_BOX_SOCKETS_BOX_EXISTS',
    message: "Box 'b' cannot be made: a row is there already. Nothing was changed",
  });
  expect(errors.boxExists('b', 'a row', cause).cause).toBe(cause);
  for (const [state, runs] of [
    ['running', 'runs'],
    ['unknown', 'may run'],
  ] as const) {
    expect(fieldsOf(errors.boxRunning('b', { state, why: 'WHY' }, 'Stop it'))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_BOX_RUNNING',
      message: `Box 'b' ${runs}: WHY. Stop it`,
    });
  }
  expect(errors.runtimeClosed('/h').message).toBe("The runtime of '/h' was closed. Open it anew");
});

it('a box that does not end: who is left', () => {
  const left = [
    { pid: 7, command: 'sleep 60' },
    { pid: 8, command: '' },
  ];
  const error = errors.boxSurvives('b', left, 10);
  expect(error.code).toBe('ERR_BOX_SOCKETS_BOX_RUNNING');
  expect(error.message.split('\n')).toEqual([
    "Box 'b' does not end: these processes were killed 10 ms ago and still exist. They are stuck in the kernel, or " +
      'belong to another user. Nothing was removed.',
    expect.stringMatching(/^ {2}- process 7: .*sleep 60/),
    '  - process 8',
    "End them (as root, where they are another user's), and try again",
  ]);
});

it('a box that could neither be made nor removed: both reasons', () => {
  const [failure, cleanup] = [new Error('F'), new Error('C')];
  const error = errors.cleanupFailed('b', failure, cleanup);
  expect(error.code).toBe('ERR_BOX_SOCKETS_CLEANUP_FAILED');
  expect(error.message).toContain(
    "Box 'b' could not be made (F), and what had been made of it could not be removed (C)",
  );
  expect((error.cause as AggregateError).errors).toEqual([failure, cleanup]);
});

describe('a store that fails', () => {
  it('has its code in the words, where it has one, and a refusal stays what it is', () => {
    const coded = Object.assign(new Error('m'), { code: 'SQLITE_BUSY' });
    expect(fieldsOf(errors.storeFailed('/db', coded))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_STORE',
      path: '/db',
      message: "The rows of boxes in '/db' cannot be used: SQLITE_BUSY: m",
    });
    expect(errors.storeFailed('/db', coded).cause).toBe(coded);
    for (const failure of [new Error('m'), Object.assign(new Error('m'), { code: 7 }), 'm']) {
      expect(errors.storeFailed('/db', failure).message).toBe("The rows of boxes in '/db' cannot be used: m");
    }
    const refused = errors.runtimeClosed('/h');
    expect(errors.storeFailed('/db', refused)).toBe(refused);
    expect(refused).toBeInstanceOf(BoxSocketsError);
  });

  it('is of a version that is not known, or not there', () => {
    expect(fieldsOf(errors.schemaUnknown('/db', 9, [7, 8]))).toMatchObject({
      code: 'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN',
      path: '/db',
      message:
        "'/db' is a database of BoxLite with schema version 9. This version of boxsockets knows 7 and 8, and only reads " +
        'this one. Nothing was changed. Use BoxLite for that, or a newer boxsockets',
    });
    const cause = new Error('c');
    const missing = errors.sqliteUnavailable('no such module\nRequire stack', cause);
    expect(missing.code).toBe('ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE');
    expect(missing.message).toContain('cannot be used in its place: no such module.\nInstall its version 12');
    expect(missing.cause).toBe(cause);
  });

  it('has boxes that others need', () => {
    const error = errors.boxNeeded('b', ['c', 'd']);
    expect(error.code).toBe('ERR_BOX_SOCKETS_BOX_NEEDED');
    expect(error.message).toContain("Box 'b' is not removed: the disks of 'c', 'd' are based on its own.");
  });
});
