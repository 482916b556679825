import * as path from 'node:path';
import { toOptions, toPath } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import type { PathAccess, PathKind } from '../paths/path-access.js';
import { isBeneath } from '../paths/within.js';

/**
 * Checks a policy and puts it in order: paths normalized, each once, ancestors before what lies beneath them, so that
 * the deepest entry decides wherever the rule that comes last wins. Of a path listed twice, the wider access counts.
 */
export function orderedRules(paths: readonly PathAccess[]): PathAccess[] {
  if (!Array.isArray(paths)) throw invalidArgType('paths', 'an array of PathAccess', paths);
  const byPath = new Map<string, PathAccess>();
  const add = (rule: PathAccess, name: string): void => {
    const earlier = byPath.get(rule.path);
    byPath.set(rule.path, earlier === undefined ? rule : merged(earlier, rule, name));
  };
  for (const [index, entry] of paths.entries()) add(checkedRule(entry, `paths[${index}]`), `paths[${index}]`);
  // A link cannot be had without the directory that holds it, so that is part of the policy, listed or not.
  for (const holder of linkHolders([...byPath.values()]).keys()) {
    add({ path: holder, writable: false, kind: 'directory' }, 'paths');
  }
  const rules = [...byPath.values()].sort((a, b) => comparePaths(a.path, b.path));
  checkLinks(rules);
  return rules;
}

/** The directories that hold the links of a policy: of them, nothing but those links may be seen. */
export function linkHolders(rules: readonly PathAccess[]): Map<string, PathAccess[]> {
  const holders = new Map<string, PathAccess[]>();
  for (const rule of rules) {
    if (rule.linkTo === undefined) continue;
    const holder = path.posix.dirname(rule.path);
    holders.set(holder, [...(holders.get(holder) ?? []), rule]);
  }
  return holders;
}

/** Orders paths component by component, which puts a directory right before everything beneath it. */
function comparePaths(a: string, b: string): number {
  // '/' sorts as the lowest character, or '/a-b' would come between '/a' and '/a/b'.
  const left = a.replaceAll('/', '\0');
  const right = b.replaceAll('/', '\0');
  return left < right ? -1 : Number(left > right);
}

/**
 * An absolute path without `.`, doubled or trailing slashes. `..` is refused: behind a symlink, what it means is known
 * to the file system alone, and a policy does not ask it.
 */
export function normalizedPath(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'a string', value);
  if (!toPath(name, value).startsWith('/')) throw invalidArgValue(name, value, 'must be an absolute path');
  if (value.split('/').includes('..')) {
    throw invalidArgValue(name, value, "must not contain '..'; resolve it first, with canonicalizeKeepingLeaf()");
  }
  const normal = path.posix.normalize(value);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function checkedRule(entry: unknown, name: string): PathAccess {
  if (typeof entry !== 'object' || entry === null) throw invalidArgType(name, 'a PathAccess', entry);
  const given: Partial<Record<keyof PathAccess, unknown>> = entry;
  const known = { path: true, writable: true, kind: true, linkTo: true } as const;
  const { path: value, writable, kind, linkTo } = toOptions(given, known, name);
  const rulePath = normalizedPath(value, `${name}.path`);
  if (typeof writable !== 'boolean') throw invalidArgType(`${name}.writable`, 'a boolean', writable);
  const rule = { path: rulePath, writable, kind: toPathKind(`${name}.kind`, kind) };
  return linkTo === undefined ? rule : { ...rule, linkTo: normalizedPath(linkTo, `${name}.linkTo`) };
}

export function toPathKind(name: string, kind: unknown): PathKind {
  if (kind === 'directory' || kind === 'file') return kind;
  throw invalidArgValue(name, kind, "must be 'directory' or 'file'");
}

function merged(a: PathAccess, b: PathAccess, name: string): PathAccess {
  if (a.kind !== b.kind) throw invalidArgValue(`${name}.kind`, b.kind, `contradicts the '${a.kind}' listed before`);
  if (a.linkTo !== undefined && b.linkTo !== undefined && a.linkTo !== b.linkTo) {
    throw invalidArgValue(`${name}.linkTo`, b.linkTo, `contradicts the '${a.linkTo}' listed before`);
  }
  return { ...a, ...b, writable: a.writable || b.writable };
}

function checkLinks(rules: readonly PathAccess[]): void {
  const holders = linkHolders(rules);
  for (const rule of rules) {
    if (rule.writable && holders.has(rule.path)) {
      const rest = 'must not grant writing to the directory that holds the binding: other boxes have theirs there';
      throw invalidArgValue('paths', rule.path, rest);
    }
    const link = rules.find((other) => other.linkTo !== undefined && isBeneath(rule.path, other.path));
    if (link !== undefined) {
      throw invalidArgValue('paths', rule.path, `must be named beneath '${link.linkTo}', where '${link.path}' leads`);
    }
  }
}
