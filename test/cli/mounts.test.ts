import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectPrivateBase, mountOf, type NamespaceView, parseMounts } from '../../dist/cli/mounts.js';

const MOUNTS = parseMounts(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
90 27 254:0 /tmp/systemd-private-0a1b-web.service-x/tmp /tmp rw,noatime shared:5 master:1 - ext4 /dev/vda rw
91 27 254:0 / /srv/a\\040b rw - ext4 /dev/vda rw
`);

function view(changes: Partial<NamespaceView>): NamespaceView {
  return { mounts: MOUNTS.slice(0, 2), readlink: () => 'mnt:[1]', stat: () => ({ dev: 1, ino: 1 }), ...changes };
}

describe('mountinfo', () => {
  it('gives each mount its root, point, options and kind, escapes undone', () => {
    expect(MOUNTS[2]).toEqual({
      root: '/tmp/systemd-private-0a1b-web.service-x/tmp',
      mountPoint: '/tmp',
      options: ['rw', 'noatime'],
      fsType: 'ext4',
    });
    expect(MOUNTS[3]?.mountPoint).toBe('/srv/a b');
  });

  it('a path lies on the longest mount point above it', () => {
    expect(mountOf('/tmp/bl-0', MOUNTS)?.mountPoint).toBe('/tmp');
    expect(mountOf('/tmpfs', MOUNTS)?.mountPoint).toBe('/');
    expect(mountOf('/tmp', [])).toBeNull();
  });
});

describe('a private base', () => {
  it("is told by the directory that systemd's PrivateTmp= mounts", () => {
    expect(inspectPrivateBase('/tmp', view({ mounts: MOUNTS }))).toEqual({
      isPrivate: true,
      evidence: '/tmp shows /tmp/systemd-private-0a1b-web.service-x/tmp',
    });
  });

  it('is told by another inode than the base of init', () => {
    const readlink = (file: string) => `mnt:[${file}]`;
    const stat = (file: string) => ({ dev: 1, ino: file.length });
    expect(inspectPrivateBase('/tmp', view({ readlink, stat })).isPrivate).toBe(true);
    expect(inspectPrivateBase('/tmp', view({ readlink })).isPrivate).toBe(false);
    expect(inspectPrivateBase('/tmp', view({})).isPrivate).toBe(false);
  });

  it('cannot be told where init may not be looked at', () => {
    const readlink = () => {
      throw Object.assign(new Error('denied'), { code: 'EACCES' });
    };
    expect(inspectPrivateBase('/tmp', view({ readlink }))).toEqual({
      isPrivate: null,
      evidence: "init's mount namespace cannot be read here (EACCES)",
    });
  });

  const namespaces = spawnSync('unshare', ['-pfm', '--mount-proc', 'unshare', '-m', 'true']).status === 0;

  it.skipIf(!namespaces)('is told in a real mount namespace (needs unshare and the right to use it)', () => {
    const module = path.resolve('dist/cli/mounts.js');
    // Mounted only when all is loaded: this checkout may lie under /tmp itself.
    const look = `
      const { inspectPrivateBase } = require(${JSON.stringify(module)});
      if (process.argv[1]) require('node:child_process').execFileSync('mount', ['-t', 'tmpfs', 't', '/tmp']);
      console.log(inspectPrivateBase('/tmp').isPrivate);`;
    const node = '"$0" -e "$1"';
    const script = `unshare -m ${node} mount; ${node}`;
    const run = spawnSync('unshare', ['-pfm', '--mount-proc', 'sh', '-c', script, process.execPath, look], {
      encoding: 'utf8',
    });
    expect(run.stdout.split('\n').slice(0, 2)).toEqual(['true', 'false']);
  });
});
