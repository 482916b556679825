// Where file systems are mounted, by the kernel's own list: those that hang are not asked.

import { readFileSync } from 'node:fs';
import { attempt } from './twin.js';

/** Where file systems are mounted, one mounted over another after it; none where the system does not tell (macOS). */
export function mountPoints(): string[] {
  if (process.platform !== 'linux') return [];
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  // `36 35 98:0 /root /mount/point rw,noatime …`, with space, tab, newline and backslash as octal numbers.
  const escaped = lines.map((line) => line.split(' ')[4]).filter((point) => point !== undefined);
  return escaped.map((point) =>
    point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))),
  );
}

/** {@link mountPoints}, and none where they cannot be read. */
export function knownMountPoints(): string[] {
  return attempt(mountPoints, []);
}

// The types of file systems for which native/posix/file_system.cc says that this kernel alone does not serve them.
const SERVED =
  / - (?:nfs|smb|cifs|9p|fuse(?:blk|[. ])|virtiofs|ceph|afs|coda|gfs2|ocfs2|lustre|gpfs|vboxsf|vmhgfs|beegfs)/;
// A look below autofs waits for automount(8). What systemd has in /proc is none of them: no box lies there.
const AUTOMOUNTED = /^(?:\S+ ){4}(?!\/proc\/).* - autofs /m;

/** Whether a file system is mounted whose server may not answer; true where that cannot be told. */
export function mayWaitForServer(list = '/proc/self/mountinfo'): boolean {
  const mounts = attempt(() => readFileSync(list, 'utf8'), null);
  return mounts === null || SERVED.test(mounts) || AUTOMOUNTED.test(mounts);
}

/** The one of `points` on which a path lies, as far as the path's text tells; null where none is known. */
export function mountPointOf(path: string, points = knownMountPoints()): string | null {
  const above = points.filter((point) => `${path}/`.startsWith(point === '/' ? point : `${point}/`));
  return above.sort((a, b) => b.length - a.length)[0] ?? null;
}
