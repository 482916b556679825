import { type PathLike, toPath } from '../arguments.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';

/**
 * Whether two paths lead to one file or directory, by device and inode; links are followed.
 *
 * @throws {BoxSocketsError} the failed `stat`, with its `path` (`ENOENT`, `EACCES`, …)
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example
 * await sameInode('/tmp/bl-1000/box1', '/home/me/boxes/box1/sockets'); // true
 */
export async function sameInode(a: PathLike, b: PathLike): Promise<boolean> {
  const paths = pathsOf(a, b);
  return unwrap(await native().sameInodeAsync(...paths), operationPaths(paths));
}

/** {@link sameInode}, at once. @example sameInodeSync('/etc/hosts', '/etc/../etc/hosts'); // true */
export function sameInodeSync(a: PathLike, b: PathLike): boolean {
  const paths = pathsOf(a, b);
  return unwrap(native().sameInode(...paths), operationPaths(paths));
}

function pathsOf(a: PathLike, b: PathLike): [string, string] {
  return [toPath('a', a), toPath('b', b)];
}

function operationPaths([binding, realDir]: [string, string]) {
  return { binding, realDir };
}
