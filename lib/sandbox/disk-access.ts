// What the disks of a box are based on: files that its shim has to read, outside of its home. The box may write its own
// disks, and with them the name of a backing file, so that what is named counts only where such files lie.

import * as path from 'node:path';
import { listDirectory, lookAt } from '../beneath.js';
import type { PathAccess } from '../paths/path-access.js';
import { backingFileOf } from '../qcow2.js';
import { orNull, runAsync, runSync, type Steps } from '../twin.js';
import type { SandboxLayout } from './build-path-access.js';
import { normalizedPath } from './path-rules.js';

/** Longer than any chain of snapshots and clones; a circle ends here. */
const MOST_FILES = 64;
const MOST_DISKS = 1_000;
/** Milliseconds in which `qemu-img` is asked, for all of a box's disks. */
const ASKING = 3_000;

/**
 * The backing files of a box's disks, in a home of BoxLite's: to be added to {@link buildPathAccess}, each to be read.
 * Followed from `disks/*` through what `qemu-img info` says of qcow2 images, or, where there is none or it does not say it
 * within three seconds, through their headers, as far as they lie in `<home>/bases/`, `<home>/images/disk-images/` or the
 * box's own `snapshots/`; and from a base on, which no box can write, in the `snapshots/` of any box of the home. What a
 * disk names elsewhere is left out, and so is what is no plain file.
 *
 * @param layout the box, at `<home>/boxes/<id>`
 * @throws {BoxSocketsError} the system call that failed
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example
 * const paths = [...buildPathAccess(layout, volumes, { boxLite: true }), ...(await diskAccess(layout))];
 */
export function diskAccess(layout: SandboxLayout): Promise<PathAccess[]> {
  return runAsync(backingFiles(layout));
}

/** {@link diskAccess}, at once. @example const paths = [...buildPathAccess(layout), ...diskAccessSync(layout)]; */
export function diskAccessSync(layout: SandboxLayout): PathAccess[] {
  return runSync(backingFiles(layout));
}

function* backingFiles(layout: SandboxLayout): Steps<PathAccess[]> {
  const boxHome = normalizedPath(layout?.boxHome, 'layout.boxHome');
  const home = path.posix.join(boxHome, '../..');
  const found = new Set<string>();
  const until = performance.now() + ASKING;
  for (const disk of yield* disksOf(boxHome)) {
    let isBase = false;
    let at: string | null = yield* backingFileOf({ directory: boxHome, path: disk }, until);
    while (at !== null && found.size < MOST_FILES && !found.has(at)) {
      const inHome: string | null = withinHome(at, { home, boxHome, isBase });
      if (inHome === null) break;
      const file = { directory: home, path: inHome };
      const stat = yield* lookAt(file);
      if (stat === null || stat.type !== 'file') break;
      found.add(at);
      isBase ||= inHome.startsWith('bases/');
      at = yield* backingFileOf(file, until);
    }
  }
  return [...found].sort().map((file) => ({ path: file, writable: false, kind: 'file' }));
}

function* disksOf(boxHome: string): Steps<string[]> {
  const entries = yield* orNull(listDirectory({ directory: boxHome, path: 'disks' }, MOST_DISKS));
  return (entries ?? []).flatMap(({ name, type }) => (type === 'file' ? [`disks/${name}`] : []));
}

/** The path within the home, where backing files lie there; else null. */
function withinHome(file: string, where: { home: string; boxHome: string; isBase: boolean }): string | null {
  const { home, boxHome, isBase } = where;
  if (path.posix.normalize(file) !== file || !file.startsWith(`${home}/`)) return null;
  const inHome = file.slice(home.length + 1);
  const isOfAll = /^(?:bases|images\/disk-images)\/./.test(inHome);
  const isSnapshot = file.startsWith(`${boxHome}/snapshots/`) || (isBase && /^boxes\/[^/]+\/snapshots\/./.test(inHome));
  return isOfAll || isSnapshot ? inHome : null;
}
