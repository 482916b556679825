// Names and ids, whatever they are: what is accepted binds, is listed and dialed; what is refused cannot be.

import * as fs from 'node:fs';
import * as net from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { makeWorld } from '../helpers.js';

const REAL = ['.s.PGSQL.5432', '.bp.sock', 'bus', 'X0', 'qmp', 'cm-user@host:22', 'q', '日本 語', 'a\\b', '$(x)', "'"];
const character = fc.constantFrom(...'abzAZ09._-@+:=~ \'"\\$éß日📦/\0\n\x7f\x85'.split(/(?:)/u));
const anyName = fc.oneof(fc.constantFrom(...REAL), fc.string({ unit: character, maxLength: 40 }));
const anyId = fc.string({ unit: fc.constantFrom(...'aZ9_-.@+:=/ é~'), maxLength: 12 });

it('a name that is accepted binds, is listed, dialed and removed; a refused one does nothing', async () => {
  const world = makeWorld();
  const realDir = world.realDir('b');
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(anyName, anyId, async (name, id) => {
      let box: BoxSockets;
      try {
        box = new BoxSockets(id, realDir, { base: world.base, standardNames: false, names: [name] });
      } catch (error) {
        expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
        return;
      }
      accepted++;
      box.ensureSync();
      expect(box.probeSync()).toMatchObject({ ok: true, sockets: [{ name, ok: true }] });
      const server = net.createServer((socket) => socket.end('hello'));
      await box.listen(server, name);
      expect(fs.readdirSync(realDir)).toEqual([name]);
      expect(BoxSockets.listSync({ base: world.base })).toMatchObject([
        { id, state: 'live', sockets: [{ name, held: true }] },
      ]);
      const socket = await box.connect(name);
      socket.setEncoding('utf8');
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      expect(text).toBe('hello');
      await new Promise((resolve) => server.close(resolve));
      await expect.poll(() => fs.readdirSync(realDir)).toEqual([]);
      expect(box.removeSync().status).toBe('removed');
    }),
    { numRuns: 150, examples: REAL.map((name, index) => [name, ['fedora-40.1', 'web@1', 'a'][index % 3] ?? 'a']) },
  );
  expect(accepted).toBeGreaterThan(REAL.length);
  expect(fs.readdirSync(realDir)).toEqual([]);
});

it('a link that a killed ensure left is swept under any id, and what is none is left', () => {
  const world = makeWorld();
  world.box('b').ensureSync();
  const temporary = ['.web@1.new', '.a.new', '.a.new.new', '.fedora-40.1.new'];
  const others = ['..new', '.new', '.@a.new', '.a b.new', `.${'x'.repeat(129)}.new`, '.é.new'];
  for (const name of [...temporary, ...others]) fs.symlinkSync('/nowhere', `${world.parent}/${name}`);
  expect(BoxSockets.sweepStaleSync({ base: world.base }).removed.sort()).toEqual([...temporary].sort());
  expect(fs.readdirSync(world.parent)).toEqual(expect.arrayContaining([...others, 'b']));
});
