// A link into a file server that hangs (bindfs, stopped by a signal): whoever looks answers in time, and the boxes beside
// it do not notice.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { json, program } from '../../cli/run.js';
import {
  automountSilently,
  dist,
  makeWorld,
  missingAutomount,
  missingFileServer,
  promise,
  run,
  serveFiles,
  type World,
} from '../../helpers.js';

/** Milliseconds, of which the deadline of a target takes two thousand; the rest is this machine's. */
const SOON = 5_000;

/** A world in which the link of `hung` leads into a server that does not answer any more. */
async function hungWorld(): Promise<World> {
  const world = makeWorld();
  for (const id of ['well', 'gone']) world.box(id).ensureSync();
  const server = await serveFiles(path.join(world.base, 'served'));
  world.box('hung', 'served').ensureSync();
  fs.rmSync(path.join(world.base, 'home/gone'), { recursive: true });
  await server.stop();
  return world;
}

/** Not world.box(), which makes its directory. */
function hungBox({ base }: World): BoxSockets {
  return new BoxSockets('hung', path.join(base, 'served/hung/sockets'), { base });
}

/** Prints what an object's calls gave before the server of its directory hangs, and after. Nobody waits for ever. */
const ENSURES_THEN_HANGS = `
  const [dist, realDir, base, pid] = process.argv.slice(1);
  const { BoxSockets } = require(dist);
  const box = new BoxSockets('b', realDir, { base });
  const refusal = async (call) => { try { return (await call()).status; } catch (error) { return error.code; } };
  (async () => {
    const ensured = [box.ensureSync(), box.ensureSync(), await box.ensure(), box.ensureSync()].map(({ status }) => status);
    const end = require('node:child_process').spawn('sh', ['-c', 'sleep 20; kill -CONT ' + pid], { detached: true });
    process.kill(Number(pid), 'SIGSTOP');
    // The kernel answers from what it remembers for a second.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const refused = [];
    for (const call of [() => box.ensureSync(), () => box.ensure(), () => box.ensureSync({ takeover: true })]) {
      refused.push(await refusal(call));
    }
    process.kill(-end.pid);
    console.log(JSON.stringify({ ensured, refused }));
    process.exit();
  })();`;

async function inTime<T>(ask: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await ask();
  expect(performance.now() - began).toBeLessThan(SOON);
  return answer;
}

describe('with a link into a file server that hangs', () => {
  promise(missingFileServer, 'list says so of that one, and sweep takes what is gone', async () => {
    const { base } = await hungWorld();
    const states = await inTime(() => BoxSockets.list({ base }));
    expect(states.map(({ id, state, code, mountPoint }) => [id, state, code, mountPoint]).sort()).toEqual([
      ['gone', 'dangling', undefined, undefined],
      ['hung', 'unreadable', 'ETIMEDOUT', path.join(base, 'served')],
      ['well', 'idle', undefined, undefined],
    ]);
    const swept = { removed: ['gone'], kept: 1, skipped: [{ name: 'hung', code: 'ETIMEDOUT' }] };
    expect(await inTime(() => BoxSockets.sweepStale({ base }))).toEqual(swept);
  });

  promise(missingFileServer, 'the deadline is the one that was asked for', async () => {
    const { base } = await hungWorld();
    const began = performance.now();
    await BoxSockets.list({ base, timeout: 200 });
    await BoxSockets.sweepStale({ base, timeout: 200, dryRun: true });
    expect(performance.now() - began).toBeLessThan(1_900);
  });

  promise(missingFileServer, 'other boxes are ensured, replaced and removed while a sweep waits for it', async () => {
    const world = await hungWorld();
    const sweep = BoxSockets.sweepStale({ base: world.base });
    await sleep(500);
    const began = performance.now();
    expect(await world.box('new').ensure()).toMatchObject({ status: 'created' });
    expect(await world.box('well', 'elsewhere').ensure()).toMatchObject({ status: 'replaced' });
    expect(await world.box('new').remove()).toMatchObject({ status: 'removed' });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect((await sweep).removed).toEqual(['gone']);
  });

  promise(
    missingFileServer,
    'whatever is asked of that box itself is refused in time, and says what hangs',
    async () => {
      const world = await hungWorld();
      const box = hungBox(world);
      const refused = expect.objectContaining({
        code: 'ETIMEDOUT',
        message: expect.stringContaining(`mounted at '${path.join(world.base, 'served')}'`),
      });
      const calls: (() => unknown)[] = [
        () => box.ensure(),
        () => box.ensure({ takeover: true }),
        () => box.ensureSync(),
        () => box.hold(),
        () => box.holdSync(),
        () => box.listen(net.createServer(), 'box.sock'),
        () => box.claim('box.sock'),
      ];
      for (const call of calls) await inTime(() => expect((async () => call())()).rejects.toEqual(refused));
      const outcomes = await inTime(() => BoxSockets.ensureAll([box, world.box('well')]));
      expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'unchanged']);
      expect(await inTime(() => box.remove())).toMatchObject({ status: 'removed' });
      // Nor is a link made into a directory that does not answer.
      await inTime(() => expect(box.ensure()).rejects.toEqual(refused));
      expect(fs.readdirSync(world.parent)).not.toContain('hung');
    },
  );

  promise(
    missingFileServer,
    'a link that leads there is replaced by a takeover alone, for a box that answers',
    async () => {
      const world = await hungWorld();
      const box = world.box('hung', 'elsewhere');
      const refused = expect.objectContaining({ code: 'ETIMEDOUT', path: box.bindingDir });
      await inTime(() => expect(box.ensure()).rejects.toEqual(refused));
      await inTime(async () => expect(() => box.ensureSync()).toThrow(refused));
      expect(await inTime(() => box.ensure({ takeover: true }))).toMatchObject({ status: 'replaced' });
      expect(await inTime(() => box.ensure())).toMatchObject({ status: 'unchanged' });
    },
  );

  promise(missingFileServer, 'a box that was fine is refused in time when its server hangs later', async () => {
    const world = makeWorld();
    const server = await serveFiles(path.join(world.base, 'served'));
    const { realDir } = world.box('b', 'served');
    // In a process of its own, which can be ended if it waits for ever.
    const output = run(process.execPath, ['-e', ENSURES_THEN_HANGS, dist, realDir, world.base, String(server.pid)]);
    const { ensured, refused } = JSON.parse(output);
    expect(ensured).toEqual(['created', 'unchanged', 'unchanged', 'unchanged']);
    expect(refused).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
  });

  promise(missingFileServer, 'doctor answers, and names the mount point', async () => {
    const world = await hungWorld();
    const home = path.join(world.base, 'boxes-of-home');
    fs.mkdirSync(path.join(home, 'boxes/hung'), { recursive: true });
    fs.symlinkSync(path.join(world.base, 'served/hung/sockets'), path.join(home, 'boxes/hung/sockets'));
    const began = performance.now();
    const result = program(['doctor', '--json', '--home', home, '--base', world.base], { timeout: 20_000 });
    expect(performance.now() - began).toBeLessThan(15_000);
    const { findings } = json(result);
    const silent = findings.find(({ code }: { code: string }) => code === 'sockets-silent');
    expect(silent?.message).toContain(`mounted at ${path.join(world.base, 'served')}`);
    expect(result.status).toBe(1);
  });
});

describe('with a link below autofs, whose automount(8) does not answer', () => {
  promise(
    missingAutomount,
    'nothing waits for it: what is asked of that box is refused, and others are served',
    async () => {
      const world = makeWorld();
      const automounted = path.join(world.base, 'automounted');
      world.box('well').ensureSync();
      await automountSilently(automounted);
      const box = new BoxSockets('hung', path.join(automounted, 'hung/sockets'), { base: world.base });
      fs.symlinkSync(box.realDir, box.bindingDir);
      const outcomes = await inTime(() => BoxSockets.ensureAll([box, world.box('well')]));
      expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'unchanged']);
      const refused = expect.objectContaining({ code: 'ETIMEDOUT' });
      await inTime(() => expect(box.ensure()).rejects.toEqual(refused));
      await inTime(async () => expect(() => box.ensureSync()).toThrow(refused));
      const states = await inTime(() => BoxSockets.list({ base: world.base }));
      expect(states.find(({ id }) => id === 'hung')).toMatchObject({ code: 'ETIMEDOUT', mountPoint: automounted });
      expect(await inTime(() => BoxSockets.sweepStale({ base: world.base }))).toMatchObject({
        removed: [],
        skipped: [{ name: 'hung', code: 'ETIMEDOUT' }],
      });
    },
  );
});
