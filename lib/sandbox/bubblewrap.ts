import * as path from 'node:path';
import { checkOptions, toBoolean } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import type { PathAccess } from '../paths/path-access.js';
import { isWithin } from '../paths/within.js';
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
 * or `ro`, and every link made afresh from its `linkTo`, alone in a parent of its own with mode 0700, in a base of its own
 * (a tmpfs: a program in the sandbox trusts a parent only on the file system of its base). So no link of the host is
 * needed, or bound onto, or seen, and no other box's either. What is not granted is read-only or not there. What your own
 * arguments put below the base (`/tmp`) is hidden; put it into the policy.
 *
 * Put what the program itself needs (`--ro-bind /usr /usr`, `--proc /proc`, `--dev /dev`, …) before these arguments,
 * and the program after them: they end by making the root read-only.
 *
 * Without `unsharePid` and `dieWithParent`, killing bubblewrap leaves the shim alive.
 *
 * @param paths A policy. Its paths must exist on the host when bubblewrap starts, the links excepted.
 * @param options How the sandbox ends.
 * @returns Arguments, one string each; {@link shellQuote} makes a line for a shell of them.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` for an entry that cannot be part of a policy.
 * @example
 * const system = ['--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib', '--proc', '/proc', '--dev', '/dev'];
 * const args = bubblewrapArgs(paths, { unsharePid: true, dieWithParent: true });
 * spawn('bwrap', [...system, ...args, '--', '/usr/bin/shim', id]);
 */
export function bubblewrapArgs(paths: readonly PathAccess[], options?: BubblewrapOptions): string[] {
  const { unsharePid, dieWithParent } = checkOptions(options, { unsharePid: toBoolean, dieWithParent: toBoolean });
  const ends = [...(unsharePid ? ['--unshare-pid'] : []), ...(dieWithParent ? ['--die-with-parent'] : [])];
  const rules = orderedRules(paths);
  const holders = linkHolders(rules);
  const isGranted = (base: string): boolean => base === '/' || rules.some((rule) => isWithin(base, rule.path));
  const bases = [...holders.keys()].map((parent) => path.posix.dirname(parent));
  const fresh = new Set(bases.filter((base) => !isGranted(base)));
  const isFresh = (holder: string): boolean => fresh.has(path.posix.dirname(holder));
  // bubblewrap works in the order of its arguments, and a mount hides what an earlier one put beneath it. The rules
  // come ancestors first, so a read-only directory stays so within a writable one, and the reverse.
  const mounts = rules.flatMap((rule) => {
    const links = holders.get(rule.path);
    if (links !== undefined)
      return isFresh(rule.path) ? [] : ['--dir', path.posix.dirname(rule.path), ...holder(rule.path, links)];
    return rule.linkTo === undefined ? bind(rule) : [];
  });
  const made = [...fresh].flatMap((base) => ['--perms', '0755', '--tmpfs', base]);
  const links = [...holders]
    .filter(([parent]) => isFresh(parent))
    .flatMap(([parent, own]) => holder(parent, own, '--dir'));
  // Last, because a mount point beneath one of these has to be made while it is writable.
  const mounted = [...holders.keys()].filter((parent) => !isFresh(parent));
  const sealed = [...mounted, ...fresh, ...(rules.some((rule) => rule.path === '/') ? [] : ['/'])];
  return [...ends, ...made, ...links, ...mounts, ...sealed.flatMap((directory) => ['--remount-ro', directory])];
}

function bind({ path: file, writable }: PathAccess): string[] {
  return [writable ? '--bind' : '--ro-bind', file, file];
}

/**
 * A directory of mode 0700 with the links in it. In a base that is made afresh it is a part of that; in one that the
 * policy grants, a tmpfs of its own hides the host's.
 */
function holder(parent: string, links: readonly PathAccess[], kind: '--dir' | '--tmpfs' = '--tmpfs'): string[] {
  return [
    // Made first, because a mount point that bubblewrap makes gets 0755, and may come to lie on the host's `/tmp`.
    ...(kind === '--tmpfs' ? ['--perms', '0700', '--dir', parent] : []),
    ...['--perms', '0700', kind, parent],
    ...links.flatMap((link) => ['--symlink', link.linkTo ?? '', link.path]),
  ];
}

/**
 * Words for a POSIX shell, on one line: pasted into one, they come out as the strings that went in.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` for a NUL, which no argument can hold.
 * @example shellQuote(['--bind', "/home/it's mine", '/x']); // --bind '/home/it'\''s mine' /x
 */
export function shellQuote(args: readonly string[]): string {
  if (!Array.isArray(args)) throw invalidArgType('args', 'an array of strings', args);
  return args.map((arg, index) => quoted(arg, `args[${index}]`)).join(' ');
}

function quoted(arg: unknown, name: string): string {
  if (typeof arg !== 'string') throw invalidArgType(name, 'a string', arg);
  if (arg.includes('\0')) throw invalidArgValue(name, arg, 'must not contain a NUL');
  // No '=' among the plain ones: as the first word, a=b is an assignment.
  return /^[A-Za-z0-9_@+:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
