// The parent is ours and was once open to all: a stranger has planted things in it. It is closed again, what is not a
// link is left as it is, links are replaced without following them, and nothing ever blocks.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { promise, snapshot } from '../../helpers.js';
import {
  type Arena,
  allOf,
  as,
  codes,
  makeArena,
  makeDir,
  missingStranger,
  operations,
  STRANGER,
  startAs,
  VICTIMS,
} from './arena.js';

const LOCK = 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED';

/** An arena whose parent was open when the stranger came by. */
function makeOpenArena(victim: number, script: (arena: Arena) => string): Arena {
  const arena = makeArena(victim);
  makeDir(arena.parent, victim, 0o777);
  as(STRANGER, script(arena));
  return arena;
}

/** A link that leads nowhere: to replace it takes the lock, as to make one does not. */
function staleLink({ parent }: Arena): void {
  fs.symlinkSync('/nonexistent', path.join(parent, 'box'));
}

const mutations = [
  'ensure',
  'takeover',
  'ensureAll',
  'holdSync',
  'listen',
  'connect',
  'sweepStale',
  'removeSync',
  'remove',
];

describe.each(VICTIMS)('in the place of the lock of uid %i', (victim) => {
  const locks: [what: string, plant: (arena: Arena) => string][] = [
    ['a file of theirs', ({ parent }) => `echo theirs >${parent}/.lock`],
    ['a file of theirs that is open to all', ({ parent }) => `touch ${parent}/.lock; chmod 666 ${parent}/.lock`],
    ['a fifo, which never blocks', ({ parent }) => `mkfifo -m 666 ${parent}/.lock`],
    ['a directory', ({ parent }) => `mkdir -m 777 ${parent}/.lock`],
    ["a link to a file of the victim's", ({ parent, home }) => `ln -s ${home}/secret ${parent}/.lock`],
    ['a link to a file of theirs', ({ parent, theirs }) => `ln -s ${theirs}/file ${parent}/.lock`],
    ['a link to a file that is missing', ({ parent, theirs }) => `ln -s ${theirs}/new ${parent}/.lock`],
    ['a link to a terminal', ({ parent }) => `ln -s /dev/tty ${parent}/.lock`],
    ['a hard link to a file of theirs', ({ parent, theirs }) => `ln ${theirs}/file ${parent}/.lock`],
    [
      'a socket that they listen on',
      ({ parent }) => `python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("${parent}/.lock")'`,
    ],
  ];

  for (const [what, plant] of locks) {
    promise(missingStranger, `${what}: refused, and left as it is`, () => {
      const arena = makeOpenArena(victim, plant);
      staleLink(arena);
      const sides = [arena.home, arena.theirs, path.join(arena.parent, '.lock'), path.join(arena.parent, 'box')];
      const before = sides.map(snapshot);
      const outcomes = operations(arena, { only: mutations });
      expect(codes(outcomes)).toEqual(allOf(outcomes, LOCK));
      expect(sides.map(snapshot)).toEqual(before);
      expect(fs.readdirSync(arena.parent).sort()).toEqual(['.lock', 'box']);
      // Closed all the same: nothing more will be planted.
      expect(fs.statSync(arena.parent).mode & 0o7777).toBe(0o700);
    });
  }

  promise(missingStranger, "a hard link to a file of the victim's: refused, and not even its mode is touched", () => {
    for (const mode of [0o600, 0o400, 0]) {
      const arena = makeOpenArena(victim, () => 'true');
      // A kernel with protected_hardlinks does not let the stranger make it.
      const secret = path.join(arena.home, 'secret');
      fs.chmodSync(secret, mode);
      fs.linkSync(secret, path.join(arena.parent, '.lock'));
      staleLink(arena);
      const before = snapshot(arena.home);
      const outcomes = operations(arena, { only: mutations });
      expect(codes(outcomes)).toEqual(allOf(outcomes, LOCK));
      expect(snapshot(arena.home)).toEqual(before);
    }
  });

  promise(
    missingStranger,
    'nothing, and a stranger who had the open parent open: it gets nowhere from there',
    async () => {
      const arena = makeOpenArena(victim, () => 'true');
      // It has the directory itself as its working directory and as a descriptor, from before.
      const program = `
      const fs = require('node:fs');
      process.chdir(${JSON.stringify(arena.parent)});
      const tries = [
        () => fs.writeFileSync('.lock', ''), () => fs.symlinkSync('x', 'box2'), () => fs.unlinkSync('box'),
        () => fs.readlinkSync('box'), () => fs.readFileSync('.lock'), () => fs.renameSync('box', 'away'),
        () => fs.writeFileSync('/proc/self/cwd/planted', ''),
      ];
      console.log('waits');
      process.stdin.once('data', () => {
        const codes = tries.map((attempt) => { try { attempt(); return 'done'; } catch ({ code }) { return code; } });
        fs.writeFileSync(process.argv[1], JSON.stringify(codes));
        process.exit();
      });`;
      const answer = path.join(arena.theirs, 'answer');
      const { spawn } = await import('node:child_process');
      const stranger = spawn(process.execPath, ['-e', program, answer], { uid: STRANGER, gid: STRANGER, cwd: '/' });
      await new Promise((resolve) => stranger.stdout.once('data', resolve));
      expect(codes(operations(arena, { only: ['ensure'] }))).toEqual({ ensure: 'created' });
      const ended = new Promise((resolve) => stranger.once('close', resolve));
      stranger.stdin.write('go\n');
      await ended;
      expect(JSON.parse(fs.readFileSync(answer, 'utf8'))).toEqual(Array(7).fill('EACCES'));
      expect(fs.readdirSync(arena.parent)).toEqual(['box']);
    },
  );
});

describe.each(VICTIMS)('in the place of the binding of uid %i', (victim) => {
  promise(missingStranger, 'a link to a directory of theirs is replaced, and nothing in there is touched', () => {
    const arena = makeOpenArena(victim, ({ parent, theirs }) => `ln -s ${theirs} ${parent}/box`);
    const before = snapshot(arena.theirs);
    expect(codes(operations(arena, { only: ['probe', 'removeSync', 'list', 'sweepStale', 'ensure'] }))).toEqual({
      ensure: 'replaced',
      probe: 'ok',
      list: 1,
      sweepStale: [],
      removeSync: 'removed',
    });
    expect(snapshot(arena.theirs)).toEqual(before);
  });

  promise(
    missingStranger,
    'a link to a directory in which they listen holds it until a takeover; no connection is made',
    async () => {
      const arena = makeOpenArena(victim, ({ parent, theirs }) => `ln -s ${theirs} ${parent}/box`);
      const file = path.join(arena.theirs, 'ready.sock');
      const program = `
      const server = require('node:net').createServer(() => require('node:fs').writeFileSync(process.argv[1] + '.connected', ''));
      server.listen(process.argv[1], () => console.log('listens'));`;
      const stranger = await startAs(STRANGER, program, [file]);
      const before = snapshot(arena.theirs);
      const inUse = 'ERR_BOX_SOCKETS_BINDING_IN_USE';
      expect(codes(operations(arena, { only: ['ensure', 'probe', 'listen', 'connect', 'removeSync'] }))).toEqual({
        ensure: inUse,
        probe: 'ERR_BOX_SOCKETS_MISPLACED',
        listen: inUse,
        connect: inUse,
        removeSync: 'foreign',
      });
      expect(codes(operations(arena, { only: ['takeover', 'probe', 'listen'] }))).toEqual({
        takeover: 'replaced',
        probe: 'ok',
        listen: 'listened, mode 600',
      });
      expect(snapshot(arena.theirs)).toEqual(before);
      await stranger.end();
    },
  );

  promise(missingStranger, 'whatever is no link stays as it is', () => {
    for (const plant of ['echo theirs >$1/box', 'mkdir -m 777 $1/box; touch $1/box/file', 'mkfifo $1/box']) {
      const arena = makeOpenArena(victim, ({ parent }) => `set -- ${parent}; ${plant}`);
      const binding = path.join(arena.parent, 'box');
      const before = snapshot(binding);
      const refused = 'ERR_BOX_SOCKETS_NOT_A_SYMLINK';
      expect(
        codes(operations(arena, { only: ['ensure', 'takeover', 'removeSync', 'sweepStale', 'listen', 'hold'] })),
      ).toEqual({
        ensure: refused,
        takeover: refused,
        hold: refused,
        listen: refused,
        sweepStale: [],
        removeSync: 'foreign',
      });
      expect(snapshot(binding)).toEqual(before);
    }
  });

  promise(missingStranger, 'of the fresh link that replaces it: a link is taken away, anything else refused', () => {
    const plants: [string, string, string][] = [
      ['ln -s $2 $1/.box.new', 'replaced', 'a link to a directory of theirs'],
      ['ln -s $1/.box.new $1/.box.new', 'replaced', 'a loop'],
      ['echo theirs >$1/.box.new', 'ERR_BOX_SOCKETS_NOT_A_SYMLINK', 'a file'],
      ['mkdir -m 777 $1/.box.new; touch $1/.box.new/file', 'ERR_BOX_SOCKETS_NOT_A_SYMLINK', 'a directory'],
    ];
    for (const [plant, answer, what] of plants) {
      const arena = makeOpenArena(
        victim,
        ({ parent, theirs }) => `set -- ${parent} ${theirs}; ln -s sub $1/box; ${plant}`,
      );
      const before = snapshot(arena.theirs);
      expect([what, codes(operations(arena, { only: ['takeover'] }))]).toEqual([what, { takeover: answer }]);
      expect(snapshot(arena.theirs)).toEqual(before);
      const left = fs.readdirSync(arena.parent).includes('.box.new');
      expect(left).toBe(answer !== 'replaced');
    }
  });
});

describe('hostile names in a parent', () => {
  const NAMES = [
    Buffer.from('two\nlines'),
    Buffer.from('\x1b[31mred\x1b]0;title\x07'),
    Buffer.from('-rf'),
    Buffer.from(' '),
    Buffer.from('"\'`$(reboot)'),
    Buffer.from('n'.repeat(255)),
    Buffer.from([0xff, 0xfe, 0x80]),
    Buffer.from('a\u202eb'),
    Buffer.from('...'),
  ];

  // Control characters other than the line's end, and overrides of direction.
  const isDangerous = (char: string): boolean => (char < ' ' && char !== '\n') || ['\x7f', '\u202e'].includes(char);

  const plantNames = (): Arena => {
    const arena = makeArena(0);
    makeDir(arena.parent, 0, 0o700);
    for (const name of NAMES) {
      fs.symlinkSync('/nowhere', Buffer.concat([Buffer.from(`${arena.parent}/`), name]));
    }
    return arena;
  };

  promise(missingStranger, 'are listed and swept, and nothing else is', () => {
    const arena = plantNames();
    expect(operations(arena, { only: ['ensure'] })).toEqual({ ensure: { value: 'created' } });
    // A name that begins with a dot is listed by nobody.
    expect(BoxSockets.listSync({ base: arena.base })).toHaveLength(NAMES.length);
    const { removed, kept, skipped } = BoxSockets.sweepStaleSync({ base: arena.base });
    expect({ count: removed.length, kept, skipped }).toEqual({ count: NAMES.length - 1, kept: 1, skipped: [] });
    expect(removed).toContain('two\nlines');
    expect(fs.readdirSync(arena.parent).sort()).toEqual(['...', '.lock', 'box']);
  });

  promise(missingStranger, 'reach no terminal as they are: the command line shows them escaped', () => {
    const arena = plantNames();
    const cli = path.join(__dirname, '..', '..', '..', 'dist', 'cli', 'main.js');
    for (const command of [['list'], ['sweep', '--dry-run'], ['doctor'], ['sweep'], ['list']]) {
      let output: Buffer;
      try {
        output = execFileSync(process.execPath, [cli, ...command, '--base', arena.base], { stdio: 'pipe' });
      } catch (error) {
        output = (error as { stdout: Buffer }).stdout; // findings
      }
      expect([...output.toString('utf8')].filter(isDangerous)).toEqual([]);
    }
  });
});
