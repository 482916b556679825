// listen, connect and hold where something runs out: room, inodes, descriptors, or the right to write. (The other
// operations: test/proofs/file-systems.test.ts and test/proofs/descriptors.test.ts.)

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { expectDescriptors, openDescriptors } from '../../helpers/descriptors.js';
import { isLocked, missingFlock } from '../../helpers/flock.js';
import { answerOf, closed, makeServer } from '../../helpers/net.js';
import {
  dist,
  fixtures,
  makeWorld,
  missingMount,
  missingTool,
  mount,
  promise,
  rejection,
  run,
  snapshot,
  type World,
} from '../../helpers.js';

const missing = missingMount();

/** A world whose home is a file system of its own. */
function worldWithHome(options: string): World {
  const world = makeWorld();
  mount(['-t', 'tmpfs', '-o', options, 'none'], path.join(world.base, 'home'));
  return world;
}

/** Makes files until nothing more can be made; returns what undoes it. */
function fill(directory: string): () => void {
  const made: string[] = [];
  let code = '';
  for (let i = 0; code === ''; i++) {
    const file = path.join(directory, `fill${i}`);
    try {
      fs.writeFileSync(file, '');
      made.push(file);
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code ?? '';
    }
  }
  expect(code).toBe('ENOSPC');
  return () => {
    for (const file of made) fs.unlinkSync(file);
  };
}

const saying = (text: string) => makeServer((socket) => void socket.end(text));

describe('out of inodes', () => {
  promise(missing, 'in the home, listen makes no socket, and leaves nothing; where one is free, it works', async () => {
    const world = worldWithHome('nr_inodes=32');
    const box = world.box('b');
    box.ensureSync();
    const before = openDescriptors('/tmp');
    const free = fill(path.join(world.base, 'home'));
    const server = saying('hello');
    expect(await rejection(box.listen(server, 'box.sock'))).toMatchObject({
      code: 'ENOSPC',
      syscall: 'bind',
      path: box.boxSock,
      message: `ENOSPC: no space left on device, bind '${box.boxSock}'`,
    });
    expect(server.listening).toBe(false);
    await expectDescriptors('/tmp', before);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
    free();
    await box.listen(server, 'box.sock');
    expect(await answerOf(box.boxSock)).toBe('hello');
  });

  promise(
    missing,
    'in the base, hold and listen say which call found no room, and a held link stays held',
    async () => {
      const base = path.join(makeWorld().base, 'm');
      mount(['-t', 'tmpfs', '-o', 'mode=755,nr_inodes=32', 'none'], base);
      const world = makeWorld(base);
      const [held, fresh] = [world.box('held'), world.box('fresh')];
      const hold = held.holdSync({ refreshInterval: 10 });
      onTestFinished(() => hold.release());
      const free = fill(base);
      const noRoom = { code: 'ENOSPC', syscall: 'symlinkat', path: fresh.realDir, dest: fresh.bindingDir };
      expect(await rejection(fresh.hold())).toMatchObject(noRoom);
      expect(() => fresh.holdSync()).toThrow(expect.objectContaining(noRoom));
      const noLock = { code: 'ENOSPC', syscall: 'openat', path: path.join(world.parent, '.lock') };
      expect(await rejection(fresh.listen(makeServer(), 'box.sock'))).toMatchObject(noLock);
      expect(await rejection(fresh.connect('box.sock'))).toMatchObject(noRoom);
      expect(held.ensureSync().status).toBe('unchanged');
      free();
      await fresh.listen(makeServer(), 'box.sock');
    },
  );
});

describe('a full disk', () => {
  promise(missing, 'is no hindrance to sockets, links and locks: they need an inode and no block', async () => {
    const world = worldWithHome('size=64k');
    const box = world.box('b');
    const file = fs.openSync(path.join(world.base, 'home', 'fill'), 'w');
    expect(() => {
      for (;;) fs.writeSync(file, Buffer.alloc(4096));
    }).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    fs.closeSync(file);
    const server = saying('hello');
    await box.listen(server, 'box.sock');
    expect(await answerOf(box.boxSock)).toBe('hello');
    await closed(server);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });
});

describe('a read-only remount', () => {
  promise(missing, 'of the home: listen is refused, what listens is still reached', async () => {
    const world = worldWithHome('size=1m');
    const box = world.box('b');
    await box.listen(saying('hello'), 'box.sock');
    run('mount', ['-o', 'remount,ro', path.join(world.base, 'home')]);
    const before = openDescriptors('/tmp');
    expect(await rejection(box.listen(makeServer(), 'ssh.sock'))).toMatchObject({ code: 'EROFS', syscall: 'bind' });
    expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
    await expectDescriptors('/tmp', before);
    for (const verifyPeer of [false, true]) {
      const socket = await box.connect('box.sock', { verifyPeer });
      socket.destroy();
    }
    run('mount', ['-o', 'remount,rw', path.join(world.base, 'home')]);
  });

  promise(
    missing ?? missingFlock,
    'of the base: what is right is held and refreshed in silence, nothing is changed',
    async () => {
      const base = path.join(makeWorld().base, 'm');
      mount(['-t', 'tmpfs', '-o', 'mode=755', 'none'], base);
      const world = makeWorld(base);
      const box = world.box('b');
      const fresh = world.box('fresh');
      box.ensureSync();
      run('mount', ['-o', 'remount,ro', base]);
      const before = snapshot(base);
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => void warnings.push(warning);
      process.on('warning', onWarning);
      const hold = box.holdSync({ refreshInterval: 5 });
      expect(isLocked(world.parent)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 50));
      hold.release();
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
      expect(await rejection(fresh.hold())).toMatchObject({ code: 'EROFS' });
      expect(snapshot(base)).toEqual(before);
    },
  );
});

describe('few descriptors', () => {
  const operations = (world: World, left: number): Record<string, { code?: string; value?: unknown }> => {
    const options = { base: world.base };
    const task = { dist, id: 'b', realDir: world.realDir('b'), options, descriptorsLeft: left };
    const only = ['holdSync', 'hold', 'listen', 'connect', 'connectVerified', 'ensureAll'];
    const program = [process.execPath, path.join(fixtures, 'operations.js'), JSON.stringify({ ...task, only })];
    const { status, stdout, stderr } = spawnSync('prlimit', ['--nofile=64', ...program], { encoding: 'utf8' });
    // It also counts: a descriptor that is missing afterwards fails it.
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return JSON.parse(stdout);
  };

  promise(
    missingTool('prlimit'),
    'are enough for listen, connect and hold, or they say so and leave nothing',
    async () => {
      const seen = new Set<string>();
      for (const steady of [false, true]) {
        for (let left = 0; left <= 8; left++) {
          const world = makeWorld();
          if (steady) world.box('b').ensureSync();
          for (const [name, { code, value }] of Object.entries(operations(world, left))) {
            const answer = code ?? String(value);
            seen.add(`${name} ${answer}`);
            const fine = { connect: 'ENOENT', connectVerified: 'ENOENT', listen: 'listened, mode 600' }[name] ?? '';
            expect(['EMFILE', fine || 'held', fine || 'created', fine || 'unchanged']).toContain(answer);
          }
          expect(fs.readdirSync(world.realDir('b'))).toEqual([]);
          expect(fs.existsSync(world.parent) ? fs.readdirSync(world.parent) : []).not.toContain('.b.new');
          expect(operations(world, 20)).toMatchObject({
            hold: { value: 'held' },
            listen: { value: 'listened, mode 600' },
          });
        }
      }
      // Both were seen of each.
      for (const name of [
        'holdSync held',
        'holdSync EMFILE',
        'hold held',
        'hold EMFILE',
        'listen EMFILE',
        'connect EMFILE',
      ]) {
        expect(seen).toContain(name);
      }
    },
    240_000, // forty hosts, of which a sanitizer takes half a minute
  );

  promise(missingTool('prlimit'), 'are enough for a close: it unlinks by those that its server has', () => {
    const world = makeWorld();
    const box = world.box('b');
    const program = `
      const fs = require('node:fs'), net = require('node:net');
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', ${JSON.stringify(box.realDir)}, { base: ${JSON.stringify(world.base)} });
      const server = net.createServer();
      box.listen(server, 'box.sock').then(() => {
        const opened = [];
        try { for (;;) opened.push(fs.openSync('/dev/null')); } catch {}
        process.once('warning', ({ code, syscall }) => fs.writeSync(1, 'warned: ' + code + ' ' + syscall));
        server.close(() => fs.writeSync(1, 'closed by ' + opened.length));
      });`;
    const { stdout } = spawnSync('prlimit', ['--nofile=64', process.execPath, '-e', program], { encoding: 'utf8' });
    expect(stdout).toMatch(/^closed by [1-9]/);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });
});
