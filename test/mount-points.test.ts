// Which file systems may keep a call waiting, by the kernel's list of what is mounted.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { knownMountPoints, mayWaitForServer, mountPointOf, mountPoints } from '../dist/mount-points.js';
import { promise, tempDir } from './helpers.js';

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

// As native/posix/file_system.cc has them.
const served =
  'nfs nfs4 smb3 cifs 9p fuse fuseblk fuse.sshfs virtiofs ceph afs coda gfs2 ocfs2 ocfs2_dlmfs lustre gpfs';
const others = 'vboxsf vmhgfs beegfs';
it.each(`${served} ${others}`.split(' '))('%s is served elsewhere', (type) => {
  const list = path.join(tempDir(), 'mountinfo');
  fs.writeFileSync(list, `${ROOT}\n24 22 0:44 / /mnt rw,relatime shared:5 - ${type} source rw\n`);
  expect(mayWaitForServer(list)).toBe(true);
});

it.each(['ext4', 'xfs', 'btrfs', 'zfs', 'overlay', 'proc', 'nsfs', 'autofs4'])('%s is served here', (type) => {
  const list = path.join(tempDir(), 'mountinfo');
  fs.writeFileSync(list, `${ROOT}\n24 22 0:44 / /mnt/nfs rw,relatime shared:5 - ${type} nfs rw\n`);
  expect(mayWaitForServer(list)).toBe(false);
});

const nodeFs = createRequire(__filename)('node:fs') as typeof fs;

/** The kernel's list, until the end of the test; or it cannot be read. */
function mounted(lines: string[] | null): void {
  const { readFileSync } = nodeFs;
  const read = vi.spyOn(nodeFs, 'readFileSync').mockImplementation(((file: string, ...rest: []) => {
    if (file !== '/proc/self/mountinfo') return readFileSync(file, ...rest);
    if (lines === null) throw Object.assign(new Error('no'), { code: 'EACCES' });
    return `${lines.join('\n')}\n`;
  }) as typeof readFileSync);
  onTestFinished(() => void read.mockRestore());
}

const notLinux = process.platform === 'linux' ? null : 'not Linux';

promise(notLinux, 'mount points are where file systems are mounted, however they are spelt in the list', () => {
  mounted([
    ROOT,
    '24 22 0:44 /root/of/it /mnt/my\\040new\\040home rw shared:3 - nfs server:/x rw',
    '25 22 0:45 / /a\\134b\\011c rw - tmpfs none rw',
  ]);
  expect(mountPoints()).toEqual(['/', '/mnt/my new home', '/a\\b\tc']);
  expect(knownMountPoints()).toEqual(mountPoints());
  expect(mountPointOf('/mnt/my new home/b')).toBe('/mnt/my new home');
});

promise(notLinux, 'mount points that cannot be read are none that is known', () => {
  mounted(null);
  expect(knownMountPoints()).toEqual([]);
  expect(mountPoints).toThrow('no');
  expect(mountPointOf('/a')).toBeNull();
});

it.each([
  ['/home/me/x', '/home/me'],
  ['/home/me', '/home/me'],
  ['/home/meet', '/home'],
  ['/homes', '/'],
  ['/', '/'],
])('%s lies on what is mounted at %s', (file, point) => {
  expect(mountPointOf(file, ['/home', '/', '/home/me', '/homestead'])).toBe(point);
});

it('a path lies on nothing that is known where nothing above it is', () => {
  expect(mountPointOf('/a', ['/b'])).toBeNull();
  expect(mountPointOf('/a', [])).toBeNull();
});

it('where the list cannot be read, a call may wait', () => {
  expect(mayWaitForServer(path.join(tempDir(), 'none'))).toBe(true);
});
