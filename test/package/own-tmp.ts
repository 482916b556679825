// Programs that share a /tmp with BoxLite, which always uses /tmp/bl-<uid>: in a mount namespace with a /tmp of their own.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { root, scratch, whyNoTools } from './installed.js';

/** Why the real BoxLite of a folder of scripts/pinned cannot be run here; undefined where it can. */
export function whyNoBoxLite(pinned: string): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'not Linux on x64';
  if (process.getuid?.() !== 0) return 'not run as root';
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']);
  return status === 0 ? whyNoTools(pinned) : 'no mount namespaces';
}

/** What a program of test/fixtures prints, as JSON: `node PROGRAM DIST MODULES …`, with the modules of that folder. */
export function runBesideBoxLite<Report>(program: string, pinned: string, args: readonly string[] = []): Report {
  const output = path.join(scratch(), 'report.json');
  // The file is reached by its descriptor: the path leads nowhere in there.
  const stdout = fs.openSync(output, 'w');
  const hide = 'mount -t tmpfs -o mode=1777 none /tmp';
  // Where this checkout lies under /tmp itself, it is taken along.
  const take = `mount --bind '${root}' /mnt && ${hide} && mkdir -p '${root}' && mount --move /mnt '${root}'`;
  const inside = `${root.startsWith('/tmp/') ? take : hide} && exec "$@"`;
  const script = path.join(root, 'test/fixtures', program);
  const command = [process.execPath, script, path.join(root, 'dist'), installPinned(pinned), ...args];
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
  return JSON.parse(fs.readFileSync(output, 'utf8')) as Report;
}
