// How many bytes a socket address of this kernel holds, measured by binding.

import { mkdtempSync, promises, rmSync } from 'node:fs';
import { type PathLike, toPath } from '../arguments.js';
import { refusal } from '../errors.js';
import { isFailure, Refusal } from '../native/contract.js';
import { native } from '../native/load.js';
import { toError } from '../native/to-error.js';
import { sunPathLimit } from '../paths/limits.js';
import { standInName } from '../paths/names.js';
import { both, runAsync, runSync, type Steps } from '../twin.js';

// No kernel takes more: a longer address than 255 bytes does not even fit its length field on the BSDs.
const LONGEST_MEASURED = 255;

/** What {@link measureSunPathLimit} found. */
export interface MeasuredSunPathLimit {
  /** `sizeof(sockaddr_un.sun_path)`, in bytes. */
  declared: number;
  /**
   * Bytes of the longest path, without a NUL, at which the kernel bound a socket that was then found there. On Linux it
   * is `sunPathLimit().maxBytes`. The kernel of macOS takes 253, far more than its `sun_path` of 104 holds: there it is
   * the programs (Node, Python, Go, Rust, whatever fills in a `sockaddr_un`) that refuse more than 103, so a longer
   * socket could be bound, and dialed by none of them. What to go by is `sunPathLimit().maxBytes`.
   */
  measured: number;
}

/**
 * Finds by binding how long a path the kernel takes. Sockets of growing names are bound in a directory that is made for
 * it and removed.
 *
 * @param dir where to make that directory: short (at most about 80 bytes), writable; `/tmp` when left out
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_PATH_TOO_LONG` (`dir` itself leaves no room), or the system call that failed
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example
 * await measureSunPathLimit(); // on Linux: { declared: 108, measured: 108 }; on macOS: { declared: 104, measured: 253 }
 */
export async function measureSunPathLimit(dir?: PathLike): Promise<MeasuredSunPathLimit> {
  const directory = await promises.mkdtemp(measurePrefix(dir));
  try {
    return await runAsync(measure(directory));
  } finally {
    // With what is in it: a socket that could not be unlinked would hide why behind an ENOTEMPTY.
    await promises.rm(directory, { recursive: true });
  }
}

/** {@link measureSunPathLimit}, at once. @example const { measured } = measureSunPathLimitSync('/run'); */
export function measureSunPathLimitSync(dir?: PathLike): MeasuredSunPathLimit {
  const directory = mkdtempSync(measurePrefix(dir));
  try {
    return runSync(measure(directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function* measure(directory: string): Steps<MeasuredSunPathLimit> {
  let measured = 0;
  for (let bytes = sunPathLimit().capacity - 2; bytes <= LONGEST_MEASURED; bytes++) {
    const path = `${directory}/${standInName(bytes - Buffer.byteLength(directory) - 1)}`;
    const outcome = yield* both(native().bindAnyLength, native().bindAnyLengthAsync, path);
    if (isFailure(outcome)) {
      // Below the declared capacity, no failure has to do with the length. A kernel that cuts the path binds another one.
      const { refusal } = outcome;
      if (measured > 0 && (refusal === Refusal.tooLong || refusal === Refusal.misplaced)) break;
      throw toError(outcome, { socket: path });
    }
    measured = bytes;
  }
  return { declared: native().sunPathCapacity, measured };
}

const SUFFIX_OF_MKDTEMP = 6;

function measurePrefix(dir: PathLike | undefined): string {
  const path = toPath('dir', dir ?? '/tmp');
  const prefix = `${path.replace(/\/+$/, '')}/.bl-`;
  const { capacity } = sunPathLimit();
  // Two lengths below the capacity must fit, so that a limit is met from below.
  const room = capacity - 2 - Buffer.byteLength(prefix) - SUFFIX_OF_MKDTEMP - 2;
  if (room >= 0) return prefix;
  const length = Buffer.byteLength(path);
  throw refusal(
    'ERR_BOX_SOCKETS_PATH_TOO_LONG',
    `'${path}' is ${length} bytes long, which leaves no room to measure in a socket address of ${capacity}. ` +
      `Use a directory that is at least ${-room} bytes shorter`,
    { path, length, limit: capacity },
  );
}
