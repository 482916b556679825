// How many bytes a socket address holds, by what the platforms declare.

/** The smallest `sun_path` of the platforms that boxes run on (macOS): what fits there fits everywhere. */
export const PORTABLE_CAPACITY = 104;

const LINUX_CAPACITY = 108;

/** How long the path of a socket may be. */
export interface SunPathLimit {
  /** `sizeof(sockaddr_un.sun_path)`, in bytes: 108 on Linux, 104 on macOS. */
  capacity: number;
  /**
   * Bytes of the longest path, without a NUL, that this platform's programs bind. Linux needs no NUL there (unix(7)), so
   * that it is 108; many programs refuse the last byte all the same. On macOS the NUL is counted: 103. A probe says the
   * same.
   */
  maxBytes: number;
  /** Bytes of the longest path that every platform and every program binds. */
  portableMaxBytes: 103;
}

/**
 * What this platform declares, from its headers, without a look at the kernel.
 *
 * @example sunPathLimit(); // on Linux: { capacity: 108, maxBytes: 108, portableMaxBytes: 103 }
 */
export function sunPathLimit(): SunPathLimit {
  const linux = process.platform === 'linux';
  const capacity = linux || process.platform === 'win32' ? LINUX_CAPACITY : PORTABLE_CAPACITY;
  return { capacity, maxBytes: linux ? capacity : capacity - 1, portableMaxBytes: 103 };
}

/**
 * Whether `net.Server.listen` of this Node would bind a cut path, silently, where a path has that many bytes. Node 18
 * to 22 leave it to libuv, which cuts at `sun_path` (18 one byte earlier); from 23 on they refuse with EINVAL. Bun and
 * Deno refuse.
 */
export function nodeTruncates(bytes: number): boolean {
  const { node = '0', bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined || process.platform === 'win32') return false;
  const major = Number.parseInt(node, 10);
  const { capacity } = sunPathLimit();
  return major >= 23 ? false : bytes > (major < 20 ? capacity - 1 : capacity);
}
