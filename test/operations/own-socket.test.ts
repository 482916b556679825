// At close, a server unlinks its own socket file, and no other that has taken its name. Node's own server unlinks by
// path, through a link that may have moved: the first test shows what comes of that.

import * as fs from 'node:fs';
import type * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDescriptors } from '../helpers/descriptors.js';
import { lockExclusively, missingFlock } from '../helpers/flock.js';
import { answerOf, closed, closedBehindOurBack, makeServer } from '../helpers/net.js';
import { makeWorld, missingMount, mount, promise, type World } from '../helpers.js';

const saying = (text: string) => makeServer((socket) => void socket.end(text));
const inodeOf = (file: string): bigint => fs.lstatSync(file, { bigint: true }).ino;

/** Listens as Node does, by path. */
function listenPlainly(server: net.Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(file, resolve);
  });
}

describe('two servers of one name, and the binding moved from the first one to the second one,', () => {
  it("with plain net: closing the first one deletes the second one's live socket", async () => {
    const world = makeWorld();
    const [one, two] = [world.box('b', 'one'), world.box('b', 'two')];
    one.ensureSync();
    const first = saying('first');
    await listenPlainly(first, one.boxSock);
    two.ensureSync({ takeover: true });
    const second = saying('second');
    await listenPlainly(second, two.boxSock);
    expect(await answerOf(two.boxSock)).toBe('second');

    await closed(first);
    expect(second.listening).toBe(true);
    expect(await answerOf(two.boxSock)).toBe('ENOENT');
    // And its own is left behind.
    expect(fs.readdirSync(one.realDir)).toEqual(['box.sock']);
  });

  it('with listen(): each deletes its own socket alone', async () => {
    const world = makeWorld();
    const [one, two] = [world.box('b', 'one'), world.box('b', 'two')];
    const first = saying('first');
    await one.listen(first, 'box.sock');
    const second = saying('second');
    await two.listen(second, 'box.sock', { takeover: true });
    expect(await answerOf(two.boxSock)).toBe('second');

    await closed(first);
    expect(await answerOf(two.boxSock)).toBe('second');
    expect(fs.readdirSync(one.realDir)).toEqual([]);
    await closed(second);
    expect(fs.readdirSync(two.realDir)).toEqual([]);
  });
});

const systems: [name: string, missing: string | null, world: () => World][] = [
  ['the file system of the temporary directory', null, makeWorld],
  [
    'tmpfs',
    missingMount(),
    () => {
      const world = makeWorld();
      // Few inodes, so that their numbers come round soon.
      mount(['-t', 'tmpfs', '-o', 'nr_inodes=64', 'none'], path.join(world.base, 'home'));
      return world;
    },
  ],
];

describe.each(systems)('a socket file that is replaced under its server, on %s,', (_, missing, world) => {
  const replacements: [string, (file: string) => Promise<net.Server | undefined>][] = [
    [
      'by the socket of another server',
      async (file) => {
        fs.unlinkSync(file);
        const server = saying('successor');
        await listenPlainly(server, file);
        return server;
      },
    ],
    [
      'by a rename',
      async (file) => {
        const server = saying('successor');
        await listenPlainly(server, `${file}2`);
        fs.renameSync(`${file}2`, file);
        return server;
      },
    ],
    [
      'by a file',
      async (file) => {
        fs.unlinkSync(file);
        fs.writeFileSync(file, 'precious');
        return undefined;
      },
    ],
    [
      'by a link',
      async (file) => {
        fs.unlinkSync(file);
        fs.symlinkSync('elsewhere', file);
        return undefined;
      },
    ],
  ];

  for (const [name, replace] of replacements) {
    promise(missing, `${name} stays when it closes`, async () => {
      const box = world().box('b');
      const file = path.join(box.realDir, 'box.sock');
      const server = saying('original');
      await box.listen(server, 'box.sock');
      const successor = await replace(file);
      const before = inodeOf(file);
      await closed(server);
      expect(inodeOf(file)).toBe(before);
      if (successor !== undefined) expect(await answerOf(file)).toBe('successor');
    });
  }

  promise(
    missing ?? missingFlock,
    'stays even where the server has closed before, and waits for the lock',
    async () => {
      const made = world();
      const box = made.box('b');
      const file = path.join(box.realDir, 'box.sock');
      const server = saying('original');
      await box.listen(server, 'box.sock');
      const before = openDescriptors('/tmp').length;
      const inode = inodeOf(file);
      const locker = await lockExclusively(path.join(made.parent, '.lock'));
      await closedBehindOurBack(server);
      fs.unlinkSync(file);
      const successor = saying('successor');
      await listenPlainly(successor, file);
      // Where inode numbers are given again at once, as in ext4, only a descriptor of the file prevents it.
      expect(inodeOf(file)).not.toBe(inode);
      await locker.end();
      // The server's descriptor and those of its file and its directory are gone, the successor's has come.
      await expect.poll(() => openDescriptors('/tmp').length).toBe(before - 2);
      expect(await answerOf(file)).toBe('successor');
    },
  );
});
