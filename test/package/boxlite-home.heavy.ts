// One home, two hosts: BoxLite itself, of each version that is known, and this package, one after the other in every
// direction, and at once. No VM boots there: BoxLite's shim runs as far as that. 0.9.7 wants an image from the network
// before, so that its boxes have no disks where there is none.

import { describe, expect, test } from 'vitest';

import { missingBetterSqlite } from '../helpers/sqlite.js';
import { titled } from './installed.js';
import { runBesideBoxLite, whyNoBoxLite } from './own-tmp.js';

function whyNot(pinned: string): string | undefined {
  if (process.getBuiltinModule('node:sqlite') === undefined && missingBetterSqlite !== null) return missingBetterSqlite;
  return whyNoBoxLite(pinned);
}

interface Step {
  who: string;
  what: string;
  outcome: string;
  disorder: object;
}

interface Sequences {
  /** Of a home that both hosts had. */
  played: Step[];
  /** What became of the same steps in a home that BoxLite had for itself. */
  outcomes: string[];
  mixed: object;
  control: object;
  /** With clones of clones, which BoxLite alone forgets. */
  further: Step[];
}

const SEED = '4';
const STEPS = '30';

describe.each([
  { version: '0.9.7', pinned: 'boxlite-0.9.7', schema: 8 },
  { version: '0.10.0', pinned: 'boxlite', schema: 10 },
  { version: '0.10.3', pinned: 'boxlite-0.10.3', schema: 10 },
])('BoxLite $version', ({ pinned, schema }) => {
  const reason = whyNot(pinned);

  test.skipIf(reason !== undefined)(
    titled('and this package have one home in turn, and neither destroys what the other knows', reason),
    () => {
      const { start, hasDisks, ...report } = runBesideBoxLite<Record<string, unknown>>('boxlite-two-hosts.cjs', pinned);
      expect(start).toMatch(/VM failed to start|Failed to pull image/);
      if (schema === 10) expect(hasDisks).toBe(true);
      const [real, other] = ['/tmp/user/boxlite/boxes/ID/sockets', '/tmp/other/boxlite/boxes/ID/sockets'];
      const withDisks = {
        lockedOut: ['ERR_BOX_SOCKETS_HOME_LOCKED', true],
        // The box's disk, its image, and that of the guest's system.
        policy: { disks: 3, uncovered: [] },
        startedMine: true,
        diagnosed: ['live', []],
        theirsRuns: ['running', true],
        removeRunning: 'ERR_BOX_SOCKETS_BOX_RUNNING',
        stopTheirs: 'stopped',
        shimEnded: true,
        stoppedThere: 'stopped',
        // Its own spelling is right for us; ours it replaces at its next start.
        spellings: [real, 'unchanged', real, other, 'stopped', real, 'unchanged', real, 'stopped'],
        cloneHas: ['disks'],
        needed: ['ERR_BOX_SOCKETS_BOX_NEEDED', true],
        removeClone: 'removed',
        afterClone: {},
      };
      const unknown = 'ERR_BOX_SOCKETS_SCHEMA_UNKNOWN';
      expect(report).toEqual({
        schema,
        seenConfigured: ['unprepared', 'configured', null],
        listed: [
          ['configured', 'configured'],
          ['configured', 'configured'],
        ],
        homeKept: true,
        runningHere: ['running', 'running', true],
        boxliteLockedOut: true,
        runningThere: ['running', true],
        stop: 'stopped',
        failedLaunch: 'ERR_BOX_SOCKETS_SHIM_EXITED',
        failedHere: ['failed', true],
        failedThere: 'failed',
        stoppedWithoutDisk: 'configured',
        theirsFailed: ['failed', true],
        ...(hasDisks === true && withDisks),
        removeMine: 'removed',
        mineIsGone: true,
        removeTheirs: true,
        left: [[], {}],
        unknown: [unknown, 'read-only', 1, unknown, unknown, unknown, true],
      });
    },
  );

  test.skipIf(reason !== undefined)(
    titled('and this package leave a home as BoxLite alone leaves it, whoever does what', reason),
    () => {
      const { played, outcomes, mixed, control, further } = runBesideBoxLite<Sequences>(
        'boxlite-sequences.cjs',
        pinned,
        [SEED, STEPS],
      );
      for (const step of [...played, ...further]) expect(step).toEqual({ ...step, disorder: {} });
      expect(played.map(({ outcome }) => outcome)).toEqual(outcomes);
      expect(mixed).toEqual(control);
      const all = [...played, ...further];
      const whats = schema === 10 ? 'clone create kill orphan remove snapshot start stop' : 'create remove start stop';
      expect([...new Set(all.map(({ what }) => what))].sort().join(' ')).toBe(whats);
      expect(all.filter(({ who }) => who === 'ours').length).toBeGreaterThan(15);
    },
  );
});
