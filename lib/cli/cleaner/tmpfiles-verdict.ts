// Whether `systemd-tmpfiles --clean` will take a binding: its walk (dir_cleanup in tmpfiles.c) replayed on paths.

import type { Age } from './age.js';
import { expandBraces, fnmatch } from './fnmatch.js';
import { isGlobType, type TmpfilesRule } from './tmpfiles-rules.js';

/** The line that takes a link, and when. */
export interface TmpfilesVerdict {
  rule: TmpfilesRule;
  /** The directory that the line cleans, from which the walk reaches the link. */
  root: string;
  age: Age;
}

const CLEANING_TYPES = 'dDvqQCexX';

/**
 * The line that takes a link the soonest, or null where none does.
 *
 * @param rules in force, see `readTmpfilesConfig`.
 * @param link absolute path of the link, its directory resolved.
 * @param mountPoints paths at which something is mounted: the walk does not cross one.
 */
export function tmpfilesVerdict(
  rules: TmpfilesRule[],
  link: string,
  mountPoints: ReadonlySet<string> = new Set(),
): TmpfilesVerdict | null {
  const verdicts = rules.flatMap((rule) => {
    const age = effectiveAge(rule, rules);
    if (age === null || age.milliseconds === Number.POSITIVE_INFINITY) return [];
    return ancestors(link)
      .filter((dir) => cleans(rule, dir) && reaches({ dir, link, age, rules, mountPoints }))
      .map((root) => ({ rule, root, age }));
  });
  return verdicts.sort((a, b) => a.age.milliseconds - b.age.milliseconds)[0] ?? null;
}

/** Whether one more line, `x PATTERN`, would keep the link. */
export function wouldProtect(verdict: TmpfilesVerdict, link: string, pattern: string): boolean {
  return pathsBetween(verdict.root, link).some((path) => fnmatch(pattern, path));
}

// An `X` line protects a directory alone, and ages what is in it by the line of the directory that holds it.
function effectiveAge(rule: TmpfilesRule, rules: TmpfilesRule[]): Age | null {
  if (!CLEANING_TYPES.includes(rule.type)) return null;
  if (rule.type !== 'X') return rule.age;
  const holder = holderOf(rule, rules);
  if (holder?.age === null || holder === null) return rule.age;
  const own = rule.age ?? { keepsFirstLevel: false, fileTimes: ['a', 'b', 'c', 'm'] };
  return { ...own, milliseconds: holder.age.milliseconds };
}

function holderOf(rule: TmpfilesRule, rules: TmpfilesRule[]): TmpfilesRule | null {
  let holder: TmpfilesRule | null = null;
  for (const candidate of rules) {
    if (!'dDvqQ'.includes(candidate.type)) continue;
    if (candidate.path === rule.path) return candidate;
    const nearer =
      holder === null
        ? isWithin(rule.path, candidate.path)
        : isWithin(candidate.path, holder.path) && fnmatch(rule.path, candidate.path);
    if (nearer) holder = candidate;
  }
  return holder;
}

function cleans(rule: TmpfilesRule, dir: string): boolean {
  if (rule.path === dir) return true;
  return isGlobType(rule.type) && expandBraces(rule.path).some((pattern) => fnmatch(pattern, dir));
}

// Below the directory that a line cleans, any entry with a line of its own is passed over, of whatever type that is.
function reaches(walk: {
  dir: string;
  link: string;
  age: Age;
  rules: TmpfilesRule[];
  mountPoints: ReadonlySet<string>;
}): boolean {
  const steps = pathsBetween(walk.dir, walk.link);
  if (walk.age.keepsFirstLevel && steps.length === 1) return false;
  return !steps.some((step) => walk.mountPoints.has(step) || walk.rules.some((rule) => hasOwnLine(rule, step)));
}

function hasOwnLine(rule: TmpfilesRule, path: string): boolean {
  return isGlobType(rule.type) ? fnmatch(rule.path, path) : rule.path === path;
}

function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir === '/' ? '/' : `${dir}/`);
}

/** `/`, `/tmp`, `/tmp/bl-0` for `/tmp/bl-0/box`. */
function ancestors(path: string): string[] {
  const names = path.split('/').slice(1, -1);
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
}

/** `/tmp/bl-0`, `/tmp/bl-0/box` for what lies between `/tmp` and `/tmp/bl-0/box`, the latter included. */
function pathsBetween(dir: string, path: string): string[] {
  return [...ancestors(path), path].filter((step) => step !== dir && isWithin(step, dir));
}
