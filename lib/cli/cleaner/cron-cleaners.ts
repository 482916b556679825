// tmpreaper (Debian) and tmpwatch (Red Hat): cleaners that cron starts. Both ignore the lock that systemd-tmpfiles
// honours. tmpreaper spares symlinks unless it is told --symlinks, which Debian's own cron script does; tmpwatch
// takes them unless it is told --nosymlinks.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expandBraces, fnmatch } from './fnmatch.js';
import { splitWords } from './words.js';

/** One cleaner that cron starts, as far as its configuration tells. */
export interface CronCleaner {
  name: 'tmpreaper' | 'tmpwatch';
  active: boolean;
  reason: string;
  takesLink: boolean;
  milliseconds: number | null;
  rule: { file: string; line: number; text: string } | null;
  schedule: string | null;
}

const SCRIPT_DIRS = ['hourly', 'daily', 'weekly', 'monthly'] as const;

/** tmpreaper as Debian runs it, or null where it is not installed. */
export function tmpreaper(link: string, root = '/'): CronCleaner | null {
  if (!fs.existsSync(path.join(root, 'usr/sbin/tmpreaper'))) return null;
  const script = SCRIPT_DIRS.map((period) => ({ period, file: path.join(root, `etc/cron.${period}/tmpreaper`) })).find(
    ({ file }) => fs.existsSync(file),
  );
  const confFile = path.join(root, 'etc/tmpreaper.conf');
  const settings = shellSettings(confFile);
  const idle = (reason: string): CronCleaner => ({
    name: 'tmpreaper',
    active: false,
    reason,
    takesLink: false,
    milliseconds: null,
    rule: null,
    schedule: null,
  });
  if (script === undefined) return idle('it is installed, and no cron script of its starts it');
  if (settings.get('SHOWWARNING') === 'true') return idle('SHOWWARNING=true in tmpreaper.conf stops it');
  if (settings.get('RUNFROMCRON') !== 'true') return idle('tmpreaper.conf does not set RUNFROMCRON=true');
  const code = readText(script.file).replace(/(^|\s)#.*$/gm, '$1');
  const options = `${code} ${settings.get('TMPREAPER_ADDITIONALOPTIONS') ?? ''}`;
  const dirs = words(settings.get('TMPREAPER_DIRS') ?? '/tmp/.').map((dir) => dir.replace(/\/\.?$/, ''));
  const isProtected = words(settings.get('TMPREAPER_PROTECT_EXTRA') ?? '').some((pattern) => protects(pattern, link));
  const time = settings.get('TMPREAPER_TIME') ?? bootTime(root);
  return {
    name: 'tmpreaper',
    active: true,
    reason: `cron.${script.period} starts it`,
    takesLink:
      /(?<=\s)--symlinks(?=\s)/.test(`${options} `) && dirs.some((dir) => link.startsWith(`${dir}/`)) && !isProtected,
    milliseconds: spanOfHours(time),
    rule: { file: confFile, line: lineOf(confFile, 'TMPREAPER_TIME'), text: `TMPREAPER_TIME=${time}` },
    schedule: script.period,
  };
}

/** Every call of tmpwatch in cron's scripts and tables that names a directory above the link. */
export function tmpwatch(link: string, root = '/'): CronCleaner[] {
  if (!['usr/sbin/tmpwatch', 'usr/bin/tmpwatch'].some((binary) => fs.existsSync(path.join(root, binary)))) return [];
  return cronTexts(root).flatMap(({ file, schedule }) =>
    logicalLines(readText(file)).flatMap(({ line, text }) => {
      const call = parseTmpwatch(text);
      if (call === null || !call.dirs.some((dir) => link.startsWith(`${dir.replace(/\/+$/, '')}/`))) return [];
      return [
        {
          name: 'tmpwatch' as const,
          active: true,
          reason: `${path.basename(path.dirname(file))} starts it`,
          takesLink: call.takesSymlinks && !call.excluded.some((pattern) => protects(pattern, link)),
          milliseconds: call.milliseconds,
          rule: { file, line, text: text.trim() },
          schedule,
        },
      ];
    }),
  );
}

function cronTexts(root: string): { file: string; schedule: string | null }[] {
  const listed = (dir: string) => (fs.existsSync(dir) ? fs.readdirSync(dir).map((name) => path.join(dir, name)) : []);
  return [
    ...SCRIPT_DIRS.flatMap((period) =>
      listed(path.join(root, `etc/cron.${period}`)).map((file) => ({ file, schedule: period })),
    ),
    ...[...listed(path.join(root, 'etc/cron.d')), path.join(root, 'etc/crontab')].map((file) => ({
      file,
      schedule: null,
    })),
  ];
}

interface TmpwatchCall {
  milliseconds: number;
  dirs: string[];
  excluded: string[];
  takesSymlinks: boolean;
}

function parseTmpwatch(text: string): TmpwatchCall | null {
  const command = /^[^#]*?(?:^|[\s/])tmpwatch\s+(.*)$/s.exec(text)?.[1];
  const split = command === undefined ? null : splitWords(command, 1000);
  if (split === null) return null;
  const call: TmpwatchCall = { milliseconds: -1, dirs: [], excluded: [], takesSymlinks: true };
  const args = [...split.words];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    const long = /^--(exclude|exclude-pattern)(?:=(.*))?$/s.exec(arg);
    if (arg === '-x' || arg === '-X') call.excluded.push(args.shift() ?? '');
    else if (long !== null) call.excluded.push(long[2] ?? args.shift() ?? '');
    else if (arg === '--nosymlinks' || /^-[a-zA-Z]*l/.test(arg)) call.takesSymlinks = false;
    else if (/^-|^\$/.test(arg)) continue;
    else if (call.milliseconds < 0 && /^\d+[dhms]?$/.test(arg)) call.milliseconds = spanOfHours(arg) ?? -1;
    else if (arg.startsWith('/')) call.dirs.push(arg);
    else break; // a pipe, a redirection, the next command
  }
  return call.milliseconds < 0 ? null : call;
}

// Both programs pass over an excluded directory with all that is in it.
function protects(pattern: string, link: string): boolean {
  const names = link.split('/');
  const above = names.map((_, index) => names.slice(0, index + 1).join('/')).filter((step) => step !== '');
  return expandBraces(pattern).some((plain) => above.some((step) => fnmatch(plain, step)));
}

// Of both programs: a number is hours unless a letter says otherwise.
function spanOfHours(text: string): number | null {
  const match = /^(\d+)([dhms]?)$/.exec(text);
  if (match === null) return null;
  const unit = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 }[match[2] ?? ''] ?? 3_600_000;
  return Number(match[1]) * unit;
}

function bootTime(root: string): string {
  const days = shellSettings(path.join(root, 'etc/default/rcS')).get('TMPTIME') ?? '';
  return /^[1-9]\d*$/.test(days) ? `${days}d` : '7d';
}

function shellSettings(file: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const match of readText(file).matchAll(/^\s*(?:export\s+)?([A-Z_]+)=('[^']*'|"[^"]*"|[^\s#]*)/gm)) {
    settings.set(match[1] ?? '', (match[2] ?? '').replace(/^(['"])(.*)\1$/s, '$2'));
  }
  return settings;
}

function lineOf(file: string, setting: string): number {
  return (
    readText(file)
      .split('\n')
      .findIndex((line) => line.startsWith(`${setting}=`)) + 1
  );
}

function logicalLines(text: string): { line: number; text: string }[] {
  const joined: { line: number; text: string }[] = [];
  let open = false;
  text.split('\n').forEach((part, index) => {
    const last = joined.at(-1);
    const piece = part.replace(/\\$/, ' ');
    if (open && last !== undefined) last.text += piece;
    else joined.push({ line: index + 1, text: piece });
    open = part.endsWith('\\');
  });
  return joined;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return ''; // a script that may not be read tells nothing
  }
}
