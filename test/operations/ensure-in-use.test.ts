import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  holdSockets,
  listen,
  missingPython,
  promise,
  rejection,
  snapshot,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

describe.each(twins)('ensure ($name) of a box that another home has alive', (twin) => {
  const inUse = (world: World) => ({
    name: 'BoxSocketsError',
    code: 'ERR_BOX_SOCKETS_BINDING_IN_USE',
    path: world.binding('b'),
    dest: world.realDir('b'),
    message: expect.stringMatching(/another box of the same id.*holds a socket.*takeover: true/s),
  });

  it('is refused while a stream listens there, which is not woken; a takeover leaves it listening', async () => {
    const world = usedWorld();
    const theirs = world.box('b', 'theirs');
    theirs.ensureSync();
    const seen = await listen(theirs.boxSock);
    const box = world.box('b');
    const before = snapshot(world.base);
    const alive = { target: theirs.realDir, socket: 'box.sock', judgement: 'alive', pid: process.pid };
    expect(await rejection(twin.ensure(box))).toMatchObject({ ...inUse(world), ...alive });
    expect(snapshot(world.base)).toEqual(before);
    expect(await twin.ensure(box, { takeover: true })).toMatchObject({ status: 'replaced' });
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    expect(seen.connections).toBe(0);
    const client = net.connect(path.join(theirs.realDir, 'box.sock'));
    await new Promise((resolve) => client.once('close', resolve));
    expect(seen.connections).toBe(1);
  });

  describe.each(['stream', 'dgram', 'connected-dgram'] as const)('with a %s socket', (type) => {
    promise(missingPython, 'is refused while another process holds it, and not after its death', async () => {
      const world = usedWorld();
      const theirs = world.box('b', 'theirs');
      theirs.ensureSync();
      const file = path.join(theirs.realDir, 'net.sock');
      const holder = await holdSockets({ path: file, type });
      const box = world.box('b');
      const before = snapshot(world.base);
      expect(await rejection(twin.ensure(box))).toMatchObject(inUse(world));
      expect(snapshot(world.base)).toEqual(before);
      await holder.end();
      expect(fs.lstatSync(file).isSocket()).toBe(true);
      expect(await twin.ensure(box)).toMatchObject({ status: 'replaced' });
    });

    promise(missingPython, 'is no hindrance to the box itself', async () => {
      const world = usedWorld();
      const box = world.box('b');
      await holdSockets({ path: path.join(box.realDir, 'net.sock'), type });
      expect(await twin.ensure(box)).toMatchObject({ status: 'created' });
      expect(await twin.ensure(box)).toMatchObject({ status: 'unchanged' });
    });
  });
});
