// A base that nothing cleans, where the session or the service has one.

import { lstatSync } from 'node:fs';
import { DEFAULT_BASE } from '../arguments.js';
import { attempt } from '../twin.js';

/**
 * The user's runtime directory, for `base`: `$XDG_RUNTIME_DIR`, or systemd's `$RUNTIME_DIRECTORY` (the first that fits),
 * where it is a directory of the user's and private (mode 0700); else `/tmp`. No cleaner takes links there, and it goes
 * with the session or the service. Host and shim must have the same base: hand it to the shim rather than call this in
 * both, because their environments may differ.
 *
 * @returns an absolute path; nothing is made there
 * @example
 * // A service with RuntimeDirectory=my-host and RuntimeDirectoryMode=0700:
 * const sockets = new BoxSockets(id, realDir, { base: runtimeBase() }); // '/run/my-host/bl-1000/box1'
 */
export function runtimeBase(): string {
  const { XDG_RUNTIME_DIR: session = '', RUNTIME_DIRECTORY: service = '' } = process.env;
  return [session, ...service.split(':')].find(isPrivate) ?? DEFAULT_BASE;
}

function isPrivate(directory: string): boolean {
  if (!directory.startsWith('/')) return false;
  // What cannot be looked at is no base.
  const stats = attempt(() => lstatSync(directory), null);
  return stats?.isDirectory() === true && stats.uid === process.geteuid?.() && (stats.mode & 0o077) === 0;
}
