// What cleans the base on this machine, and what there is to say about it. What systemd-tmpfiles would do is asked of
// systemd-tmpfiles itself; what cannot be told for sure is said to be unknown, with the place to look at.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { type Finding, finding } from './doctor/doctor-report.js';
import { asRoot } from './doctor/remedy.js';

/** A program that cleans temporary directories, and what it does with a link that nobody follows. */
export interface Cleaner {
  name: 'systemd-tmpfiles' | 'tmpreaper' | 'tmpwatch' | 'macos';
  /** It runs by itself. */
  active: boolean;
  /** null: it cannot be told. */
  takesLink: boolean | null;
  /** From which age on, as its configuration writes it (`10d`); null where it takes none or that is not known. */
  age: string | null;
  /** The file and the line that say so. */
  rule: string | null;
  /** Why it runs or does not, and where to look where something is not known. */
  reason: string;
}

export interface CleanerReport {
  /** Every cleaner that is installed. */
  cleaners: Cleaner[];
  /** The line for /etc/tmpfiles.d that keeps the bindings of every user. */
  tmpfilesLine: string;
}

/** What the answer is read from; replaced in tests. */
export interface Machine {
  platform: NodeJS.Platform;
  exists(file: string): boolean;
  /** Standard output; null where the program cannot be run or fails. */
  run(program: string, ...args: string[]): string | null;
}

const THIS_MACHINE: Machine = {
  platform: process.platform,
  exists: fs.existsSync,
  run(program, ...args) {
    const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 5000 });
    return status === 0 ? stdout : null;
  },
};

/** Which program takes a link that nobody follows: `link` is `/tmp/bl-1000/id`, its directory resolved. */
export function inspectCleaners(link: string, machine: Machine = THIS_MACHINE): CleanerReport {
  const pattern = `${link.split('/').slice(0, -2).join('/')}/bl-*`;
  const cleaners =
    machine.platform === 'darwin' ? [MACOS] : [systemd(link, machine), tmpreaper(machine), tmpwatch(machine)];
  // In tmpfiles.d(5) a space ends a field and a percent sign begins a specifier.
  const escaped = pattern.replaceAll('%', '%%');
  return {
    cleaners: cleaners.filter((cleaner) => cleaner !== null),
    tmpfilesLine: `x ${/\s/.test(escaped) ? `"${escaped}"` : escaped}`,
  };
}

// From documentation, not measured: /usr/libexec/tmp_cleaner, in older releases periodic(8)'s 110.clean-tmps.
const MACOS: Cleaner = {
  name: 'macos',
  active: true,
  takesLink: false,
  age: null,
  rule: null,
  reason: 'it deletes regular files unused for 3 days and empty directories, neither symlinks nor sockets',
};

const TIMER = 'systemd-tmpfiles-clean.timer';

function systemd(link: string, machine: Machine): Cleaner | null {
  const config = machine.run('systemd-tmpfiles', '--cat-config');
  const cleaner = { name: 'systemd-tmpfiles', age: null, rule: null } as const;
  if (config === null) {
    if (!machine.exists('/usr/bin/systemd-tmpfiles')) return null;
    const failed = 'look at systemd-tmpfiles --cat-config, which fails here';
    return { ...cleaner, active: true, takesLink: null, reason: failed };
  }
  // sd_booted(3): the directory is there exactly while systemd is the init system.
  const runs = machine.exists('/run/systemd/system') && machine.run('systemctl', 'is-active', TIMER) !== null;
  const reason = runs ? `${TIMER} starts it` : `${TIMER} is not active here`;
  const verdict = judge(config, link);
  if (verdict === 'unknown') {
    return { ...cleaner, active: runs, takesLink: null, reason: `${reason}; look at systemd-tmpfiles --cat-config` };
  }
  const { age = null, rule = null } = verdict ?? {};
  return { ...cleaner, active: runs, takesLink: verdict !== null, age, rule, reason };
}

interface Rule {
  type: string;
  path: string;
  age: string | undefined;
  /** The file and the line. */
  rule: string;
}

/** The line that takes the link, null where none does, `'unknown'` where a line is none of the plain ones. */
function judge(config: string, link: string): Rule | null | 'unknown' {
  const rules = parse(config);
  const steps = link.split('/').map((_, index, names) => names.slice(0, index + 1).join('/') || '/');
  const unclear = (rule: Rule) => {
    const plain = rule.path.split(/[[{%\\]/, 1)[0] ?? '';
    return plain !== rule.path && (link.startsWith(plain.replace(/[*?].*$/s, '')) || plain.startsWith(link));
  };
  if (rules.some(unclear)) return 'unknown';
  const takes = (rule: Rule): boolean => {
    const at = steps.findIndex((step) => isOf(rule, step));
    // Its walk passes over whatever has a line of its own, but for X, which protects a directory alone. A tilde before
    // the age keeps what lies in the directory itself.
    const below = steps.slice(at + 1);
    const passedOver = below.some((step) =>
      rules.some((other) => isOf(other, step) && (other.type !== 'X' || step === link)),
    );
    return at !== -1 && below.length > 0 && !passedOver && !(rule.age?.includes('~') && below.length === 1);
  };
  return rules.find((rule) => 'dDvqQeC'.includes(rule.type) && (rule.age ?? '-') !== '-' && takes(rule)) ?? null;
}

/** The lines of `systemd-tmpfiles --cat-config` that the timer's `--clean` acts on; of two for one path, the first. */
function parse(config: string): Rule[] {
  let source = '';
  const rules = new Map<string, Rule>();
  for (const line of config.split('\n').map((text) => text.trim())) {
    source = /^# (\/\S.*\.conf)$/.exec(line)?.[1] ?? source;
    if (line === '' || line.startsWith('#')) continue;
    const [type = '', quoted = '', , , , age] = line.match(/"[^"]*"|\S+/g) ?? [];
    const path = quoted.replace(/^"(.*)"$/s, '$1').replace(/(?<=.)\/+$/, '');
    const key = `${'exX'.includes(type.charAt(0)) ? type.charAt(0) : ''} ${path}`;
    // An exclamation mark: at boot alone.
    if (type.includes('!') || rules.has(key)) continue;
    rules.set(key, { type: type.charAt(0), path, age, rule: `${source}: ${line}` });
  }
  return [...rules.values()];
}

function isOf({ type, path }: Rule, step: string): boolean {
  if (!'exXrRwzZmhHtTaA'.includes(type)) return path === step;
  const pattern = path.replace(/[.+^$()|]/g, '\\$&').replace(/(\*+)|\?/g, (_, stars) => (stars ? '[^/]*' : '[^/]'));
  return new RegExp(`^${pattern}$`, 's').test(step);
}

function tmpreaper(machine: Machine): Cleaner | null {
  if (!machine.exists('/usr/sbin/tmpreaper')) return null;
  const settings = machine.run('cat', '/etc/tmpreaper.conf') ?? '';
  const setting = (name: string) => new RegExp(`^\\s*${name}=["']?([^"'#\\n]*)`, 'm').exec(settings)?.[1]?.trim();
  const active = setting('SHOWWARNING') !== 'true' && machine.exists('/etc/cron.daily/tmpreaper');
  // Debian's script passes --symlinks.
  const takesLink = !(setting('TMPREAPER_PROTECT_EXTRA') ?? '').includes('/bl-*');
  const age = takesLink ? (setting('TMPREAPER_TIME') ?? '7d') : null;
  const reason = active ? '/etc/cron.daily starts it' : '/etc/tmpreaper.conf or cron keeps it from running';
  return { name: 'tmpreaper', active, takesLink, age, rule: takesLink ? '/etc/tmpreaper.conf' : null, reason };
}

function tmpwatch(machine: Machine): Cleaner | null {
  if (!['/usr/sbin/tmpwatch', '/usr/bin/tmpwatch'].some(machine.exists)) return null;
  const reason = 'look at what the scripts in /etc/cron.daily call it with';
  return { name: 'tmpwatch', active: true, takesLink: null, age: null, rule: null, reason };
}

/** Findings about what cleans the base; `isNoatime` where following a link leaves no trace there. */
export function cleanerFindings(report: CleanerReport, isNoatime: boolean): Finding[] {
  return report.cleaners.flatMap((cleaner) => {
    const { name, age, rule, reason } = cleaner;
    if (!cleaner.active || cleaner.takesLink === false) return [];
    const remedy = protection(cleaner, report.tmpfilesLine);
    if (cleaner.takesLink === null) {
      const unknown = `Whether ${name} takes the link of an idle box cannot be told: ${reason}.`;
      return [finding('cleaner-unknown', unknown, ...remedy)];
    }
    const dialing = isNoatime ? 'The base is mounted noatime, so even dialing does not keep a link. ' : '';
    // Its lock on the parent is honoured by systemd-tmpfiles alone.
    const keeps = name === 'systemd-tmpfiles' ? 'hold() keeps it, and the next' : 'The next';
    const message = `${name} takes the link of a box that nobody dialed for ${age} (${rule}). ${dialing}${keeps} ensure brings it back.`;
    return [finding('cleaner-takes-link', message, ...remedy)];
  });
}

function protection({ name }: Cleaner, line: string): string[] {
  const pattern = line.slice('x '.length);
  if (name === 'systemd-tmpfiles') {
    const add = `echo '${line}' | ${asRoot('tee', '/etc/tmpfiles.d/boxsockets.conf')}`;
    return ['systemd-tmpfiles --cat-config | grep -n -e /tmp -e bl-', add];
  }
  if (name === 'tmpwatch')
    return ['grep -rs tmpwatch /etc/cron.daily /etc/cron.d', `# add -X '${pattern}' to each call`];
  const setting = `TMPREAPER_PROTECT_EXTRA="$TMPREAPER_PROTECT_EXTRA ${pattern}"`;
  return ['grep -n TMPREAPER /etc/tmpreaper.conf', `echo '${setting}' | ${asRoot('tee', '-a', '/etc/tmpreaper.conf')}`];
}
