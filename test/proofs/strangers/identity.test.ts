// Who the caller is, and what of its own is open to others: two uids at once, any umask, and somebody who watches.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { closed, makeServer } from '../../helpers/net.js';
import { dist, promise, run, snapshot } from '../../helpers.js';
import {
  allOf,
  codes,
  disclosed,
  makeArena,
  missingStranger,
  operations,
  STRANGER,
  startAs,
  VICTIMS,
} from './arena.js';

const MISMATCH = 'ERR_BOX_SOCKETS_UID_MISMATCH';
/** What changes something, or hands something out. */
const MUTATIONS = [
  'ensureSync',
  'ensure',
  'takeover',
  'ensureAll',
  'holdSync',
  'hold',
  'listen',
  'connect',
  'connectVerified',
  'removeSync',
  'remove',
];

describe('real and effective uid that differ', () => {
  const ways: [string, string[]][] = [
    ['the effective one is root', ['setpriv', '--ruid', `${STRANGER}`]],
    ['the real one is root', ['setpriv', '--euid', `${STRANGER}`]],
  ];
  for (const [what, command] of ways) {
    promise(missingStranger, `are refused by what changes anything: ${what}`, () => {
      const arena = makeArena(0);
      operations(arena, { only: ['ensure'] });
      fs.chmodSync(path.dirname(arena.base), 0o755);
      const before = snapshot(path.dirname(arena.base));
      const outcomes = operations(arena, { command, only: MUTATIONS });
      expect(codes(outcomes)).toEqual(allOf(outcomes, MISMATCH));
      expect(outcomes.ensure).toMatchObject(
        what.startsWith('the effective') ? { owner: STRANGER, expected: 0 } : { owner: 0, expected: STRANGER },
      );
      expect(snapshot(path.dirname(arena.base))).toEqual(before);
    });
  }

  promise(missingStranger, 'are noticed by a box that was found right before they differed', () => {
    const arena = makeArena(0);
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('box', ${JSON.stringify(arena.realDir)}, { base: ${JSON.stringify(arena.base)} });
      const said = [box.ensureSync().status, box.ensureSync().status];
      process.seteuid(${STRANGER});
      try { said.push(box.ensureSync().status); } catch ({ code }) { said.push(code); }
      process.seteuid(0);
      said.push(box.ensureSync().status);
      process.setuid(${STRANGER});
      try { said.push(box.ensureSync().status); } catch ({ code }) { said.push(code); }
      console.log(said.join(' '));`;
    // A process that gives up its uid for good may not even look into the home.
    expect(run(process.execPath, ['-e', program])).toBe(`created unchanged ${MISMATCH} unchanged EACCES\n`);
  });
});

describe.each(VICTIMS)('uid %i', (victim) => {
  for (const umask of [0, 0o022, 0o277, 0o777]) {
    const name = umask.toString(8).padStart(4, '0');
    promise(missingStranger, `works with umask ${name}, and nothing that it makes is open to others`, () => {
      const arena = makeArena(victim);
      expect(codes(operations(arena, { umask }))).toMatchObject({
        ensureSync: 'created',
        takeover: 'unchanged',
        probe: 'ok',
        hold: 'held',
        listen: 'listened, mode 600',
        sweepStale: [],
        remove: 'absent',
      });
      expect(disclosed(arena.base)).toEqual([]);
      expect(fs.statSync(arena.parent).mode & 0o7777).toBe(0o700);
      expect(fs.statSync(path.join(arena.parent, '.lock')).mode & 0o077).toBe(0);
      expect(fs.readdirSync(arena.realDir)).toEqual([]);
    });
  }

  promise(missingStranger, 'closes a parent that was open, whatever was opened', () => {
    for (const mode of [0o755, 0o777, 0o1777, 0o2770, 0o4700, 0o500, 0o070, 0]) {
      const arena = makeArena(victim);
      operations(arena, { only: ['ensure'] });
      fs.chmodSync(arena.parent, mode);
      operations(arena, { only: ['ensureSync'] });
      expect([mode, fs.statSync(arena.parent).mode & 0o7777]).toEqual([mode, 0o700]);
    }
  });
});

describe('somebody who watches', () => {
  promise(
    missingStranger,
    'never gets into a socket, nor sees one open, not even between its bind and anything later: 500 of them',
    async () => {
      const arena = makeArena(0);
      // The way to the socket is open to all: only its own mode keeps them out. And the umask takes nothing away.
      fs.chmodSync(arena.home, 0o755);
      fs.chmodSync(arena.realDir, 0o755);
      const file = path.join(arena.realDir, 'box.sock');
      const counts = path.join(arena.theirs, 'counts');
      const watcher = await startAs(
        STRANGER,
        `const net = require('node:net'), fs = require('node:fs');
       const counts = {};
       const dial = () => {
         const again = (what) => { counts[what] = (counts[what] ?? 0) + 1; setImmediate(dial); };
         const socket = net.connect(process.argv[1], () => { socket.destroy(); again('connected'); });
         socket.once('error', ({ code }) => again(code));
       };
       const look = () => {
         for (let i = 0; i < 100; i++) {
           const stat = fs.lstatSync(process.argv[1], { throwIfNoEntry: false });
           if (stat !== undefined) counts[stat.mode & 0o077 ? 'open' : 'shut'] = true;
         }
         setImmediate(look);
       };
       look();
       for (let i = 0; i < 4; i++) dial();
       setInterval(() => {
         fs.writeFileSync(process.argv[2] + '.new', JSON.stringify(counts));
         fs.renameSync(process.argv[2] + '.new', process.argv[2]);
       }, 20);
       console.log('watches');`,
        [file, counts],
      );
      const box = new BoxSockets('box', arena.realDir, { base: arena.base });
      const umask = process.umask(0);
      try {
        for (let i = 0; i < 500; i++) {
          const server = makeServer();
          await box.listen(server, 'box.sock');
          await closed(server);
          expect(server.accepted).toEqual([]);
        }
        const server = makeServer();
        await box.listen(server, 'box.sock');
        // It was there, and tried.
        await expect.poll(() => JSON.parse(fs.readFileSync(counts, 'utf8') || '{}').EACCES ?? 0).toBeGreaterThan(100);
        await closed(server);
      } finally {
        process.umask(umask);
        await watcher.end();
      }
      const { connected, ENOENT, open, shut } = JSON.parse(fs.readFileSync(counts, 'utf8'));
      expect(ENOENT).toBeGreaterThan(0);
      expect({ connected, open, shut }).toEqual({ connected: undefined, open: undefined, shut: true });
    },
  );
});
