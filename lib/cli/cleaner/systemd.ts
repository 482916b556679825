// Whether systemd-tmpfiles cleans by itself on this machine: systemd runs, and its timer is there and not masked.

import * as fs from 'node:fs';
import * as path from 'node:path';

/** What is known of systemd-tmpfiles here. */
export interface SystemdState {
  installed: boolean;
  /** The timer fires: systemd is running, and the timer is wanted and not masked. */
  active: boolean;
  /** The timer's schedule as its unit says it, `OnBootSec=15min OnUnitActiveSec=1d`. */
  schedule: string | null;
  reason: string;
}

const BINARIES = ['usr/bin/systemd-tmpfiles', 'bin/systemd-tmpfiles', 'usr/sbin/systemd-tmpfiles'];
const UNIT_DIRS = [
  'etc/systemd/system',
  'run/systemd/system',
  'usr/local/lib/systemd/system',
  'usr/lib/systemd/system',
  'lib/systemd/system',
];
const TIMER = 'systemd-tmpfiles-clean.timer';
const SERVICE = 'systemd-tmpfiles-clean.service';

/** Reads the state of systemd below `root`, without starting anything. */
export function systemdState(root = '/'): SystemdState {
  const installed = BINARIES.some((binary) => fs.existsSync(path.join(root, binary)));
  const idle = (reason: string) => ({ installed, active: false, schedule: null, reason });
  if (!installed) return idle('systemd-tmpfiles is not installed');
  // sd_booted(3): the directory is there exactly while systemd is the init system.
  if (!fs.existsSync(path.join(root, 'run/systemd/system'))) {
    return idle('systemd is not running here, so its timer never fires');
  }
  const timer = unitFile(root, TIMER);
  const service = unitFile(root, SERVICE);
  if (timer === null || service === null) return idle('systemd has no clean-up timer here');
  if (isMasked(timer) || isMasked(service)) return idle('the clean-up timer is masked');
  const wanted = UNIT_DIRS.some((dir) => lexists(path.join(root, dir, 'timers.target.wants', TIMER)));
  if (!wanted) return idle('the clean-up timer is not enabled');
  const schedule = timerSchedule(root, timer);
  return { installed, active: true, schedule, reason: `${TIMER} runs it` };
}

function unitFile(root: string, name: string): string | null {
  return UNIT_DIRS.map((dir) => path.join(root, dir, name)).find(lexists) ?? null;
}

function lexists(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

// A masked unit is a link to /dev/null or an empty file.
function isMasked(file: string): boolean {
  try {
    return fs.lstatSync(file).isSymbolicLink() ? fs.readlinkSync(file) === '/dev/null' : fs.statSync(file).size === 0;
  } catch {
    return false;
  }
}

// An empty assignment in a drop-in clears what came before; else they add up.
function timerSchedule(root: string, timer: string): string | null {
  const texts = [timer, ...dropIns(root)].map((file) => {
    try {
      return fs.readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  });
  let settings: string[] = [];
  for (const match of texts.join('\n').matchAll(/^(On[A-Za-z]+)[ \t]*=[ \t]*(.*)$/gm)) {
    const [, key = '', value = ''] = match;
    if (value.trim() === '') settings = settings.filter((setting) => !setting.startsWith(`${key}=`));
    else settings.push(`${key}=${value.trim()}`);
  }
  return settings.length > 0 ? settings.join(' ') : null;
}

function dropIns(root: string): string[] {
  const byName = new Map<string, string>();
  for (const dir of UNIT_DIRS.map((unitDir) => path.join(root, unitDir, `${TIMER}.d`))) {
    if (!fs.existsSync(dir)) continue;
    for (const name of fs.readdirSync(dir)) {
      if (name.endsWith('.conf') && !byName.has(name)) byName.set(name, path.join(dir, name));
    }
  }
  return [...byName.keys()].sort().map((name) => byName.get(name) ?? '');
}
