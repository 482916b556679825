// One home, two hosts: BoxLite itself, of each version that is known, and this package, one after the other in every
// direction. Both in a mount namespace with a /tmp of their own. No VM boots there: BoxLite's shim runs as far as that.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { missingBetterSqlite } from '../helpers/sqlite.js';
import { root, scratch, titled, whyNoTools } from './installed.js';

function whyNot(name: string): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'not Linux on x64';
  if (process.getuid?.() !== 0) return 'not run as root';
  if (process.getBuiltinModule('node:sqlite') === undefined && missingBetterSqlite !== null) return missingBetterSqlite;
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']);
  return status === 0 ? whyNoTools(name) : 'no mount namespaces';
}

/** What test/fixtures/boxlite-two-hosts.cjs saw. */
function runTwoHosts(
  pinned: string,
): Record<string, unknown> & { random: { who: string; what: string; order: object }[] } {
  const output = path.join(scratch(), 'report.json');
  fs.writeFileSync(output, '');
  // The file is reached by its descriptor: the path leads nowhere in there.
  const stdout = fs.openSync(output, 'w');
  const script = path.join(root, 'test/fixtures/boxlite-two-hosts.cjs');
  const hide = 'mount -t tmpfs -o mode=1777 none /tmp';
  // Where this checkout lies under /tmp itself, it is taken along.
  const take = `mount --bind '${root}' /mnt && ${hide} && mkdir -p '${root}' && mount --move /mnt '${root}'`;
  const inside = `${root.startsWith('/tmp/') ? take : hide} && exec "$@"`;
  const command = [process.execPath, script, path.join(root, 'dist'), installPinned(pinned), '7'];
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', inside, 'sh', ...command], {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
    timeout: 290_000,
    env: {
      PATH: process.env.PATH,
      NODE_PATH: process.env.NODE_PATH,
      HOME: '/tmp/user',
      XDG_CACHE_HOME: '/tmp/user/cache',
    },
  });
  fs.closeSync(stdout);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(fs.readFileSync(output, 'utf8'));
}

const IN_ORDER = {
  withoutState: 0,
  statesWithoutRow: 0,
  snapshotsWithoutBox: 0,
  referencesWithoutBox: 0,
  homesWithoutRow: [],
  basesWithoutRow: [],
  unneededBases: 0,
  locksWithoutBox: [],
  linksWithoutBox: [],
};

describe.each([
  { version: '0.9.7', pinned: 'boxlite-0.9.7', schema: 8 },
  { version: '0.10.0', pinned: 'boxlite', schema: 10 },
  { version: '0.10.3', pinned: 'boxlite-0.10.3', schema: 10 },
])('BoxLite $version', ({ pinned, schema }) => {
  const reason = whyNot(pinned);

  test.skipIf(reason !== undefined)(
    titled('and this package have one home in turn, and neither destroys what the other knows', reason),
    () => {
      const { random, start, startMine, hasDisks, ...report } = runTwoHosts(pinned);
      // 0.9.7 wants an image from the network, and makes its disk meanwhile, or comes not so far.
      const noBoot = /VM failed to start|Failed to pull image/;
      expect(start).toMatch(noBoot);
      if (schema === 10) expect(hasDisks).toBe(true);
      const withDisks = {
        cloneHas: ['disks'],
        needed: ['ERR_BOX_SOCKETS_BOX_NEEDED', true],
        removeClone: 'removed',
        afterClone: IN_ORDER,
      };
      // BoxLite starts a box that we have provisioned as far as its own.
      if (hasDisks) expect(startMine).toMatch(noBoot);
      const unknown = 'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN';
      expect(report).toEqual({
        schema,
        seenConfigured: ['unprepared', 'configured'],
        listed: [
          ['configured', 'configured'],
          ['configured', 'configured'],
        ],
        homeKept: true,
        runningHere: ['running', 'running'],
        lockedOut: true,
        runningThere: 'running',
        stop: 'stopped',
        failedLaunch: 'ERR_BOX_SOCKETS_SHIM_EXITED',
        failedHere: ['failed', true],
        failedThere: 'failed',
        theirsFailed: ['failed', true],
        ...(hasDisks === true && withDisks),
        removeMine: 'removed',
        mineIsGone: [false, false],
        removeTheirs: true,
        afterAll: { rows: [], order: IN_ORDER },
        unknown: [unknown, 'read-only', true, unknown, unknown, unknown, true],
      });
      expect(random.length).toBeGreaterThan(10);
      for (const step of random) expect(step).toEqual({ ...step, order: IN_ORDER });
    },
  );
});
