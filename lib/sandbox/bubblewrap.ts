import * as path from 'node:path';
import { toBoolean, toOptions } from '../arguments.js';
import type { PathAccess } from '../paths/path-access.js';
import { linkHolders, orderedRules } from './path-rules.js';

/** How a sandboxed shim ends; both are off when left out, because bubblewrap has them off. */
export interface BubblewrapOptions {
  /**
   * Processes of its own (`--unshare-pid`): whatever the shim starts ends with it, and no process of the host is seen.
   * bubblewrap's own process 1 is in it, so that a shim's own pid is not the one that the host knows.
   */
  unsharePid?: boolean;
  /** The sandbox ends with the process that started bubblewrap (`--die-with-parent`), or when that thread ends. */
  dieWithParent?: boolean;
}

/**
 * Arguments for bubblewrap (0.5 or newer) under which a shim finds exactly these paths: each bound over itself, `rw`
 * or `ro`, and every link made afresh from its `linkTo`, alone in a parent of its own with mode 0700. So no link of the
 * host is needed, or bound onto, or seen, and no other box's either. What is not granted is read-only or not there.
 *
 * Put what the program itself needs (`--ro-bind /usr /usr`, `--proc /proc`, `--dev /dev`, …) before these arguments,
 * and the program after them: they end by making the root read-only.
 *
 * Without `unsharePid` and `dieWithParent`, killing bubblewrap leaves the shim alive.
 *
 * @param paths A policy. Its paths must exist on the host when bubblewrap starts, the links excepted.
 * @param options How the sandbox ends.
 * @returns Arguments, one string each; {@link shellQuote} makes a line for a shell of them.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for an entry that cannot be part of a policy.
 * @example
 * const system = ['--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib', '--proc', '/proc', '--dev', '/dev'];
 * const args = bubblewrapArgs(paths, { unsharePid: true, dieWithParent: true });
 * spawn('bwrap', [...system, ...args, '--', '/usr/bin/shim', id]);
 */
export function bubblewrapArgs(paths: readonly PathAccess[], options?: BubblewrapOptions): string[] {
  const { unsharePid, dieWithParent } = toOptions(options, { unsharePid: true, dieWithParent: true });
  const ends = [
    ...(toBoolean('options.unsharePid', unsharePid) ? ['--unshare-pid'] : []),
    ...(toBoolean('options.dieWithParent', dieWithParent) ? ['--die-with-parent'] : []),
  ];
  const rules = orderedRules(paths);
  const holders = linkHolders(rules);
  // bubblewrap works in the order of its arguments, and a mount hides what an earlier one put beneath it. The rules
  // come ancestors first, so a read-only directory stays so within a writable one, and the reverse.
  const mounts = rules.flatMap((rule) => {
    const links = holders.get(rule.path);
    if (links !== undefined) return freshHolder(rule.path, links);
    return rule.linkTo === undefined ? bind(rule) : [];
  });
  // Last, because a mount point beneath one of these has to be made while it is writable.
  const sealed = [...holders.keys(), ...(rules.some((rule) => rule.path === '/') ? [] : ['/'])];
  return [...ends, ...mounts, ...sealed.flatMap((directory) => ['--remount-ro', directory])];
}

function bind({ path: file, writable }: PathAccess): string[] {
  return [writable ? '--bind' : '--ro-bind', file, file];
}

/**
 * A tmpfs, not just a directory: it hides the host's own parent where the host's arguments brought that in, and it can
 * be made read-only. The directory beneath is made first, 0700 because it may come to lie on the host's `/tmp`; and
 * before it the base, which would get 0700 as well.
 */
function freshHolder(holder: string, links: readonly PathAccess[]): string[] {
  return [
    ...['--dir', path.posix.dirname(holder)],
    ...['--perms', '0700', '--dir', holder],
    ...['--perms', '0700', '--tmpfs', holder],
    ...links.flatMap((link) => ['--symlink', link.linkTo ?? '', link.path]),
  ];
}
