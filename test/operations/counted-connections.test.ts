// BoxLite takes any connection on ready.sock for "ready", and its network backend accepts exactly one. So nothing here
// connects a stream to a socket of a box just to see whether it lives: its listeners count.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { makeServer, type TestServer } from '../helpers/net.js';
import { makeWorld, rejection, twins } from '../helpers.js';

const NAMES = ['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock'];
const cli = path.join(__dirname, '..', '..', 'dist', 'cli', 'main.js');

/** A box that lives: each of its sockets has a listener. */
async function livingBox() {
  const world = makeWorld();
  const homeDir = path.join(world.base, 'home');
  const realDir = path.join(homeDir, 'boxes', 'b', 'sockets');
  fs.mkdirSync(realDir, { recursive: true });
  const box = new BoxSockets('b', realDir, { base: world.base });
  box.ensureSync();
  const listeners: TestServer[] = [];
  for (const name of NAMES) {
    const server = makeServer();
    await new Promise<void>((resolve) => server.listen(box.socket(name), resolve));
    listeners.push(server);
  }
  const count = async (): Promise<number> => {
    // Whatever connected has been accepted by then.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    return listeners.reduce((sum, { accepted }) => sum + accepted.length, 0);
  };
  return { world, homeDir, box, count };
}

describe.each(twins)('the listeners of a living box count no connection ($name)', (twin) => {
  it('from ensure, ensureAll, list, sweepStale, probe, hold, listen and remove', async () => {
    const { world, box, count } = await livingBox();
    const rival = world.box('b', 'other-home');
    const inUse = { code: 'ERR_BOX_SOCKETS_BINDING_IN_USE' };
    expect((await twin.ensure(box)).status).toBe('unchanged');
    expect(await rejection(twin.ensure(rival))).toMatchObject(inUse);
    expect(await BoxSockets.ensureAll([box, rival])).toMatchObject([
      { status: 'unchanged' },
      { status: 'failed', error: inUse },
    ]);
    const [entry] = await twin.list({ base: world.base });
    expect(entry).toMatchObject({ id: 'b', state: 'live' });
    expect(entry?.sockets.filter(({ held }) => held)).toHaveLength(NAMES.length);
    expect(await twin.sweepStale({ base: world.base })).toEqual({ removed: [], kept: 1, skipped: [] });
    expect((await twin.probe(box)).ok).toBe(true);
    (await box.hold()).release();
    for (const name of NAMES) {
      expect(await rejection(box.listen(makeServer(), name, { takeover: true }))).toMatchObject({ code: 'EADDRINUSE' });
      expect(await rejection(rival.listen(makeServer(), name))).toMatchObject(inUse);
      expect(await twin.probeSocketPath(box.socket(name))).toMatchObject({ ok: false, code: 'EADDRINUSE' });
    }
    expect((await twin.remove(rival)).status).toBe('foreign');
    expect((await twin.ensure(rival, { takeover: true })).status).toBe('replaced');
    expect((await twin.remove(box)).status).toBe('foreign');
    expect(await count()).toBe(0);
  });
});

describe('the listeners of a living box count no connection', () => {
  it.each(['doctor --home HOME', 'list', 'sweep', 'sweep --dry-run', 'ensure b REAL', 'remove b REAL'])(
    'from the command %s',
    async (command) => {
      const { world, homeDir, box, count } = await livingBox();
      const args = command.split(' ').map((word) => ({ HOME: homeDir, REAL: box.realDir })[word] ?? word);
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, '--base', world.base], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout).not.toBe('');
      expect(await count()).toBe(0);
    },
  );

  it('and would count one', async () => {
    const { box, count } = await livingBox();
    await new Promise<void>((resolve) => {
      const socket = net.connect(box.readySock, () => {
        socket.destroy();
        resolve();
      });
    });
    expect(await count()).toBe(1);
  });
});
