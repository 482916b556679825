// What cleans the base of the bindings on this machine, and how soon it takes a link that nobody follows.

import * as path from 'node:path';
import { type CronCleaner, tmpreaper, tmpwatch } from './cron-cleaners.js';
import { systemdState } from './systemd.js';
import { readTmpfilesConfig } from './tmpfiles-rules.js';
import { type TmpfilesVerdict, tmpfilesVerdict, wouldProtect } from './tmpfiles-verdict.js';

/** A program that cleans temporary directories. */
export interface Cleaner {
  name: 'systemd-tmpfiles' | 'tmpreaper' | 'tmpwatch' | 'macos';
  /** It runs here by itself. */
  active: boolean;
  /** Why it does, or does not. */
  reason: string;
  /** Its configuration lets it take an idle link. */
  takesLink: boolean;
  /** The age in seconds from which it takes one: 0 is "at every run", null where it takes none. */
  ageSeconds: number | null;
  /** The line that says so. */
  rule: { file: string; line: number; text: string } | null;
  /** How often it runs, as its configuration says it. */
  schedule: string | null;
  /** A command for those who administer the machine, after which it takes no link; null where it takes none. */
  protect: string | null;
}

/** What `inspectCleaners` found. */
export interface CleanerReport {
  /** Every cleaner that is installed. */
  cleaners: Cleaner[];
  /** The one that takes a link first, of those that run by themselves. */
  soonest: Cleaner | null;
  /** The line of tmpfiles.d(5) that keeps the bindings of every user. */
  tmpfilesLine: string;
  /** Configuration that could not be read, so that the answer may be wrong. */
  unreadable: { path: string; code: string }[];
}

/** What `inspectCleaners` is asked. */
export interface CleanerQuestion {
  /** The links in question: absolute, their directory resolved. */
  links: string[];
  /** Where the machine's configuration is; another directory in tests. */
  root?: string;
  platform?: NodeJS.Platform;
  /** Paths at which something is mounted. */
  mountPoints?: ReadonlySet<string>;
}

/**
 * Which program takes a link that nobody follows, and how soon. Reads configuration only, starts nothing.
 *
 * @example
 * inspectCleaners({ links: ['/tmp/bl-1000/box'] }).soonest?.ageSeconds; // 864000 where /tmp ages for 10 days
 */
export function inspectCleaners(question: CleanerQuestion): CleanerReport {
  const { links, root = '/', platform = process.platform, mountPoints = new Set() } = question;
  const pattern = `${path.dirname(path.dirname(links[0] ?? '/tmp/bl-0/id'))}/bl-*`;
  const tmpfilesLine = `x ${quoteTmpfiles(pattern)}`;
  if (platform === 'darwin') return { cleaners: [MACOS], soonest: null, tmpfilesLine, unreadable: [] };
  const { unreadable, ...systemd } = systemdTmpfiles({ links, root, mountPoints, pattern });
  const cron = links.flatMap((link) => [tmpreaper(link, root) ?? [], tmpwatch(link, root)].flat());
  const cleaners = [
    ...(systemd.cleaner === null ? [] : [systemd.cleaner]),
    ...['tmpreaper', 'tmpwatch'].flatMap((name) => soonestOf(cron.filter((one) => one.name === name)) ?? []),
  ].map((cleaner) => ('protect' in cleaner ? cleaner : describeCron(cleaner, pattern)));
  return { cleaners, soonest: soonest(cleaners), tmpfilesLine, unreadable };
}

// From documentation, not measured: /usr/libexec/tmp_cleaner, in older releases periodic(8)'s 110.clean-tmps.
const MACOS: Cleaner = {
  name: 'macos',
  active: true,
  reason: 'it deletes regular files unused for 3 days and empty directories, neither symlinks nor sockets',
  takesLink: false,
  ageSeconds: null,
  rule: null,
  schedule: 'daily',
  protect: null,
};

function systemdTmpfiles(question: {
  links: string[];
  root: string;
  mountPoints: ReadonlySet<string>;
  pattern: string;
}): { cleaner: Cleaner | null; unreadable: CleanerReport['unreadable'] } {
  const { links, root, mountPoints, pattern } = question;
  const state = systemdState(root);
  if (!state.installed) return { cleaner: null, unreadable: [] };
  const { rules, unreadable } = readTmpfilesConfig(root);
  const taken = links
    .flatMap((link) => {
      const verdict = tmpfilesVerdict(rules, link, mountPoints);
      return verdict === null ? [] : [{ link, verdict }];
    })
    .sort((a, b) => a.verdict.age.milliseconds - b.verdict.age.milliseconds)[0];
  const { active, reason, schedule } = state;
  const base = { name: 'systemd-tmpfiles' as const, active, reason, schedule };
  if (taken === undefined) {
    return { cleaner: { ...base, takesLink: false, ageSeconds: null, rule: null, protect: null }, unreadable };
  }
  const { rule, age } = taken.verdict;
  const cleaner: Cleaner = {
    ...base,
    takesLink: true,
    ageSeconds: age.milliseconds / 1000,
    rule: { file: rule.file, line: rule.line, text: rule.text },
    protect: protectFromTmpfiles(taken.verdict, taken.link, pattern),
  };
  return { cleaner, unreadable };
}

function protectFromTmpfiles(verdict: TmpfilesVerdict, link: string, pattern: string): string {
  const line = `x ${quoteTmpfiles(wouldProtect(verdict, link, pattern) ? pattern : `${pattern}/*`)}`;
  return `echo '${line}' | sudo tee /etc/tmpfiles.d/boxsockets.conf`;
}

// In tmpfiles.d(5) a space ends a field and a percent sign begins a specifier.
function quoteTmpfiles(pattern: string): string {
  const escaped = pattern.replaceAll('%', '%%');
  return /\s/.test(escaped) ? `"${escaped}"` : escaped;
}

function describeCron(found: CronCleaner, pattern: string): Cleaner {
  const { milliseconds, ...rest } = found;
  const takes = found.takesLink && milliseconds !== null;
  return {
    ...rest,
    takesLink: takes,
    ageSeconds: takes ? milliseconds / 1000 : null,
    protect: takes ? cronProtection(found, pattern) : null,
  };
}

function cronProtection(found: CronCleaner, pattern: string): string {
  return found.name === 'tmpreaper'
    ? `echo "TMPREAPER_PROTECT_EXTRA=\\"\\$TMPREAPER_PROTECT_EXTRA ${pattern}\\"" | sudo tee -a /etc/tmpreaper.conf`
    : `sudo sed -i "s#tmpwatch #tmpwatch -X '${pattern}' #" ${found.rule?.file ?? '/etc/cron.daily/tmpwatch'}`;
}

function soonestOf(found: CronCleaner[]): CronCleaner | null {
  const age = (one: CronCleaner) => (one.takesLink ? (one.milliseconds ?? Number.POSITIVE_INFINITY) : Number.MAX_VALUE);
  return [...found].sort((a, b) => age(a) - age(b))[0] ?? null;
}

function soonest(cleaners: Cleaner[]): Cleaner | null {
  const taking = cleaners.filter((cleaner) => cleaner.active && cleaner.takesLink);
  return taking.sort((a, b) => (a.ageSeconds ?? 0) - (b.ageSeconds ?? 0))[0] ?? null;
}
