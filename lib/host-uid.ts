// The uid by which the rest of the machine knows this process: in a user namespace it sees itself as another, as root often.

import { readFileSync, statSync } from 'node:fs';
import { type BoxSocketsError, refusal } from './errors.js';

/** From the outside: a number that is added to the uids from `first` on, `count` of them (user_namespaces(7)). */
interface UidRange {
  first: number;
  outside: number;
  count: number;
}

// A process of several threads cannot enter another namespace.
let ranges: readonly UidRange[] | undefined;

/**
 * As the user namespace's map tells it; the process's own uid where there is no such map.
 *
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_UID_UNKNOWN`: not mapped, or in a namespace within another one
 */
export function hostUid(): number {
  const uid = process.getuid?.() ?? 0;
  ranges ??= readRanges();
  if (ranges.length === 0) return uid;
  const range = ranges.find(({ first, count }) => uid >= first && uid < first + count);
  const outside = range === undefined ? undefined : range.outside + uid - range.first;
  // The enclosing namespace's root need not be the machine's, whose the files of /proc/sys are.
  if (outside === undefined || (outside === 0 && statSync('/proc/sys/kernel/overflowuid').uid !== uid))
    throw uidUnknown(uid);
  return outside;
}

/** Empty where every uid is itself, as outside of namespaces, or where that cannot be read. */
function readRanges(): UidRange[] {
  if (process.platform !== 'linux') return [];
  try {
    const lines = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
    const found = lines.map((line) => {
      const [first = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
      return { first, outside, count };
    });
    // A range of all of them has no room to be another one.
    return found[0]?.count === 0xffff_ffff ? [] : found;
  } catch {
    return [];
  }
}

/** In a user namespace: the uid that names the parent is the one outside, and cannot be told. */
function uidUnknown(uid: number): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_UID_UNKNOWN',
    `In its user namespace this process is uid ${uid}. By which uid the rest of the machine knows it cannot be told ` +
      '(/proc/self/uid_map), and that one names the directory of bindings. Pass it: { uid }, or --uid on the command ' +
      'line; `id -u` outside of the namespace shows it',
  );
}
