// The real cleaners over a base of the test's own, with an age of one second. docs/cleaners.md says what this shows.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { inspectCleaners } from '../../dist/cli/cleaner.js';
import type { HoldOptions } from '../../dist/index.js';
import { leaveDeadSocket, makeWorld, missingTool, promise, run, tempDir, type World } from '../helpers.js';

const missingTmpfiles = missingTool('systemd-tmpfiles');
// Its --help fails.
const missingTmpreaper =
  spawnSync('tmpreaper', ['--help']).error === undefined ? null : 'no tmpreaper (its Debian package brings a cron job)';

/** Until everything that was made is older than the cleaners' age. */
const growOld = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2100));

const linksOf = (world: World): string[] =>
  fs.existsSync(world.parent) ? fs.readdirSync(world.parent).filter((name) => name !== '.lock') : [];

function hold(world: World, id: string, options?: HoldOptions): void {
  const held = world.box(id).holdSync(options);
  onTestFinished(() => held.release());
}

/** `systemd-tmpfiles --clean`, as its timer runs it, with these lines and no others. */
function tmpfilesClean(...lines: string[]): void {
  const file = path.join(tempDir(), 'boxsockets.conf');
  fs.writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  run('systemd-tmpfiles', ['--clean', file]);
}

/** tmpreaper, as Debian's cron job starts it. */
function reap(world: World, ...options: string[]): void {
  run('tmpreaper', ['--mtime-dir', '--symlinks', '1s', '--ctime', ...options, `${world.base}/.`]);
}

describe('systemd-tmpfiles', () => {
  promise(missingTmpfiles, 'takes a binding that nobody holds, and spares a held one and its parent', async () => {
    const [held, idle] = [makeWorld(), makeWorld()];
    for (const world of [held, idle]) for (const id of ['a', 'b']) world.box(id).ensureSync();
    hold(held, 'a');
    await growOld();
    // Rules for the homes keep those out of it.
    tmpfilesClean(...[held, idle].flatMap(({ base }) => [`d ${base} - - - 1s`, `x ${base}/home`]));
    // The lock is the parent's: it keeps the bindings of all boxes of that user.
    expect(linksOf(held)).toEqual(['a', 'b']);
    expect(fs.existsSync(idle.parent)).toBe(false);
    expect(idle.box('a').ensureSync().status).toBe('created');
    expect(held.box('a').ensureSync().status).toBe('unchanged');
  });

  promise(missingTmpfiles, 'takes a binding as soon as its hold is released', async () => {
    const world = makeWorld();
    const held = world.box('a').holdSync();
    await growOld();
    const rules = [`d ${world.base} - - - 1s`, `x ${world.base}/home`];
    tmpfilesClean(...rules);
    expect(linksOf(world)).toEqual(['a']);
    held.release();
    tmpfilesClean(...rules);
    expect(linksOf(world)).toEqual([]);
  });

  promise(missingTmpfiles, 'spares a link that was refreshed, even where it may take the parent', async () => {
    const world = makeWorld();
    for (const id of ['a', 'b']) world.box(id).ensureSync();
    await growOld();
    await growOld();
    fs.lutimesSync(world.binding('a'), new Date(), new Date());
    tmpfilesClean(`d ${world.base} - - - 2s`, `x ${world.base}/home`);
    expect(linksOf(world)).toEqual(['a']);
  });

  promise(missingTmpfiles, 'spares every binding by the line that doctor shows, held or not', async () => {
    const world = makeWorld();
    world.box('a').ensureSync();
    const { tmpfilesLine } = inspectCleaners(world.binding('a'));
    expect(tmpfilesLine).toBe(`x ${world.base}/bl-*`);
    await growOld();
    tmpfilesClean(`d ${world.base} - - - 1s`, `x ${world.base}/home`, tmpfilesLine);
    expect(linksOf(world)).toEqual(['a']);
  });
});

describe('systemd-tmpfiles over an aged home', () => {
  promise(
    missingTmpfiles,
    'takes the sockets of a box that nobody holds, bound or not, and spares held ones',
    async () => {
      const [held, idle] = [makeWorld(), makeWorld()];
      for (const world of [held, idle]) {
        const server = net.createServer();
        await world.box('a').listen(server, 'box.sock');
        onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
        leaveDeadSocket(path.join(world.realDir('a'), 'ready.sock'));
      }
      hold(held, 'a');
      await growOld();
      tmpfilesClean(...[held, idle].map(({ base }) => `d ${base}/home - - - 1s`));
      expect(fs.readdirSync(held.realDir('a')).sort()).toEqual(['box.sock', 'ready.sock']);
      expect(fs.readdirSync(idle.realDir('a'))).toEqual([]);
    },
  );
});

describe('tmpreaper', () => {
  promise(missingTmpreaper, 'ignores the lock of a held parent, and takes what is old', async () => {
    const world = makeWorld();
    hold(world, 'a');
    await growOld();
    reap(world);
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  promise(missingTmpreaper, 'spares a held binding that is refreshed more often than it ages', async () => {
    const world = makeWorld();
    hold(world, 'a', { refreshInterval: 100 });
    world.box('b').ensureSync();
    await growOld();
    reap(world);
    expect(linksOf(world)).toEqual(['a']);
    expect(world.box('b').ensureSync().status).toBe('created');
  });

  promise(missingTmpreaper, 'spares every binding by the pattern that doctor shows', async () => {
    const world = makeWorld();
    world.box('a').ensureSync();
    await growOld();
    reap(world, '--protect', `${world.base}/bl-*`);
    expect(linksOf(world)).toEqual(['a']);
  });

  promise(missingTmpreaper, 'takes no link without --symlinks', async () => {
    const world = makeWorld();
    world.box('a').ensureSync();
    await growOld();
    run('tmpreaper', ['1s', world.base]);
    expect(linksOf(world)).toEqual(['a']);
  });
});
