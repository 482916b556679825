// The box is not trusted: programs that are confined by exactly the policy of the package, and attack its host from within
// with whatever they can put into their directories. Some seconds here, N in the soak (BOXSOCKETS_SOAK_SECONDS).

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { dist, fixtures, isRoot, missingTool, missingUser, promise, tempDir } from '../../helpers.js';

const isMac = process.platform === 'darwin';
const seconds = Number(process.env.BOXSOCKETS_SOAK_SECONDS ?? (isMac ? '0.2' : '1'));
const STRANGER = 12345;

function missingSandbox(uid: number): string | null {
  const user = uid === 0 ? (isRoot ? null : 'not run as root') : missingUser(uid);
  if (user !== null) return user;
  const { status, error } = spawnSync('bwrap', ['--ro-bind', '/', '/', '--unshare-pid', 'true'], { uid, gid: uid });
  return error !== undefined ? 'no bwrap' : status === 0 ? null : 'bwrap does not run here';
}

interface Report {
  platform: string;
  plants: number;
  refusedPlants: number;
  trees: number;
  operations: number;
  exchanges: number;
  slowest: number;
  slowestIs: string;
  codes: Record<string, number>;
  harm: string[];
  left: string[];
  naive: Record<string, boolean>;
}

/** What makes a Node a Mac, where this one is (test/darwin). */
const macEnvironment = Object.entries(process.env).filter(([name]) => /^(DARWIN_|NODE_OPTIONS$)/.test(name));

/** What test/fixtures/hostile-host.cjs saw, as that user. */
function attack(uid: number): Report {
  const base = tempDir();
  const program = path.join(base, 'attack');
  const source = path.join(fixtures, 'hostile-box.c');
  const compiled = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', program, source], {
    encoding: 'utf8',
  });
  expect(compiled.stderr).toBe('');
  fs.chmodSync(program, 0o755);
  fs.chownSync(base, uid, uid);
  const args = [path.join(fixtures, 'hostile-host.cjs'), path.dirname(dist), program, base, String(seconds)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    uid,
    gid: uid,
    cwd: base,
    env: { ...Object.fromEntries(macEnvironment), PATH: process.env.PATH, HOME: base },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Report;
}

describe.each([
  { who: 'root', uid: 0 },
  { who: 'a user', uid: STRANGER },
])('a hostile box of $who', ({ uid }) => {
  promise(
    missingSandbox(uid) ?? missingTool('gcc'),
    'makes its host read, write, delete, dial and wait for nothing outside of it',
    () => {
      const { platform, harm, left, naive, codes, ...counts } = attack(uid);
      console.log(`uid ${uid}:`, JSON.stringify({ ...counts, codes }));
      expect(platform).toBe(process.platform);
      expect(harm).toEqual([]);
      expect(left).toEqual([]);
      // The same attacks on hosts that go by paths, as this one did: each does harm, so that the ones above were real.
      expect(naive).toEqual({ read: true, truncate: true, dial: true, chmod: true, remove: true });
      expect(counts.plants).toBeGreaterThan(80);
      expect(counts.trees).toBeGreaterThanOrEqual(15);
      expect(counts.exchanges).toBeGreaterThan(1_000);
      expect(counts.operations).toBeGreaterThan(100);
      expect(counts.slowest).toBeLessThan(30_000);
    },
    (isMac ? 600_000 : 240_000) + seconds * 20_000,
  );
});
