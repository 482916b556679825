// Which file systems may keep a call waiting, by the kernel's list of what is mounted.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { mayWaitForServer } from '../dist/mount-points.js';
import { tempDir } from './helpers.js';

const ROOT = '22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw';

it.each([
  ['local ones', ROOT, false],
  ['memory', '23 22 0:20 / /tmp rw - tmpfs tmpfs rw', false],
  ['NFS', '24 22 0:44 / /home rw,relatime - nfs4 server:/home rw', true],
  ['virtiofs', '24 22 0:44 / /mnt/my\\040home rw shared:3 - virtiofs home rw', true],
  ['FUSE', '24 22 0:44 / /home/me/mnt rw - fuse.sshfs me@there: rw', true],
  ['what serves FUSE its connections', '24 22 0:44 / /sys/fs/fuse/connections rw - fusectl fusectl rw', false],
  ['autofs', '25 22 0:40 / /home rw,relatime - autofs /etc/auto.home rw,fd=6,pgrp=700,indirect', true],
  ['autofs below a propagated mount', '25 22 0:40 / /net rw shared:9 master:2 - autofs -hosts rw,fd=6,indirect', true],
  [
    "systemd's own autofs, which every machine has",
    '26 25 0:30 / /proc/sys/fs/binfmt_misc rw,relatime shared:12 - autofs systemd-1 rw,fd=29,pgrp=1,direct',
    false,
  ],
])('%s', (_, line, waits) => {
  const list = path.join(tempDir(), 'mountinfo');
  fs.writeFileSync(list, `${ROOT}\n${line}\n`);
  expect(mayWaitForServer(list)).toBe(waits);
});

it('where the list cannot be read, a call may wait', () => {
  expect(mayWaitForServer(path.join(tempDir(), 'none'))).toBe(true);
});
