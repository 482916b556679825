// The mounts this process sees, from /proc/self/mountinfo, and whether its base is private to it.

import * as fs from 'node:fs';

/** One line of mountinfo, as far as it is of use here. */
export interface Mount {
  /** The directory of the file system that is shown: `/` mostly, another where it is a bind mount. */
  root: string;
  mountPoint: string;
  /** `rw`, `noatime`, `nosymfollow`, … */
  options: string[];
  fsType: string;
}

/** All mounts, the latest last; empty where there is no mountinfo (macOS). */
export function readMounts(file = '/proc/self/mountinfo'): Mount[] {
  try {
    return parseMounts(fs.readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

/** Parses mountinfo: `36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw`. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [own = '', fileSystem = ''] = line.split(' - ');
    const [, , , root, mountPoint, options = ''] = own.split(' ');
    if (root === undefined || mountPoint === undefined) return [];
    const fsType = fileSystem.split(' ')[0] ?? '';
    return [{ root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint), options: options.split(','), fsType }];
  });
}

// The kernel writes space, tab, newline and backslash as \040, \011, \012, \134, byte for byte.
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The mount that a path lies on: the longest mount point above it, the latest of equals. */
export function mountOf(path: string, mounts: Mount[]): Mount | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const above = mount.mountPoint === '/' || path === mount.mountPoint || path.startsWith(`${mount.mountPoint}/`);
    if (above && mount.mountPoint.length >= (found?.mountPoint.length ?? 0)) found = mount;
  }
  return found;
}

/** Whether the base is another directory here than for the rest of the machine. */
export interface PrivateBase {
  /** null: it cannot be told. */
  isPrivate: boolean | null;
  evidence: string;
}

/** What the answer is read from; replaced in tests. */
export interface NamespaceView {
  mounts: Mount[];
  readlink(path: string): string;
  stat(path: string): { dev: number; ino: number };
}

/** The machine as it is. */
export function machineView(): NamespaceView {
  return { mounts: readMounts(), readlink: fs.readlinkSync, stat: (path) => fs.statSync(path) };
}

/**
 * A base that is private (systemd's PrivateTmp=, snap, a container's own /tmp) holds links that other processes do
 * not see. Where init's own base may be looked at, device and inode decide; else the mount that the base lies on.
 */
export function inspectPrivateBase(base: string, view: NamespaceView = machineView()): PrivateBase {
  const mount = mountOf(base, view.mounts);
  if (mount !== null && /(^|\/)(systemd-private-[^/]+|snap-private-tmp\/[^/]+)\/tmp(\/|$)/.test(mount.root)) {
    return { isPrivate: true, evidence: `${mount.mountPoint} shows ${mount.root}` };
  }
  try {
    const own = view.readlink('/proc/self/ns/mnt');
    if (own === view.readlink('/proc/1/ns/mnt')) return { isPrivate: false, evidence: 'same mount namespace as init' };
    const here = view.stat(base);
    const there = view.stat(`/proc/1/root${base}`);
    const same = here.dev === there.dev && here.ino === there.ino;
    return {
      isPrivate: !same,
      evidence: `another mount namespace than init's, ${same ? 'the same' : 'another'} ${base}`,
    };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    return { isPrivate: null, evidence: `init's mount namespace cannot be read here (${code})` };
  }
}
