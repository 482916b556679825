import * as path from 'node:path';
import { checkOptions, toBoolean, toSocketName } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import type { PathAccess } from '../paths/path-access.js';
import { isBeneath } from '../paths/within.js';
import { linkHolders, orderedRules } from './path-rules.js';

/** Options of {@link seatbeltPolicy}. */
export interface SeatbeltOptions {
  /**
   * Whether the text is a profile of its own, beginning with `(version 1)` and `(deny default)`. Default true. With
   * false it is the rules alone, to be put at the end of a profile that the host has.
   */
  readonly denyDefault?: boolean;
  /**
   * SBPL put as it is before the rules: what the program itself needs (`process-exec*`, `sysctl-read`, `mach-lookup`,
   * the hypervisor's `iokit-open`, its own binary). Default none, and under `(deny default)` no program starts then.
   */
  readonly prelude?: string;
  /**
   * Names of the sockets that may be bound and dialed, `['box.sock', 'net.sock-krun.sock']`. Default: every socket in
   * the directory that a binding leads to.
   */
  readonly sockets?: readonly string[];
}

/**
 * A profile for macOS's `sandbox-exec` or `sandbox_init`: reads and writes as the policy grants them, directories as
 * `literal` and `subpath`; and `bind`, `accept` and `connect` on the sockets of every binding, named both through the
 * link and in the real directory, since Seatbelt compares either. A path beneath `/tmp`, `/var` or `/etc` is named with
 * and without `/private`, because there these three are symlinks.
 *
 * The text is a function of the arguments: the same for the same rules in whatever order, and whatever the disk holds.
 *
 * @param paths A policy. On macOS pass paths through {@link canonicalizeKeepingLeaf} first where a directory above them
 *   may be a symlink: the kernel compares resolved paths.
 * @returns SBPL, ending with a line break.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` for an entry that cannot be part of a policy, a
 *   control character in a path, an impossible socket name.
 * @example spawn('/usr/bin/sandbox-exec', ['-p', seatbeltPolicy(paths, { prelude }), shim, id]);
 */
export function seatbeltPolicy(paths: readonly PathAccess[], options: SeatbeltOptions = {}): string {
  const { denyDefault, prelude, sockets } = checkOptions(options, CHECKS);
  const rules = orderedRules(orderedRules(paths).map(inPrivate));
  const holders = linkHolders(rules);
  const sections = [
    ...(denyDefault ? ['(version 1)\n(deny default)'] : []),
    ...(prelude === '' ? [] : [prelude.trimEnd()]),
    ...section('Directories and symlinks on the way', waysTo(rules)),
    // One rule each, ancestors first: the last rule that matches decides.
    ...section('Files', fileRules(rules, holders)),
    ...section(
      'Unix sockets',
      rules.flatMap((rule) => socketRules(rule, sockets)),
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}

const SOCKET_OPERATIONS = ['network-bind', 'network-inbound', 'network-outbound'] as const;
const CHANGES_OF_ENTRIES = ['file-write-create', 'file-write-unlink'] as const;
const SYMLINKED_ROOT = /^\/(?:tmp|var|etc)(?=\/|$)/;

const CHECKS = {
  denyDefault: (name: string, value: unknown) => value === undefined || toBoolean(name, value),
  prelude(name: string, value: unknown = '') {
    if (typeof value !== 'string') throw invalidArgType(name, 'a string', value);
    return value;
  },
  sockets(name: string, value: unknown) {
    if (value !== undefined && !Array.isArray(value)) throw invalidArgType(name, 'an array of names', value);
    return value?.map((one: unknown) => toSocketName(name, one));
  },
};

/** The rule as the kernel sees it: macOS's `/tmp`, `/var` and `/etc` lead into `/private`. */
function inPrivate(rule: PathAccess): PathAccess {
  const resolved = (file: string): string => (SYMLINKED_ROOT.test(file) ? `/private${file}` : file);
  return { ...rule, path: resolved(rule.path), ...(rule.linkTo !== undefined && { linkTo: resolved(rule.linkTo) }) };
}

/** Both spellings of a resolved path, the resolved one first. */
function spellings(file: string): string[] {
  const short = file.startsWith('/private/') ? file.slice('/private'.length) : '';
  return SYMLINKED_ROOT.test(short) ? [file, short] : [file];
}

/** To resolve a path or a link, a program reads the metadata of every directory and symlink on the way. */
function waysTo(rules: readonly PathAccess[]): string[] {
  const ways = new Set<string>();
  const files = rules.flatMap((rule) => [rule.path, ...(rule.linkTo === undefined ? [] : [rule.linkTo])]);
  for (const file of files.flatMap(spellings)) {
    for (let way = path.posix.dirname(file); !ways.has(way); way = path.posix.dirname(way)) ways.add(way);
  }
  const filters = [...ways].sort().map((way) => filter('literal', way));
  return filters.length === 0 ? [] : [allow('file-read-metadata', filters)];
}

function fileRules(rules: readonly PathAccess[], holders: ReadonlyMap<string, unknown>): string[] {
  return rules.flatMap((rule) => {
    const covering = rules.filter((other) => isBeneath(rule.path, other.path) && !holders.has(other.path));
    if (holders.has(rule.path)) return holderRules(rule, covering.length > 0);
    const filters = filtersOf(rule);
    return [
      allow('file-read*', filters),
      ...(rule.writable ? [allow('file-write*', filters)] : []),
      ...(!rule.writable && covering.some((other) => other.writable) ? [deny('file-write*', filters)] : []),
      // What the link leads to may be written; the link itself is an entry of the parent, and stays what it is.
      ...(rule.linkTo === undefined ? [] : CHANGES_OF_ENTRIES.map((change) => deny(change, literals(rule.path)))),
    ];
  });
}

/** The parent itself may be read, and of what is in it nothing but the links that follow. */
function holderRules(rule: PathAccess, isCovered: boolean): string[] {
  const denied = isCovered ? ['file-read*', 'file-write*'] : [];
  return [...denied.map((operation) => deny(operation, filtersOf(rule))), allow('file-read*', literals(rule.path))];
}

function socketRules(rule: PathAccess, names: readonly string[] | undefined): string[] {
  if (rule.linkTo === undefined) return [];
  const filters = [rule.path, rule.linkTo].flatMap((directory) => {
    if (names === undefined) return filtersOf({ ...rule, path: directory });
    return names.flatMap((name) => literals(path.posix.join(directory, name)));
  });
  return filters.length === 0 ? [] : SOCKET_OPERATIONS.map((operation) => allow(operation, filters));
}

function filtersOf(rule: PathAccess): string[] {
  return spellings(rule.path).flatMap((file) => [
    filter('literal', file),
    ...(rule.kind === 'directory' ? [filter('subpath', file)] : []),
  ]);
}

function section(title: string, rules: readonly string[]): string[] {
  return rules.length === 0 ? [] : [`; ${title}\n${rules.join('\n')}`];
}

function allow(operation: string, filters: readonly string[], verdict = 'allow'): string {
  return `(${verdict} ${operation}${filters.map((text) => `\n  ${text}`).join('')})`;
}

function deny(operation: string, filters: readonly string[]): string {
  return allow(operation, filters, 'deny');
}

/** Both spellings of a path, itself alone. */
function literals(file: string): string[] {
  return spellings(file).map((spelling) => filter('literal', spelling));
}

function filter(name: 'literal' | 'subpath', file: string): string {
  // A string of SBPL is one of Scheme: only the quote and the backslash mean something in it.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(file)) {
    throw invalidArgValue('paths', file, 'must not contain control characters: an SBPL string cannot hold them');
  }
  return `(${name} "${file.replaceAll(/["\\]/g, '\\$&')}")`;
}
