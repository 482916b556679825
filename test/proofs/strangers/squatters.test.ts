// A stranger was faster: the parent is not ours, or lies where a stranger can swap it. Every operation is refused, and
// nothing is followed, changed, made or deleted on either side.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { promise, rejection, snapshot } from '../../helpers.js';
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

const FOREIGN = 'ERR_BOX_SOCKETS_PARENT_FOREIGN';
const NO_DIRECTORY = 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY';
const UNTRUSTED = 'ERR_BOX_SOCKETS_BASE_UNTRUSTED';

/** Fails unless every operation of the victim gives that code, and changes nothing anywhere. */
function expectRefused(arena: Arena, code: string): void {
  const above = path.dirname(arena.base);
  const before = snapshot(above);
  const outcomes = operations(arena);
  expect(codes(outcomes)).toEqual(allOf(outcomes, code));
  expect(Object.keys(outcomes)).toHaveLength(18);
  expect(snapshot(above)).toEqual(before);
}

const squats: [what: string, code: string, script: (arena: Arena) => string][] = [
  ['a directory', FOREIGN, ({ parent }) => `mkdir -m 700 ${parent}`],
  ['a directory that is open to all', FOREIGN, ({ parent }) => `mkdir ${parent}; chmod 777 ${parent}`],
  [
    "a directory with a binding that leads to the victim's own sockets",
    FOREIGN,
    ({ parent, realDir }) => `mkdir -m 755 ${parent}; ln -s ${realDir} ${parent}/box; touch ${parent}/.lock`,
  ],
  [
    'a directory with a binding that leads to a directory of theirs, a stale one and a half-made one',
    FOREIGN,
    ({ parent, theirs }) =>
      `mkdir -m 777 ${parent}; ln -s ${theirs} ${parent}/box; ln -s /nowhere ${parent}/x; ln -s x ${parent}/.box.new`,
  ],
  ['a file', NO_DIRECTORY, ({ parent }) => `echo theirs >${parent}`],
  ["a link to a directory of the victim's", NO_DIRECTORY, ({ parent, home }) => `ln -s ${home} ${parent}`],
  ['a link to a directory of theirs', NO_DIRECTORY, ({ parent, theirs }) => `ln -s ${theirs} ${parent}`],
  ['a link to a file of theirs', NO_DIRECTORY, ({ parent, theirs }) => `ln -s ${theirs}/file ${parent}`],
  ['a link to nothing', NO_DIRECTORY, ({ parent, theirs }) => `ln -s ${theirs}/missing ${parent}`],
  ['a loop', NO_DIRECTORY, ({ parent }) => `ln -s ${parent} ${parent}`],
  ['a fifo', NO_DIRECTORY, ({ parent }) => `mkfifo ${parent}`],
];

describe.each(VICTIMS)('the parent of uid %i was squatted by a stranger with', (victim) => {
  for (const [what, code, script] of squats) {
    promise(missingStranger, `${what}: every operation is refused, and nothing is touched`, () => {
      const arena = makeArena(victim);
      as(STRANGER, script(arena));
      expectRefused(arena, code);
    });
  }

  promise(missingStranger, "a directory of the victim's own that was moved there: it is ours, so it is used", () => {
    // Whoever can rename a directory of ours has it in his power anyway; the link in it is ours again afterwards.
    const arena = makeArena(victim);
    makeDir(arena.parent, victim, 0o777);
    fs.symlinkSync(arena.theirs, path.join(arena.parent, 'box'));
    fs.lchownSync(path.join(arena.parent, 'box'), STRANGER, STRANGER);
    const before = snapshot(arena.theirs);
    expect(codes(operations(arena, { only: ['ensure'] }))).toEqual({ ensure: 'replaced' });
    expect(fs.readlinkSync(path.join(arena.parent, 'box'))).toBe(arena.realDir);
    expect(fs.statSync(arena.parent).mode & 0o7777).toBe(0o700);
    expect(snapshot(arena.theirs)).toEqual(before);
  });
});

describe.each(VICTIMS)('the base of uid %i is not to be trusted:', (victim) => {
  const bases: [what: string, uid: number, mode: number][] = [
    ['open to all, without the sticky bit', 0, 0o777],
    ['open to a group, without the sticky bit', 0, 0o775],
    ["a stranger's, sticky", STRANGER, 0o1777],
    ["a stranger's, open to nobody else", STRANGER, 0o755],
    ["a stranger's, private", STRANGER, 0o711],
  ];

  for (const [what, uid, mode] of bases) {
    promise(missingStranger, `${what}. Refused, whether the parent is missing or ours and right`, () => {
      const arena = makeArena(victim);
      const spoil = (): void => {
        fs.chownSync(arena.base, uid, uid);
        fs.chmodSync(arena.base, mode);
      };
      spoil();
      expectRefused(arena, UNTRUSTED);

      fs.chownSync(arena.base, 0, 0);
      fs.chmodSync(arena.base, 0o1777);
      expect(codes(operations(arena, { only: ['ensure'] }))).toEqual({ ensure: 'created' });
      spoil();
      expectRefused(arena, UNTRUSTED);
    });
  }

  // The stranger swaps the parent for a directory of its own, a link and nothing, as fast as it can. It says so once it
  // has succeeded that often.
  const swap = ({ parent, theirs }: Arena, successes: number): string => `
    const fs = require('node:fs');
    const [parent, theirs] = ${JSON.stringify([parent, theirs])};
    let swaps = 0;
    const attempt = (call) => { try { call(); swaps++; } catch {} };
    for (let said = false; ; said ||= swaps >= ${successes}) {
      if (!said && swaps >= ${successes}) console.log('swaps');
      attempt(() => fs.renameSync(parent, parent + '.away'));
      attempt(() => fs.symlinkSync(theirs, parent));
      attempt(() => fs.unlinkSync(parent));
      attempt(() => fs.mkdirSync(parent, 0o777));
      attempt(() => fs.symlinkSync(theirs, parent + '/box'));
      attempt(() => fs.unlinkSync(parent + '/box'));
      attempt(() => fs.rmdirSync(parent));
      attempt(() => fs.renameSync(parent + '.away', parent));
    }`;

  promise(
    missingStranger,
    'refused on every one of 900 calls while a stranger swaps the parent in a loop',
    async () => {
      const arena = makeArena(victim);
      operations(arena, { only: ['ensure'] });
      fs.chmodSync(arena.base, 0o777);
      const before = { home: snapshot(arena.home), theirs: snapshot(arena.theirs) };
      const swapper = await startAs(STRANGER, swap(arena, 0));
      const outcomes = operations(arena, { rounds: 50 });
      await swapper.end();
      expect(codes(outcomes)).toEqual(allOf(outcomes, UNTRUSTED));
      expect({ home: snapshot(arena.home), theirs: snapshot(arena.theirs) }).toEqual(before);
    },
  );

  promise(
    missingStranger,
    'a stranger who swaps in a loop within a sticky base can swap nothing of ours: 450 calls, all of them fine',
    async () => {
      const arena = makeArena(victim);
      operations(arena, { only: ['ensure'] });
      const before = snapshot(arena.theirs);
      const swapper = await startAs(STRANGER, swap(arena, 0));
      const outcomes = operations(arena, {
        rounds: 50,
        only: ['ensureSync', 'ensure', 'takeover', 'ensureAll', 'probe', 'hold', 'listen', 'list', 'sweepStale'],
      });
      await swapper.end();
      expect(codes(outcomes)).toEqual({
        ensureSync: 'unchanged',
        ensure: 'unchanged',
        takeover: 'unchanged',
        ensureAll: 'unchanged',
        probe: 'ok',
        hold: 'held',
        listen: 'listened, mode 600',
        list: 1,
        sweepStale: [],
      });
      expect(snapshot(arena.theirs)).toEqual(before);
    },
  );
});

describe('a box that was found right before', () => {
  promise(
    missingStranger,
    'is refused on its next call when its base or its parent is spoilt, and fine again after',
    async () => {
      const arena = makeArena(0);
      const box = new BoxSockets('box', arena.realDir, { base: arena.base });
      expect(box.ensureSync().status).toBe('created');
      const spoilings: [string, () => void, () => void][] = [
        [UNTRUSTED, () => fs.chmodSync(arena.base, 0o777), () => fs.chmodSync(arena.base, 0o1777)],
        [UNTRUSTED, () => fs.chownSync(arena.base, STRANGER, 0), () => fs.chownSync(arena.base, 0, 0)],
        [FOREIGN, () => fs.chownSync(arena.parent, STRANGER, 0), () => fs.chownSync(arena.parent, 0, 0)],
        [
          NO_DIRECTORY,
          () => {
            fs.renameSync(arena.parent, `${arena.parent}.away`);
            fs.symlinkSync(`${arena.parent}.away`, arena.parent);
          },
          () => {
            fs.unlinkSync(arena.parent);
            fs.renameSync(`${arena.parent}.away`, arena.parent);
          },
        ],
      ];
      for (const [code, spoil, mend] of spoilings) {
        expect(box.ensureSync().status).toBe('unchanged');
        spoil();
        expect(() => box.ensureSync()).toThrow(expect.objectContaining({ code }));
        expect(await rejection(box.ensure())).toMatchObject({ code });
        expect(await rejection(box.connect('box.sock'))).toMatchObject({ code });
        expect(await BoxSockets.ensureAll([box])).toMatchObject([{ status: 'failed', error: { code } }]);
        mend();
      }
      expect(box.ensureSync().status).toBe('unchanged');
    },
  );
});
