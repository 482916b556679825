#!/usr/bin/env node
// Debian's tmpreaper, unpacked into the user's cache for the tests and not installed: `node scripts/tools/tmpreaper.mjs`. Whoever
// installs the package gets a cron job that cleans the machine's /tmp.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './pinned.mjs';

const folder = path.join(cacheDirectory(), 'tmpreaper');

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed (${error?.message ?? `exit status ${status}`})`);
}

if (!fs.existsSync(folder)) {
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const partial = fs.mkdtempSync(`${folder}.`);
  try {
    run('apt-get', ['download', 'tmpreaper'], partial);
    const [archive = ''] = fs.readdirSync(partial);
    run('dpkg', ['-x', archive, 'unpacked'], partial);
    fs.renameSync(path.join(partial, 'unpacked'), folder);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}
console.log(path.join(folder, 'usr/sbin/tmpreaper'));
