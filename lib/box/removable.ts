// What a cleanup must never take for the home of a box. It deletes a whole tree, so a path that is wrong by one component
// is not a bug to find in the logs of the day after.

import * as os from 'node:os';
import * as path from 'node:path';
import { listDirectory, lookAt as lookAtEntry } from '../beneath.js';
import { lookAt, realPath } from '../files.js';
import { mountPoints } from '../mount-points.js';
import { isWithin } from '../paths/within.js';
import type { Steps } from '../twin.js';
import { homeUnsafe } from './box-errors.js';
import type { BoxLayout } from './box-layout.js';

/** The directory of every home that is made first and removed last: what has none, and is not empty, is no home. */
export const MARKER = 'sockets';

/** Whether there is a home; throws where it may not be removed. A link in its place is only that link. */
export function* isRemovable({ boxHome: home, sockets }: BoxLayout, hasRow: boolean): Steps<boolean> {
  const stat = yield* lookAt(home);
  if (stat === null) return false;
  if (stat.isSymbolicLink()) return true;
  if (!stat.isDirectory()) throw homeUnsafe(home, 'it is not a directory');
  const real = (yield* realPath(home)) ?? home;
  for (const place of [path.dirname(sockets.parentDir), sockets.parentDir, ...ownPlaces()]) {
    const holds = isWithin((yield* realPath(place)) ?? place, real);
    if (holds) throw homeUnsafe(home, `'${place}' lies in it`);
  }
  const mounted = mountPoints().find((point) => isWithin(point, real));
  if (mounted !== undefined) {
    throw homeUnsafe(home, `a file system is mounted on '${mounted}', and its files would go too`, 'Unmount it first');
  }
  // Where a row says that this is the home of a box, it needs no marker.
  if (hasRow || (yield* lookAtEntry({ directory: home, path: MARKER })) !== null) return true;
  if (!(yield* isEmpty(home))) throw homeUnsafe(home, `it holds files but no '${MARKER}'`);
  return true;
}

function* isEmpty(home: string): Steps<boolean> {
  try {
    return (yield* listDirectory({ directory: home, path: '.' }, 1)).length === 0;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'E2BIG') return false;
    throw error;
  }
}

function ownPlaces(): string[] {
  const places = [os.homedir(), os.tmpdir(), process.execPath];
  try {
    places.push(os.userInfo().homedir, process.cwd());
  } catch {
    // A user without an entry, or a working directory that was removed: nothing of theirs can be hit.
  }
  return places.filter((place) => place.startsWith('/'));
}
