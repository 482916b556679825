// Arguments in: checked before anything is touched, and brought into the one form that the rest works with. They may come
// from another realm (jest, node:vm), whose Buffer, URL and AbortSignal are other classes: none is told by its class.

import { isUtf8 } from 'node:buffer';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { invalidArgType, invalidArgValue } from './errors.js';
import { hostUid } from './host-uid.js';
import { checkOptions, toOptions } from './known-options.js';
import { BOX_ID_RULE, isBoxId, isSocketName, SOCKET_NAME_RULE } from './paths/names.js';

export { checkOptions, toOptions };

/** What `node:fs` takes for a path. What comes out of this package is always a string. */
export type PathLike = string | Buffer | URL;

/** The base where none is given. Never `os.tmpdir()`: host and shim must compute the same path, and TMPDIR differs. */
export const DEFAULT_BASE = '/tmp';

/** Milliseconds that a mutation waits for the lock where nothing else is said. */
export const DEFAULT_LOCK_TIMEOUT = 5000;

/** What a timer takes in milliseconds, a backlog in connections, and what a pid may be. */
export const LARGEST_INT = 2 ** 31 - 1;

/** Permission bits of what is one user's alone: a parent, a home and what is in it. */
export const PRIVATE_MODE = 0o700;

const LARGEST_UID = 2 ** 32 - 2; // (uid_t)-1 means "no change" to the system calls that take one

/** A path as a string of valid UTF-8 without a NUL, neither resolved nor shortened. */
export function toPath(name: string, value: unknown): string {
  const path = decodePath(name, value);
  if (path === '') throw invalidArgValue(name, value, 'must not be an empty path');
  if (path.includes('\0')) throw invalidArgValue(name, value, 'must be a path without NUL bytes');
  if (!path.isWellFormed()) throw invalidArgValue(name, value, 'must be a path of valid Unicode');
  return path;
}

function decodePath(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (types.isUint8Array(value)) {
    if (!isUtf8(value)) throw invalidArgValue(name, value, 'must be a path of valid UTF-8');
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  }
  if (!isUrl(value)) throw invalidArgType(name, 'a string, a Buffer or a file: URL', value);
  try {
    return fileURLToPath(value.href);
  } catch {
    throw invalidArgValue(name, value.href, 'must be a file: URL of a path on this machine');
  }
}

/** As Node tells a URL from what url.parse() returned. */
export function isUrl(value: unknown): value is URL {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol, auth, path } = value as Record<string, unknown>;
  return typeof href === 'string' && typeof protocol === 'string' && auth === undefined && path === undefined;
}

/**
 * An absolute path without empty or `.` components and without a slash at the end, against the working directory.
 * Unlike `path.resolve` it keeps a `..` behind a named component, because that component may be a symlink, and the
 * kernel then goes up from where it leads.
 */
export function toAbsolutePath(name: string, value: unknown): string {
  const path = toPath(name, value);
  const components = path.startsWith('/') ? [] : process.cwd().split('/').filter(Boolean);
  // The working directory is free of links, so going up from within it is plain arithmetic.
  let plain = true;
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue;
    if (component === '..' && plain) {
      components.pop();
    } else {
      plain = false;
      components.push(component);
    }
  }
  return `/${components.join('/')}`;
}

/** A base: an absolute path; {@link DEFAULT_BASE} where none is given. */
export function toBase(name: string, value: unknown): string {
  if (value === undefined) return DEFAULT_BASE;
  const path = toPath(name, value);
  if (!path.startsWith('/')) throw invalidArgValue(name, value, 'must be an absolute path');
  return toAbsolutePath(name, path);
}

/** A uid; the caller's real one where none is given (0 on Windows, which has none). */
export function toUid(name: string, value: unknown): number {
  if (value === undefined) return hostUid();
  return toInteger(name, value, { least: 0, most: LARGEST_UID });
}

/** `<base>/bl-<uid>`. */
export function toParentDir(base: string, uid: number): string {
  return `${base === '/' ? '' : base}/bl-${uid}`;
}

/** Permission bits of a parent: its user's alone, or to be passed by others. */
export function toParentMode(name: string, value: unknown): number {
  if (value === undefined || value === PRIVATE_MODE) return PRIVATE_MODE;
  if (value === 0o711) return value;
  throw invalidArgValue(name, value, 'must be 0o700 or 0o711');
}

export function toBoxId(value: unknown): string {
  if (typeof value !== 'string') throw invalidArgType('boxId', 'a string', value);
  if (!isBoxId(value)) throw invalidArgValue('boxId', value, `must be ${BOX_ID_RULE}`);
  return value;
}

export function toSocketName(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'a string', value);
  if (isSocketName(value)) return value;
  throw invalidArgValue(name, value, `must be ${SOCKET_NAME_RULE}`);
}

export function toBoolean(name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalidArgType(name, 'a boolean', value);
  return value;
}

/** How long an operation waits for another that changes the same parent. */
export interface LockOptions {
  /** Milliseconds to wait for the lock; 5,000 when left out. */
  lockTimeout?: number;
}

/** Whole milliseconds, up to a day; what a default is where there are none. */
export const milliseconds = (otherwise: number) => (name: string, value: unknown) => {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw invalidArgType(name, 'a number of milliseconds', value);
  if (!(value >= 0 && value <= 86_400_000)) {
    throw invalidArgValue(name, value, 'must be from 0 to 86400000 milliseconds');
  }
  return Math.ceil(value);
};

export const toLockTimeout = milliseconds(DEFAULT_LOCK_TIMEOUT);

/** The types of Unix sockets (unix(7)); macOS has no `'seqpacket'`. */
export type SocketType = 'stream' | 'dgram' | 'seqpacket';

export function toSocketType(name: string, value: unknown): SocketType {
  if (value === undefined) return 'stream';
  if (value === 'stream' || value === 'dgram' || value === 'seqpacket') return value;
  throw invalidArgValue(name, value, "must be 'stream', 'dgram' or 'seqpacket'");
}

interface IntegerRange {
  least: number;
  most: number;
  /** What it is where it is left out; where there is none, it must be given. */
  otherwise?: number;
}

/** A whole number within a range. */
export function toInteger(name: string, value: unknown, { least, most, otherwise }: IntegerRange): number {
  if (value === undefined && otherwise !== undefined) return otherwise;
  if (typeof value !== 'number') throw invalidArgType(name, 'a number', value);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalidArgValue(name, value, `must be an integer from ${least} to ${most}`);
}

export const integer = (range: IntegerRange) => (name: string, value: unknown) => toInteger(name, value, range);

/** Milliseconds, up to what a timer takes. */
export const timeout = (otherwise: number) => integer({ least: 0, most: LARGEST_INT, otherwise });

export function toSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return value as AbortSignal;
  throw invalidArgType(name, 'an AbortSignal', value);
}

/** The uid that a peer must have; null where it is not to be verified. */
export function toPeerRule(name: string, value: unknown): number | null {
  if (value === undefined || value === false) return null;
  if (value === true) return process.geteuid?.() ?? 0;
  if (typeof value !== 'object' || value === null) throw invalidArgType(name, 'a boolean or { uid }', value);
  const { uid } = toOptions(value as { uid: unknown }, { uid: true }, name);
  return toInteger(`${name}.uid`, uid, { least: 0, most: LARGEST_UID });
}
