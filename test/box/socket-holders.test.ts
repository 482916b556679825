// What is told of a directory of sockets that could not be looked at.

import * as os from 'node:os';
import { expect, it } from 'vitest';
import { socketHolders } from '../../dist/box/index.js';
import { replaceNative } from '../helpers/addon.js';

const { errno } = os.constants;

it.each([
  [0, []],
  [errno.ENOENT, []],
  [errno.ENOTDIR, []],
  [errno.ELOOP, []],
  [errno.EACCES, ['EACCES']],
  [errno.EIO, ['EIO']],
  [errno.ETIMEDOUT, ['ETIMEDOUT']],
])('errno %d: %j', async (number, codes) => {
  replaceNative({ judgeBoxAsync: async () => ({ errno: number, mode: 0, sockets: [], holders: [] }) });
  const told = codes.map((code) => ({ name: '', held: 'unknown', reason: `${code} when it was asked`, pids: [] }));
  expect(await socketHolders({ bindingDir: '/b', realDir: '/h/b/sockets' })).toEqual(told);
});
