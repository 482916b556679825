import { type PathLike, toPath } from '../arguments.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { both, runAsync, runSync, type Steps } from '../twin.js';

/**
 * Whether two paths lead to one file or directory, by device and inode; links are followed.
 *
 * @throws {BoxSocketsError} the failed `stat`, with its `path` (`ENOENT`, `EACCES`, …)
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example
 * await sameInode('/tmp/bl-1000/box1', '/home/me/boxes/box1/sockets'); // true
 */
export async function sameInode(a: PathLike, b: PathLike): Promise<boolean> {
  return runAsync(isSameInode(a, b));
}

/** {@link sameInode}, at once. @example sameInodeSync('/etc/hosts', '/etc/../etc/hosts'); // true */
export function sameInodeSync(a: PathLike, b: PathLike): boolean {
  return runSync(isSameInode(a, b));
}

function* isSameInode(a: PathLike, b: PathLike): Steps<boolean> {
  const [binding, realDir] = [toPath('a', a), toPath('b', b)];
  return unwrap(yield* both(native().sameInode, native().sameInodeAsync, binding, realDir), { binding, realDir });
}
