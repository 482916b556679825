// User namespaces: the uid that names the parent is the host's, ownership is checked against the caller, and users who
// are not mapped all look alike, so that looking is not enough.

import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { dist, promise, run, snapshot } from '../../helpers.js';
import {
  type Arena,
  allOf,
  as,
  codes,
  disclosed,
  makeArena,
  makeDir,
  missingStranger,
  operations,
  STRANGER,
  startAs,
} from './arena.js';

const VICTIM = 4321;
const FOREIGN = 'ERR_BOX_SOCKETS_PARENT_FOREIGN';
const UNTRUSTED = 'ERR_BOX_SOCKETS_BASE_UNTRUSTED';

const become = (uid: number): string[] => ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];

/** How the victim gets into a namespace, and as whom it sees itself there. */
const namespaces: [name: string, enter: (uid: number) => string[], inside: (uid: number) => number][] = [
  ['unshare -U, where nobody is mapped', () => ['unshare', '-U'], () => 65534],
  ['unshare -r, as root, who is the user itself', () => ['unshare', '-U', '-r'], () => 0],
  ['unshare -U as itself, where root is not mapped', (uid) => ['unshare', '-U', `--map-user=${uid}`], (uid) => uid],
  ['unshare -r within unshare -r', () => ['unshare', '-U', '-r', 'unshare', '-U', '-r'], () => 0],
  ['unshare -U within unshare -r', () => ['unshare', '-U', '-r', 'unshare', '-U'], () => 65534],
];

/** Null where that user can enter namespaces here. */
const missing =
  missingStranger ??
  (spawnSync('setpriv', [...become(VICTIM).slice(1), 'unshare', '-U', '-r', 'true']).status === 0
    ? null
    : 'no user namespaces for that user');

const FINE = {
  ensureSync: 'created',
  ensure: 'unchanged',
  takeover: 'unchanged',
  ensureAll: 'unchanged',
  probeSync: 'ok',
  probe: 'ok',
  holdSync: 'held',
  hold: 'held',
  listen: 'listened, mode 600',
  connect: 'ENOENT',
  connectVerified: 'ENOENT',
  listSync: 1,
  list: 1,
  sweepDry: [],
  sweepStaleSync: [],
  sweepStale: [],
  removeSync: 'removed',
  remove: 'absent',
};

describe.each(namespaces)('in %s,', (_, enter, inside) => {
  const within = (arena: Arena, only?: readonly string[]) =>
    operations(arena, {
      command: [...become(arena.victim), ...enter(arena.victim)],
      ...(only !== undefined && { only }),
    });

  for (const victim of [VICTIM, 0]) {
    promise(
      missing,
      `every operation of uid ${victim} works under a base of root, and all that it makes is its own`,
      () => {
        const arena = makeArena(victim);
        expect(codes(within(arena))).toEqual(FINE);
        within(arena, ['ensure']);
        expect(fs.statSync(arena.parent)).toMatchObject({ uid: victim, mode: 0o40700 });
        expect(disclosed(arena.base)).toEqual([]);
        // The host sees the same binding as its own.
        expect(codes(operations(arena, { only: ['ensureSync', 'removeSync'] }))).toEqual({
          ensureSync: 'unchanged',
          removeSync: 'removed',
        });
      },
    );
  }

  promise(missing, "another user's parent is refused, whether or not it looks like ours", () => {
    for (const owner of [STRANGER, 0]) {
      const arena = makeArena(VICTIM);
      makeDir(arena.parent, owner, 0o777);
      fs.symlinkSync(arena.realDir, path.join(arena.parent, 'box'));
      const before = snapshot(path.dirname(arena.base));
      const outcomes = within(arena);
      expect(codes(outcomes)).toEqual(allOf(outcomes, FOREIGN));
      expect(snapshot(path.dirname(arena.base))).toEqual(before);
      const { owner: seen, expected, message } = outcomes.ensure ?? {};
      expect({ seen, expected }).toEqual({ seen: 65534, expected: inside(VICTIM) });
      expect(message).toContain(
        expected === 65534
          ? 'another user who is not mapped in this user namespace, as this process is not: both show as uid 65534'
          : `belongs to uid 65534, and must belong to uid ${expected}`,
      );
    }
  });

  promise(missing, "another user's base is refused, unless it is sticky and could be root's", () => {
    const arena = makeArena(VICTIM);
    for (const mode of [0o755, 0o711]) {
      fs.chownSync(arena.base, STRANGER, STRANGER);
      fs.chmodSync(arena.base, mode);
      const before = snapshot(path.dirname(arena.base));
      const outcomes = within(arena);
      expect(codes(outcomes)).toEqual(allOf(outcomes, UNTRUSTED));
      expect(snapshot(path.dirname(arena.base))).toEqual(before);
    }
  });

  promise(missing, 'a base of its own is trusted, sticky or not', () => {
    for (const mode of [0o700, 0o755, 0o1777]) {
      const arena = makeArena(VICTIM);
      fs.chownSync(arena.base, VICTIM, VICTIM);
      fs.chmodSync(arena.base, mode);
      expect(codes(within(arena, ['ensure']))).toEqual({ ensure: 'created' });
    }
  });

  promise(
    missing,
    'verifyPeer refuses a listener of another user, and one that cannot be told from others',
    async () => {
      const arena = makeArena(VICTIM);
      within(arena, ['ensure']);
      fs.chmodSync(arena.home, 0o755);
      fs.chmodSync(arena.realDir, 0o777);
      const listener = `
      const fs = require('node:fs');
      require('node:net').createServer((socket) => socket.on('data', () => fs.writeFileSync(process.argv[2], 'data')).on('error', () => {}))
        .listen(process.argv[1], () => { fs.chmodSync(process.argv[1], 0o777); console.log('listens'); });`;
      const file = path.join(arena.realDir, 'box.sock');
      const told = path.join(arena.theirs, 'told');
      const stranger = await startAs(STRANGER, listener, [file, told]);
      expect(codes(within(arena, ['connect', 'connectVerified']))).toEqual({
        connect: 'connected',
        connectVerified: 'ERR_BOX_SOCKETS_PEER',
      });
      await stranger.end();
      expect(fs.existsSync(told)).toBe(false);
      fs.unlinkSync(file);

      const own = await startAs(VICTIM, listener, [file, told]);
      const { connectVerified } = within(arena, ['connectVerified']);
      if (inside(VICTIM) === 65534) {
        expect(connectVerified).toMatchObject({ code: 'ERR_BOX_SOCKETS_PEER', owner: 65534, expected: 65534 });
        expect(connectVerified?.message).toContain('It cannot be told whose process listens');
      } else {
        expect(connectVerified).toEqual({ value: 'connected' });
      }
      await own.end();
    },
  );
});

describe('nobody, who is mapped, is like any other user:', () => {
  promise(missing, 'verifyPeer reaches its own listener, and refuses another', async () => {
    const arena = makeArena(65534);
    operations(arena, { only: ['ensure'] });
    fs.chmodSync(arena.home, 0o755);
    fs.chmodSync(arena.realDir, 0o777);
    const listener = `require('node:net').createServer().listen(process.argv[1], () => {
      require('node:fs').chmodSync(process.argv[1], 0o777); console.log('listens'); })`;
    const file = path.join(arena.realDir, 'box.sock');
    const own = await startAs(65534, listener, [file]);
    expect(codes(operations(arena, { only: ['connectVerified'] }))).toEqual({ connectVerified: 'connected' });
    await own.end();
    fs.unlinkSync(file);
    const stranger = await startAs(STRANGER, listener, [file]);
    expect(operations(arena, { only: ['connectVerified'] }).connectVerified).toMatchObject({
      code: 'ERR_BOX_SOCKETS_PEER',
      owner: STRANGER,
      expected: 65534,
    });
    await stranger.end();
  });

  promise(missing, 'it cannot make a parent that was squatted its own', () => {
    const arena = makeArena(65534);
    as(STRANGER, `mkdir -m 777 ${arena.parent}`);
    const outcomes = operations(arena);
    expect(codes(outcomes)).toEqual(allOf(outcomes, FOREIGN));
    expect(outcomes.ensure?.message).toContain(`belongs to uid ${STRANGER}, and must belong to uid 65534`);
  });
});

describe('the parent, where no uid is passed,', () => {
  /** The name of the parent, or the error, of a user who enters like that. */
  function parentOf(uid: number, enter: string[]): string {
    const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      try { console.log(new BoxSockets('b', '/', { base: '/base' }).parentDir); }
      catch (error) { console.log(error.code + ' ' + error.message); }`;
    const [command = '', ...args] = [...become(uid), ...enter, process.execPath, '-e', program];
    return run(command, args, { cwd: '/' }).trim();
  }

  promise(missing, 'is that of the user outside, whatever a namespace calls it', () => {
    expect(parentOf(VICTIM, [])).toBe(`/base/bl-${VICTIM}`);
    expect(parentOf(VICTIM, ['unshare', '-U', '-r'])).toBe(`/base/bl-${VICTIM}`);
    expect(parentOf(VICTIM, ['unshare', '-U', `--map-user=${VICTIM}`])).toBe(`/base/bl-${VICTIM}`);
    expect(parentOf(0, ['unshare', '-U', '-r'])).toBe('/base/bl-0');
  });

  promise(missing, 'is asked for where that cannot be told, and never is the one of root', () => {
    for (const enter of [
      ['unshare', '-U'],
      ['unshare', '-U', '-r', 'unshare', '-U', '-r'],
      ['unshare', '-U', '-r', 'unshare', '-U'],
    ]) {
      expect(parentOf(VICTIM, enter)).toMatch(/^ERR_BOX_SOCKETS_UID_UNKNOWN .*\{ uid \}.*--uid.*id -u/);
    }
  });

  promise(
    missing,
    'is that of a mapped range, as of a rootless container, and its root takes nothing from root',
    async () => {
      const arena = makeArena(0);
      const program = `
      const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', process.argv[1], { base: process.argv[2] });
      console.log(process.getuid() + ' ' + box.ensureSync().bindingDir);`;
      const realDir = makeDir(path.join(arena.base, 'home-in-container'), 300_000, 0o700);
      const go = path.join(arena.base, 'go');
      // It becomes its own root when it is mapped, which root alone can do for a range.
      const script = 'until [ -e "$1" ]; do sleep 0.01; done; exec "$2" -e "$3" "$4" "$5"';
      const inside = ['sh', '-c', script, 'sh', go, process.execPath, program, realDir, arena.base];
      const [command = '', ...args] = [...become(300_000), 'unshare', '-U', ...inside];
      const container = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
      while (fs.readlinkSync(`/proc/${container.pid}/ns/user`) === fs.readlinkSync('/proc/self/ns/user'))
        await sleep(5);
      for (const map of ['uid_map', 'gid_map']) fs.writeFileSync(`/proc/${container.pid}/${map}`, '0 300000 65536');
      fs.writeFileSync(go, '');
      let said = '';
      for await (const bytes of container.stdout) said += bytes;
      expect(said).toBe(`0 ${arena.base}/bl-300000/b\n`);
      expect(fs.statSync(`${arena.base}/bl-300000`).uid).toBe(300_000);
      expect(fs.existsSync(`${arena.base}/bl-0`)).toBe(false);
    },
  );
});
