import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectCleaners } from '../../../dist/cli/cleaner/cleaner.js';

const LINKS = ['/tmp/bl-0/box'];
const DAY = 86_400;

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function put(name: string, text = ''): void {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
}

function putSystemd(): void {
  put('usr/bin/systemd-tmpfiles');
  put('run/systemd/system/.keep');
  put('usr/lib/systemd/system/systemd-tmpfiles-clean.timer', '[Timer]\nOnBootSec=15min\nOnUnitActiveSec=1d\n');
  put('usr/lib/systemd/system/systemd-tmpfiles-clean.service', '[Service]\n');
  put('usr/lib/systemd/system/timers.target.wants/systemd-tmpfiles-clean.timer', '[Timer]\n');
  put('usr/lib/tmpfiles.d/tmp.conf', 'q /tmp 1777 root root 10d\n');
}

function inspect(platform: NodeJS.Platform = 'linux') {
  return inspectCleaners({ links: LINKS, root, platform });
}

describe('systemd-tmpfiles', () => {
  it('takes an idle link where its timer runs and /tmp has an age, and the line that says so is named', () => {
    putSystemd();
    expect(inspect().soonest).toEqual({
      name: 'systemd-tmpfiles',
      active: true,
      reason: 'systemd-tmpfiles-clean.timer runs it',
      takesLink: true,
      ageSeconds: 10 * DAY,
      rule: { file: path.join(root, 'usr/lib/tmpfiles.d/tmp.conf'), line: 1, text: 'q /tmp 1777 root root 10d' },
      schedule: 'OnBootSec=15min OnUnitActiveSec=1d',
      protect: "echo 'x /tmp/bl-*' | sudo tee /etc/tmpfiles.d/boxsockets.conf",
    });
  });

  it('takes none once its own remedy is applied, and the remedy fits a line that cleans the parent itself', () => {
    putSystemd();
    put('usr/lib/tmpfiles.d/more.conf', 'e /tmp/bl-0 - - - 1d\n');
    const before = inspect().soonest;
    expect(before?.ageSeconds).toBe(DAY);
    expect(before?.protect).toBe("echo 'x /tmp/bl-*/*' | sudo tee /etc/tmpfiles.d/boxsockets.conf");
    put('etc/tmpfiles.d/boxsockets.conf', `${/'(.*)'/.exec(before?.protect ?? '')?.[1]}\n`);
    expect(inspect().soonest).toBeNull();
  });

  it.each([
    ['systemd is not running', () => fs.rmSync(path.join(root, 'run'), { recursive: true })],
    ['masked', () => fs.symlinkSync('/dev/null', path.join(root, 'etc/systemd/system/systemd-tmpfiles-clean.timer'))],
    ['masked', () => put('etc/systemd/system/systemd-tmpfiles-clean.service')],
    [
      'not enabled',
      () => fs.rmSync(path.join(root, 'usr/lib/systemd/system/timers.target.wants'), { recursive: true }),
    ],
    ['no clean-up timer', () => fs.rmSync(path.join(root, 'usr/lib/systemd'), { recursive: true })],
  ])('is there but does not run by itself: %s', (reason, change) => {
    putSystemd();
    put('etc/systemd/system/.keep');
    change();
    const report = inspect();
    expect(report.soonest).toBeNull();
    expect(report.cleaners[0]).toMatchObject({ active: false, takesLink: true });
    expect(report.cleaners[0]?.reason).toContain(reason);
  });

  it('says the schedule that a drop-in sets', () => {
    putSystemd();
    const dir = 'etc/systemd/system/systemd-tmpfiles-clean.timer.d';
    put(`${dir}/10.conf`, '[Timer]\nOnUnitActiveSec=\nOnUnitActiveSec=1h\n');
    expect(inspect().soonest?.schedule).toBe('OnBootSec=15min OnUnitActiveSec=1h');
  });

  it('does not cross a mount', () => {
    putSystemd();
    const mountPoints = new Set(['/tmp/bl-0']);
    expect(inspectCleaners({ links: LINKS, root, platform: 'linux', mountPoints }).soonest).toBeNull();
  });

  it('is asked about every link, and a line for one of them alone counts', () => {
    putSystemd();
    put('etc/tmpfiles.d/one.conf', 'x /tmp/bl-0/box\n');
    expect(inspect().soonest).toBeNull();
    const links = [...LINKS, '/tmp/bl-0/other'];
    expect(inspectCleaners({ links, root, platform: 'linux' }).soonest?.ageSeconds).toBe(10 * DAY);
  });

  it('keeps a base with a space or a percent sign in its own line whole', () => {
    putSystemd();
    put('etc/tmpfiles.d/deep.conf', 'd "/srv/my %%base" - - - 2d\n');
    const before = inspectCleaners({ links: ['/srv/my %base/bl-0/box'], root, platform: 'linux' });
    expect(before.tmpfilesLine).toBe('x "/srv/my %%base/bl-*"');
    put('etc/tmpfiles.d/boxsockets.conf', `${before.tmpfilesLine}\n`);
    const after = inspectCleaners({ links: ['/srv/my %base/bl-0/box'], root, platform: 'linux' });
    expect([before.soonest?.ageSeconds, after.soonest]).toEqual([2 * DAY, null]);
  });
});

describe('tmpreaper, as Debian packages it', () => {
  function putTmpreaper(conf: string): void {
    put('usr/sbin/tmpreaper');
    put('etc/cron.daily/tmpreaper', 'nice -n10 tmpreaper --mtime-dir --symlinks $TMPREAPER_TIME $TMPREAPER_DIRS\n');
    put('etc/tmpreaper.conf', conf);
  }

  it('takes a link after its time, 7 days where none is set', () => {
    putTmpreaper("RUNFROMCRON=true\nTMPREAPER_DIRS='/tmp/.'\n");
    expect(inspect().soonest).toMatchObject({ name: 'tmpreaper', ageSeconds: 7 * DAY, schedule: 'daily' });
    putTmpreaper('RUNFROMCRON=true\nTMPREAPER_TIME=2d # two days\n');
    expect(inspect().soonest?.ageSeconds).toBe(2 * DAY);
    putTmpreaper('RUNFROMCRON=true\n');
    put('etc/default/rcS', 'TMPTIME=3\n');
    expect(inspect().soonest?.ageSeconds).toBe(3 * DAY);
  });

  it.each([
    ['SHOWWARNING=true\nRUNFROMCRON=true\n', false],
    ['#RUNFROMCRON=true\n', false],
    ["RUNFROMCRON=true\nTMPREAPER_DIRS='/var/tmp/.'\n", true],
    ["RUNFROMCRON=true\nTMPREAPER_PROTECT_EXTRA='/tmp/no /tmp/bl-*'\n", true],
  ])('takes none with %j', (conf, active) => {
    putTmpreaper(conf);
    expect(inspect().soonest).toBeNull();
    expect(inspect().cleaners[0]).toMatchObject({ name: 'tmpreaper', active, takesLink: false });
  });

  it('takes none where it is not told --symlinks', () => {
    putTmpreaper('RUNFROMCRON=true\n');
    put('etc/cron.daily/tmpreaper', 'tmpreaper $TMPREAPER_TIME $TMPREAPER_DIRS # no --symlinks-like option\n');
    expect(inspect().cleaners[0]?.takesLink).toBe(false);
  });
});

describe('tmpwatch, as Red Hat packages it', () => {
  it('takes a link after the time its cron script says, and the remedy is a line of it', () => {
    put('usr/sbin/tmpwatch');
    put(
      'etc/cron.daily/tmpwatch',
      '#! /bin/sh\nflags=-umc\n/usr/sbin/tmpwatch "$flags" -x /tmp/.X11-unix \\\n  -X \'/tmp/hsperfdata_*\' 10d /tmp\n/usr/sbin/tmpwatch "$flags" 30d /var/tmp\n',
    );
    expect(inspect().soonest).toMatchObject({ name: 'tmpwatch', ageSeconds: 10 * DAY, rule: { line: 3 } });
  });

  it.each([
    "/usr/sbin/tmpwatch -X '/tmp/bl-*' 10d /tmp",
    '/usr/sbin/tmpwatch --exclude=/tmp/bl-0 10d /tmp',
    '/usr/sbin/tmpwatch -ml 10d /tmp',
    '/usr/sbin/tmpwatch --nosymlinks 240 /tmp',
    '/usr/sbin/tmpwatch 10d /var/tmp',
    '# /usr/sbin/tmpwatch 10d /tmp',
  ])('takes none with: %s', (line) => {
    put('usr/sbin/tmpwatch');
    put('etc/cron.daily/tmpwatch', `${line}\n`);
    expect(inspect().soonest).toBeNull();
  });
});

describe('elsewhere', () => {
  it('the rule of macOS is stated, and takes no link', () => {
    const report = inspect('darwin');
    expect(report.soonest).toBeNull();
    expect(report.cleaners[0]).toMatchObject({ name: 'macos', takesLink: false });
  });

  it('a machine without a cleaner has none', () => {
    expect(inspect()).toMatchObject({ cleaners: [], soonest: null, tmpfilesLine: 'x /tmp/bl-*', unreadable: [] });
  });

  it('the soonest of several is named', () => {
    putSystemd();
    put('usr/sbin/tmpwatch');
    put('etc/cron.daily/tmpwatch', 'tmpwatch 48 /tmp\n');
    expect(inspect().soonest).toMatchObject({ name: 'tmpwatch', ageSeconds: 2 * DAY });
    expect(inspect().cleaners).toHaveLength(2);
  });
});
