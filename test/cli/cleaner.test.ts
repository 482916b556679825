import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { inspectCleaners, type Machine } from '../../dist/cli/cleaner.js';
import { missingMount, missingTool, promise } from '../helpers.js';

const LINK = '/tmp/bl-0/box';
const TMP = 'q /tmp 1777 root root 10d';

/** A machine whose systemd runs, with this configuration. */
function machine(lines: string[] | null, changes: Partial<Machine> = {}): Machine {
  return {
    platform: 'linux',
    exists: (file) => file === '/run/systemd/system',
    run: (program) => {
      if (program === 'systemctl') return 'active\n';
      return lines === null ? null : ['# /usr/lib/tmpfiles.d/tmp.conf', '# a comment', '', ...lines].join('\n');
    },
    ...changes,
  };
}

const only = (of: Machine, link = LINK) => inspectCleaners(link, of).cleaners[0];

describe('systemd-tmpfiles', () => {
  it('takes an idle link where its timer runs and /tmp has an age, and the line that says so is named', () => {
    expect(inspectCleaners(LINK, machine([TMP]))).toEqual({
      cleaners: [
        {
          name: 'systemd-tmpfiles',
          active: true,
          takesLink: true,
          age: '10d',
          rule: `/usr/lib/tmpfiles.d/tmp.conf: ${TMP}`,
          reason: 'systemd-tmpfiles-clean.timer starts it',
        },
      ],
      tmpfilesLine: 'x /tmp/bl-*',
    });
  });

  it('is there and does not run where systemd is not the init, or its timer is not active', () => {
    const bare = machine([TMP], { exists: () => false });
    const stopped = machine([TMP], { run: (program) => (program === 'systemctl' ? null : TMP) });
    for (const one of [bare, stopped]) {
      expect(only(one)).toMatchObject({
        active: false,
        takesLink: true,
        reason: expect.stringContaining('not active'),
      });
    }
  });

  it.each<[what: string, takes: boolean | null, age: string | null, lines: string[]]>([
    ['no age', false, null, ['q /tmp 1777 root root -', 'D /tmp 1777 root root']],
    ['an age at boot alone', false, null, ['D! /tmp 1777 root root 10d']],
    ['an age for what lies above the base', true, '5d', ['d / - - - 5d']],
    ['an age for another directory', false, null, ['d /var/tmp - - - 5d', 'd /tmp/bl-1 - - - 1d', 'd /tm - - - 1d']],
    ['an age for the parent itself, by a pattern', true, '1d', [TMP, 'e /tmp/bl-? - - - 1d']],
    ['the line that doctor shows', false, null, [TMP, 'x /tmp/bl-*']],
    ['x for the parent alone', false, null, [TMP, 'x /tmp/bl-0']],
    ['x for the bindings', false, null, [TMP, 'x /tmp/bl-*/*']],
    ['X for the bindings', false, null, [TMP, 'X /tmp/bl-0/*']],
    ['X for the parent: it protects the directory alone', true, '10d', [TMP, 'X /tmp/bl-*']],
    ['x for another user', true, '10d', [TMP, 'x /tmp/bl-1*', 'x /tmp/*/*/*']],
    ['a line of its own without an age', false, null, [TMP, 'd /tmp/bl-0 0700 root root -']],
    ['an age that keeps what lies in the directory itself', false, null, ['d /tmp/bl-0 - - - ~1d']],
    ['of two lines for one path the first', true, '10d', [TMP, 'q /tmp 1777 root root 1d']],
    ['a quoted path', true, '2d', ['d "/tmp" - - - 2d']],
    ['a specifier that may mean the bindings', null, null, [TMP, 'x /tmp/bl-%U']],
    ['a specifier and a set of characters elsewhere', true, '10d', [TMP, 'x /tmp/systemd-private-%b-*', 'd /run/[ab]']],
    ['a set of characters that may mean the bindings', null, null, [TMP, 'x /tmp/bl-[0-9]']],
  ])('%s: takes the link %s', (_, takes, age, lines) => {
    expect(only(machine(lines))).toMatchObject({ takesLink: takes, age });
    if (takes === null) expect(only(machine(lines))?.reason).toContain('look at systemd-tmpfiles --cat-config');
  });

  it('that is too old to show its configuration cannot be told, and one that is not there is not named', () => {
    const old = machine(null, { exists: (file) => file === '/usr/bin/systemd-tmpfiles' });
    expect(only(old)).toMatchObject({ takesLink: null, reason: expect.stringContaining('look at') });
    expect(inspectCleaners(LINK, machine(null)).cleaners).toEqual([]);
  });

  it('gets a line that fits the base, whatever is in its name', () => {
    const line = (base: string) => inspectCleaners(`${base}/bl-0/id`, machine([])).tmpfilesLine;
    expect(line('/srv/a b')).toBe('x "/srv/a b/bl-*"');
    expect(line('/srv/50%')).toBe('x /srv/50%%/bl-*');
  });

  // The machine's own configuration is replaced where nobody else sees it.
  const missing = missingTool('systemd-tmpfiles') ?? missingMount() ?? missingTool('unshare');
  promise(missing, 'the real one shows its lines, and after the remedy, pasted, it takes none', () => {
    const module = require.resolve('../../dist/cli/cleaner.js');
    const look = `console.log(JSON.stringify(require('${module}').inspectCleaners('${LINK}')))`;
    const node = `'${process.execPath}' -e "$0"`;
    const paste = "echo 'x /tmp/bl-*' | tee /etc/tmpfiles.d/boxsockets.conf >/dev/null";
    const line = `echo '${TMP}' >/etc/tmpfiles.d/tmp.conf`;
    const script = `mount -t tmpfs t /etc/tmpfiles.d && ${line} && ${node} && ${paste} && ${node}`;
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, look], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const [before, after] = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text).cleaners[0]);
    expect(before).toMatchObject({ takesLink: true, age: '10d', rule: `/etc/tmpfiles.d/tmp.conf: ${TMP}` });
    expect(after).toMatchObject({ takesLink: false });
  });
});

describe('other cleaners', () => {
  const reaper = (settings: string) =>
    only(
      machine(null, {
        exists: (file) => file.endsWith('/tmpreaper'),
        run: (program) => (program === 'cat' ? settings : null),
      }),
    );

  it('tmpreaper takes a link where cron starts it, unless its configuration stops it or protects the bindings', () => {
    expect(reaper('')).toMatchObject({ name: 'tmpreaper', active: true, takesLink: true, age: '7d' });
    expect(reaper('TMPREAPER_TIME=2d\n')).toMatchObject({ active: true, age: '2d' });
    expect(reaper('SHOWWARNING=true\n')).toMatchObject({ active: false });
    expect(reaper("TMPREAPER_PROTECT_EXTRA='/tmp/bl-*'\n")).toMatchObject({ takesLink: false, age: null });
  });

  it('of tmpwatch it cannot be told, and the place to look at is named', () => {
    const of = machine(null, { exists: (file) => file === '/usr/sbin/tmpwatch' });
    expect(only(of)).toMatchObject({ takesLink: null, reason: expect.stringContaining('/etc/cron.daily') });
  });

  it('macOS takes none', () => {
    expect(only(machine([TMP], { platform: 'darwin' }))).toMatchObject({ name: 'macos', takesLink: false });
  });
});
