// What a user cannot kill is told by its command line, and nothing is removed.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ShimProcess } from '../../dist/box/index.js';
import { dist, missingUser, promise, run, tempDir } from '../helpers.js';

const UID = 12345;

promise(missingUser(UID), 'a process of another user survives its box, is named, and the box stays', () => {
  const base = tempDir();
  fs.chownSync(base, UID, UID);
  // The shim that shim.pid names is root's, as where a shim has gained rights that its host has not.
  const shim = spawn('sleep', ['3600'], { stdio: 'ignore' });
  onTestFinished(() => void shim.kill('SIGKILL'));
  const { startTime } = ShimProcess.ofChild(shim) as ShimProcess;
  const program = `
    const { BoxRuntime } = require(${JSON.stringify(path.join(path.dirname(dist), 'runtime/index.js'))});
    const fs = require('node:fs');
    const base = process.argv[1];
    const rows = new Map();
    const store = {
      get: async (id) => rows.get(id), insert: async (row) => void rows.set(row.id, row), update: async () => false,
      delete: async (id) => rows.delete(id), close: async () => undefined, async *pages() { yield [...rows.values()]; },
    };
    (async () => {
      const runtime = await BoxRuntime.open({ homeDir: base + '/h', base, store });
      const { id, boxHome } = await runtime.provision();
      fs.writeFileSync(boxHome + '/shim.pid', '${shim.pid}\\n${startTime}\\n');
      const error = await runtime.remove(id, { force: true }).catch((error) => error);
      console.log(JSON.stringify({ code: error.code, message: error.message, row: rows.has(id), home: fs.existsSync(boxHome) }));
      await runtime.close();
    })();`;
  const output = run(process.execPath, ['-e', program, base], { uid: UID, gid: UID, cwd: base });
  const { message, ...rest } = JSON.parse(output);
  expect(rest).toEqual({ code: 'ERR_BOX_SOCKETS_BOX_RUNNING', row: true, home: true });
  expect(message).toContain(`process ${shim.pid}: 'sleep 3600'`);
  expect(shim.exitCode).toBeNull();
});
