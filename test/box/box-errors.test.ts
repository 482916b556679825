// What rows, homes and shims of boxes are refused with, to the letter.

import { describe, expect, it } from 'vitest';
import * as errors from '../../dist/box/box-errors.js';
import { BoxConfig, ShimProcess } from '../../dist/box/index.js';

it('a row, or one field of it', () => {
  const cause = new Error('c');
  expect(errors.rowInvalid(null, 'is no JSON', { cause })).toMatchObject({
    code: 'ERR_BOX_SOCKETS_ROW_INVALID',
    message: 'The row of a box is no JSON',
    cause,
  });
  expect(errors.rowInvalid(null, 'is no JSON').field).toBeUndefined();
  expect(errors.rowInvalid('id', 'is missing')).toMatchObject({
    field: 'id',
    message: 'The row of a box is refused: its "id" is missing',
  });
  expect(errors.rowInvalid('id', 'must be short', { received: 'x' }).message).toBe(
    `The row of a box is refused: its "id" must be short. Received 'x'`,
  );
  expect(errors.rowTooLarge('100 levels')).toMatchObject({
    code: 'ERR_BOX_SOCKETS_ROW_TOO_LARGE',
    message: 'The row of a box is refused: it has 100 levels, which no row of a box needs. Look at who wrote it',
  });
});

it('a home, a process', () => {
  expect(errors.homeUnsafe('/h', 'it is odd').message).toBe(
    "'/h' is not removed as the home of a box: it is odd. Nothing was touched. Check that this is the path you mean",
  );
  expect(errors.homeUnsafe('/h', 'it is odd', 'Go')).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_UNSAFE', path: '/h' });
  expect(errors.otherPidNamespace(7, 'pid:[1]')).toMatchObject({
    code: 'ERR_BOX_SOCKETS_PID_NAMESPACE',
    message: expect.stringContaining('Process 7 was recorded in another pid namespace (pid:[1])'),
  });
  for (const errno of [1, -1]) {
    expect(errors.processError(errno, 'kill', 7)).toMatchObject({
      code: 'EPERM',
      errno: -1,
      syscall: 'kill',
      message: 'EPERM: operation not permitted, kill process 7',
    });
  }
});

describe('what was received is told', () => {
  const row = { id: 'b1', box_home: '/h/b1' };
  it.each<[string, unknown, string]>([
    ['id', 'a/b', "'a/b'"],
    ['id', 7, '7'],
    ['box_home', 'rel', "'rel'"],
    ['box_home', '/a/../b', "'/a/../b'"],
    ['options', 'x', "'x'"],
    ['options', [1], '[ 1 ]'],
    ['created_at', 'soon', "'soon'"],
    ['created_at', 7, '7'],
  ])('of "%s": %j', (field, value, told) => {
    expect(() => BoxConfig.parse(JSON.stringify({ ...row, [field]: value }))).toThrow(
      expect.objectContaining({
        code: 'ERR_BOX_SOCKETS_ROW_INVALID',
        field,
        message: expect.stringContaining(`Received ${told}`),
      }),
    );
  });
});

describe('a signal', () => {
  const nobody = () => new ShimProcess(2 ** 30, 1);
  it.each([undefined, 'SIGTERM', 'SIGKILL', 9, 15])('%s is one', async (signal) => {
    expect(nobody().killSync(signal as NodeJS.Signals)).toBe(false);
    expect(await nobody().kill(signal as NodeJS.Signals)).toBe(false);
  });

  it.each(['SIGNONE', 'term', 'toString', 0, 200, -9, 9.5, null, {}, ['SIGKILL']])('%j is none', async (signal) => {
    const refused = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(() => nobody().killSync(signal as NodeJS.Signals)).toThrow(refused);
    await expect((async () => nobody().kill(signal as NodeJS.Signals))()).rejects.toThrow(refused);
  });
});
