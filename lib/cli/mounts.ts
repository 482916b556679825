// How the base is mounted, asked of findmnt, and whether it is private to this process.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

export interface BaseMount {
  /** `rw`, `noatime`, `nosymfollow`, …; none where it is not told. */
  options: string[];
  /** Another directory here than for the rest of the machine; null where it cannot be told. */
  isPrivate: boolean | null;
  evidence: string;
}

/** Two columns of what findmnt tells of the file system that a path lies on; empty where it is not told. */
function findmnt(columns: string, where: string): string[] {
  const { stdout } = spawnSync('findmnt', ['-no', columns, '-T', where], { encoding: 'utf8', timeout: 5000 });
  return /^(\S+) +(\S.*)$/m.exec(stdout ?? '')?.slice(1) ?? [];
}

/** Type and mount point of the file system that a path lies on; null where it is not told. */
export function fileSystemOf(where: string): string | null {
  const [type, point] = findmnt('FSTYPE,TARGET', where);
  return type === undefined ? null : `${type} at ${point}`;
}

/**
 * A base that is private (systemd's PrivateTmp=, snap, a container's own /tmp) holds links that other processes do not
 * see. Where init's own base may be looked at, device and inode decide; else the directory that is mounted there.
 */
export function inspectMount(base: string): BaseMount {
  const [listed = '', root = ''] = findmnt('OPTIONS,FSROOT', base);
  const options = listed.split(',');
  if (/\/(systemd-private-[^/]+|snap-private-tmp\/[^/]+)\/tmp(\/|$)/.test(root)) {
    return { options, isPrivate: true, evidence: `it shows ${root}` };
  }
  try {
    const isAlone = fs.readlinkSync('/proc/self/ns/mnt') !== fs.readlinkSync('/proc/1/ns/mnt');
    const [here, there] = [fs.statSync(base), fs.statSync(`/proc/1/root${base}`)];
    const isPrivate = isAlone && (here.dev !== there.dev || here.ino !== there.ino);
    return { options, isPrivate, evidence: `init sees ${isPrivate ? 'another' : 'the same'} ${base}` };
  } catch {
    return { options, isPrivate: null, evidence: "init's own cannot be looked at" };
  }
}
