// A home that some processes do not see: a service with homes of its own, an agent's sandbox over another project. What
// runs there is not taken for gone by whoever looks from in there. With real mount namespaces, by bubblewrap.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { dist, makeWorld, missingTool, promise, run, start, tempDir } from '../../helpers.js';
import { makeHome } from '../../runtime/home.js';

const missing = missingTool('bwrap', ['--dev-bind', '/', '/', '--tmpfs', '/mnt', 'true']);

/** What a program prints that sees an empty directory in the place of `hidden`. */
function whereHidden(hidden: string, program: string): unknown {
  const args = ['--dev-bind', '/', '/', '--tmpfs', hidden, process.execPath, '-e', program];
  return JSON.parse(run('bwrap', args, { cwd: '/' }));
}

const sweeps = (base: string): string => `
  const { BoxSockets } = require(${JSON.stringify(dist)});
  const base = ${JSON.stringify(base)};
  console.log(JSON.stringify({
    dry: BoxSockets.sweepStaleSync({ base, dryRun: true }),
    swept: BoxSockets.sweepStaleSync({ base }),
    states: BoxSockets.listSync({ base }).map(({ id, state }) => [id, state]),
  }));`;

async function serve(box: BoxSockets): Promise<void> {
  const server = net.createServer((socket) => socket.end('alive'));
  await box.listen(server, 'box.sock');
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
}

async function answers(box: BoxSockets): Promise<string> {
  const socket = await box.connect('box.sock');
  let text = '';
  for await (const bytes of socket) text += bytes;
  return text;
}

describe('a listener of another network namespace whose socket file is gone', () => {
  const lacking = missingTool('unshare', ['--net', 'true']);
  promise(lacking, 'keeps its link from a box of the same id, until it ends', async () => {
    const world = makeWorld();
    const [box, other] = [world.box('b'), world.box('b', 'elsewhere')];
    box.ensureSync();
    const listens = 'require("net").createServer().listen(process.argv[1], () => console.log("listens"))';
    const listener = await start('unshare', ['--net', process.execPath, '-e', listens, box.boxSock]);
    fs.unlinkSync(path.join(box.realDir, 'box.sock'));
    const refused = expect.objectContaining({
      code: 'ERR_BOX_SOCKETS_BINDING_IN_USE',
      judgement: 'alive',
      socket: 'box.sock',
      pid: listener.pid,
    });
    expect(() => other.ensureSync()).toThrow(refused);
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    const held = [{ name: 'box.sock', held: true, reason: 'its file is gone' }];
    expect(BoxSockets.listSync({ base: world.base })).toMatchObject([{ state: 'live', sockets: held }]);
    await listener.end();
    expect(BoxSockets.listSync({ base: world.base })).toMatchObject([{ state: 'idle', sockets: [] }]);
    expect(other.ensureSync().status).toBe('replaced');
  });
});

describe('a sweep where a home is hidden', () => {
  promise(missing, 'keeps the link of a box that listens, and takes one of which nothing runs', async () => {
    const world = makeWorld();
    const [live, idle] = [world.box('live', 'other'), world.box('idle', 'other')];
    await serve(live);
    idle.ensureSync();
    const seen = whereHidden(path.join(world.base, 'other'), sweeps(world.base));
    expect(seen).toEqual({
      dry: { removed: ['idle'], kept: 1, skipped: [] },
      swept: { removed: ['idle'], kept: 1, skipped: [] },
      states: [['live', 'dangling']],
    });
    expect(await answers(live)).toBe('alive');
    // It was only hidden: the next ensure has its link back.
    expect(idle.ensureSync().status).toBe('created');
  });

  promise(missing, 'keeps the link of a box whose socket was bound by the path of its home', async () => {
    const world = makeWorld();
    const box = world.box('b', 'other');
    box.ensureSync();
    await start(process.execPath, [
      '-e',
      'require("net").createServer().listen(process.argv[1], () => console.log("listens"))',
      path.join(box.realDir, 'box.sock'),
    ]);
    expect(whereHidden(path.join(world.base, 'other'), sweeps(world.base))).toMatchObject({ swept: { removed: [] } });
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
  });

  promise(missing, 'which BoxRuntime.open begins with, keeps it, too', async () => {
    const [mine, theirs] = [makeHome(), tempDir()];
    await mine.insertRow('mine');
    const box = new BoxSockets('theirs', fs.mkdtempSync(path.join(theirs, 'sockets-')), { base: mine.base });
    await serve(box);
    const seen = whereHidden(
      theirs,
      `const { BoxRuntime } = require(${JSON.stringify(path.join(path.dirname(dist), 'runtime/index.js'))});
      const store = {
        get: async () => undefined, insert: async () => undefined, update: async () => false, delete: async () => false,
        close: async () => undefined, async *pages() {},
      };
      const [homeDir, base] = ${JSON.stringify([mine.homeDir, mine.base])};
      BoxRuntime.open({ homeDir, base, store }).then(async (runtime) => {
        console.log(JSON.stringify(runtime.recovery.swept));
        await runtime.close();
      });`,
    );
    expect(seen).toEqual([]);
    expect(await answers(box)).toBe('alive');
  });
});
