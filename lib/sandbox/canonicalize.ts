import * as path from 'node:path';
import { type PathLike, toPath } from '../arguments.js';
import { realPath } from '../files.js';
import { runAsync, runSync, type Steps } from '../twin.js';

/**
 * The path with every symlink resolved, except that its last component is kept as it is: the binding of a box, which
 * is a symlink, stays the binding. Of a path that does not exist, the nearest existing ancestor is resolved and the
 * rest appended, so the answer does not depend on whether the binding is there yet. The one function of
 * `boxsockets/sandbox` that looks at the file system.
 *
 * @param file Any path; a relative one counts from the working directory. Trailing slashes are ignored. Where the last
 *   component is `.` or `..`, there is no leaf to keep, and all of it is resolved.
 * @returns An absolute path.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @throws {BoxSocketsError} what `realpath` reports beside ENOENT and ENOTDIR (`EACCES`, `ELOOP`, …).
 * @example
 * // On macOS, where /tmp leads to /private/tmp, with or without the link:
 * await canonicalizeKeepingLeaf('/tmp/bl-501/b1'); // '/private/tmp/bl-501/b1'
 */
export async function canonicalizeKeepingLeaf(file: PathLike): Promise<string> {
  return runAsync(canonicalize(file));
}

/** {@link canonicalizeKeepingLeaf}, at once. @example canonicalizeKeepingLeafSync('/tmp/bl-501/b1'); */
export function canonicalizeKeepingLeafSync(file: PathLike): string {
  return runSync(canonicalize(file));
}

function* canonicalize(file: PathLike): Steps<string> {
  const given = toPath('path', file);
  // Not path.resolve(): it takes `..` back by the letter, and behind a symlink that is another directory.
  const whole = given.startsWith('/') ? given : `${process.cwd()}/${given}`;
  const names = whole.split('/').filter((name) => name !== '');
  const leaf = names.at(-1);
  // The leaf is kept without a look at it: only a symlink's resolved name differs from the name it has.
  const longest = leaf === '.' || leaf === '..' ? names.length : names.length - 1;
  for (let length = longest; length > 0; length--) {
    const real = yield* realPath(`/${names.slice(0, length).join('/')}`);
    if (real !== null) return path.posix.join(real, ...names.slice(length));
  }
  return path.posix.join('/', ...names);
}
