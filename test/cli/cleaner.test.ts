import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Cleaner, cleanerFindings, inspectCleaners, type Machine } from '../../dist/cli/cleaner.js';
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

describe('what there is to say of a cleaner', () => {
  beforeEach(() => void vi.spyOn(process, 'geteuid').mockReturnValue(1000));
  afterEach(() => void vi.restoreAllMocks());

  const LINE = 'x /tmp/bl-*';
  const told = (changes: Partial<Cleaner>, isNoatime = false) => {
    const known = { active: true, takesLink: true, age: '7d', rule: 'RULE', reason: 'WHY' } as const;
    const cleaner: Cleaner = { name: 'systemd-tmpfiles', ...known, ...changes };
    const findings = cleanerFindings({ cleaners: [cleaner], tmpfilesLine: LINE }, isNoatime);
    return findings.map(({ severity, code, message, remedy }) => [severity, code, message, ...remedy.split('\n')]);
  };
  const says = (name: string, keeps: string, dialing = '') =>
    `${name} takes the link of a box that nobody dialed for 7d (RULE). ${dialing}${keeps} ensure brings it back.`;
  const TMPFILES = [
    'systemd-tmpfiles --cat-config | grep -n -e /tmp -e bl-',
    `echo '${LINE}' | sudo tee /etc/tmpfiles.d/boxsockets.conf`,
  ];
  const REAPER = [
    'grep -n TMPREAPER /etc/tmpreaper.conf',
    `echo 'TMPREAPER_PROTECT_EXTRA="$TMPREAPER_PROTECT_EXTRA /tmp/bl-*"' | sudo tee -a /etc/tmpreaper.conf`,
  ];

  it('nothing of one that does not run, or takes no link', () => {
    expect([...told({ active: false }), ...told({ takesLink: false })]).toEqual([]);
    expect(told({ active: false, takesLink: null })).toEqual([]);
  });

  it('that it takes a link, what keeps it, and the line that protects all', () => {
    const hold = 'hold() keeps it, and the next';
    expect(told({})).toEqual([['warning', 'cleaner-takes-link', says('systemd-tmpfiles', hold), ...TMPFILES]]);
    const noatime = 'The base is mounted noatime, so even dialing does not keep a link. ';
    expect(told({}, true)[0]?.[2]).toBe(says('systemd-tmpfiles', hold, noatime));
    expect(told({ name: 'tmpreaper' })).toEqual([
      ['warning', 'cleaner-takes-link', says('tmpreaper', 'The next'), ...REAPER],
    ]);
  });

  it('that it cannot be told', () => {
    const unknown = (name: string) => `Whether ${name} takes the link of an idle box cannot be told: WHY.`;
    expect(told({ takesLink: null, age: null })).toEqual([
      ['info', 'cleaner-unknown', unknown('systemd-tmpfiles'), ...TMPFILES],
    ]);
    expect(told({ name: 'tmpwatch', takesLink: null })).toEqual([
      [
        'info',
        'cleaner-unknown',
        unknown('tmpwatch'),
        'grep -rs tmpwatch /etc/cron.daily /etc/cron.d',
        "# add -X '/tmp/bl-*' to each call",
      ],
    ]);
  });
});

describe('what is asked of a machine', () => {
  it('are its programs and files, and nothing more', () => {
    const asked: string[] = [];
    const of = machine([TMP], {
      exists: (file) => asked.push(file) > 0 && file === '/run/systemd/system',
      run: (...words) => {
        asked.push(words.join(' '));
        return words[0] === 'systemctl' ? 'active' : `# /etc/tmpfiles.d/x.conf\n${TMP}\n`;
      },
    });
    expect(inspectCleaners(LINK, of).cleaners).toEqual([
      {
        name: 'systemd-tmpfiles',
        active: true,
        takesLink: true,
        age: '10d',
        rule: `/etc/tmpfiles.d/x.conf: ${TMP}`,
        reason: 'systemd-tmpfiles-clean.timer starts it',
      },
    ]);
    expect(asked).toEqual([
      'systemd-tmpfiles --cat-config',
      '/run/systemd/system',
      'systemctl is-active systemd-tmpfiles-clean.timer',
      '/usr/sbin/tmpreaper',
      '/usr/sbin/tmpwatch',
      '/usr/bin/tmpwatch',
    ]);
  });

  it('a tmpreaper and its settings, whole', () => {
    const reaper = (settings: string | null, hasCron = true) =>
      inspectCleaners(
        LINK,
        machine(null, {
          exists: (file) => file === '/usr/sbin/tmpreaper' || (hasCron && file === '/etc/cron.daily/tmpreaper'),
          run: (...words) => (words.join(' ') === 'cat /etc/tmpreaper.conf' ? settings : null),
        }),
      ).cleaners;
    const starts = '/etc/cron.daily starts it';
    const stopped = '/etc/tmpreaper.conf or cron keeps it from running';
    const takes = {
      name: 'tmpreaper',
      active: true,
      takesLink: true,
      age: '7d',
      rule: '/etc/tmpreaper.conf',
      reason: starts,
    };
    expect(reaper('')).toEqual([takes]);
    expect(reaper(null)).toEqual([takes]);
    expect(reaper('', false)).toEqual([{ ...takes, active: false, reason: stopped }]);
    expect(reaper('SHOWWARNING=true')).toEqual([{ ...takes, active: false, reason: stopped }]);
    expect(reaper('SHOWWARNING=true \n')).toEqual([{ ...takes, active: false, reason: stopped }]);
    expect(reaper('SHOWWARNING=false')).toEqual([takes]);
    expect(reaper('#SHOWWARNING=true')).toEqual([takes]);
    expect(reaper('  TMPREAPER_TIME="3d" # three\n')).toEqual([{ ...takes, age: '3d' }]);
    expect(reaper("X=1\nTMPREAPER_TIME='4d'")).toEqual([{ ...takes, age: '4d' }]);
    expect(reaper('TMPREAPER_PROTECT_EXTRA="/x /srv/bl-*"')).toEqual([
      { ...takes, takesLink: false, age: null, rule: null },
    ]);
    expect(reaper('TMPREAPER_PROTECT_EXTRA=/x')).toEqual([takes]);
  });

  it('tmpwatch, whole, wherever it is', () => {
    for (const file of ['/usr/sbin/tmpwatch', '/usr/bin/tmpwatch']) {
      const of = machine(null, { exists: (one) => one === file });
      const reason = 'look at what the scripts in /etc/cron.daily call it with';
      expect(inspectCleaners(LINK, of).cleaners).toEqual([
        { name: 'tmpwatch', active: true, takesLink: null, age: null, rule: null, reason },
      ]);
    }
  });

  it('of a Mac nothing is asked', () => {
    const reason = 'it deletes regular files unused for 3 days and empty directories, neither symlinks nor sockets';
    const unasked = () => expect.unreachable('no');
    expect(inspectCleaners(LINK, { platform: 'darwin', exists: unasked, run: unasked })).toEqual({
      cleaners: [{ name: 'macos', active: true, takesLink: false, age: null, rule: null, reason }],
      tmpfilesLine: 'x /tmp/bl-*',
    });
  });

  it('one that is too old to tell, whole', () => {
    const old = machine(null, { exists: (file) => file === '/usr/bin/systemd-tmpfiles' });
    expect(inspectCleaners(LINK, old).cleaners).toEqual([
      {
        name: 'systemd-tmpfiles',
        active: true,
        takesLink: null,
        age: null,
        rule: null,
        reason: 'look at systemd-tmpfiles --cat-config, which fails here',
      },
    ]);
  });
});

describe('the lines of tmpfiles.d', () => {
  const rule = (...lines: string[]) => {
    const of = machine(null, { run: (program) => (program === 'systemctl' ? 'active' : lines.join('\n')) });
    const [cleaner] = inspectCleaners(LINK, of).cleaners;
    return [cleaner?.takesLink, cleaner?.rule];
  };

  it('are named with their file, which is a comment of its own', () => {
    expect(rule('# /a.conf', TMP)).toEqual([true, `/a.conf: ${TMP}`]);
    expect(rule('# /a.conf', '# see /b.conf', '#/c.conf', '# /d.conf ', TMP)).toEqual([true, `/d.conf: ${TMP}`]);
    expect(rule('# /a.conf', '# /b.confx', '# b.conf', TMP)).toEqual([true, `/a.conf: ${TMP}`]);
    expect(rule(TMP)).toEqual([true, `: ${TMP}`]);
    expect(rule('', '   ', '# x', `  ${TMP}  `)).toEqual([true, `: ${TMP}`]);
  });

  it.each([
    ['a slash at the end', ['d /tmp/ - - - 1d'], true],
    ['two of them', ['d /tmp// - - - 1d'], true],
    ['the root alone', ['d / - - - 1d'], true],
    ['a quote within', ['d /t"m"p - - - 1d'], false],
    ['a quoted path with a blank', ['d "/tm p" - - - 1d'], false],
    ['a pattern that is longer', ['e /tmp/bl-?? - - - 1d'], false],
    ['a star within a name', ['e /t*p - - - 1d'], true],
    ['two stars', ['e /t**p - - - 1d'], true],
    ['a star that would cross a slash', ['x /tmp*', TMP], true],
    ['a dot that is a dot', ['e /t.p - - - 1d'], false],
    ['a type that is a pattern', ['x /tmp/bl-0', 'd /tmp - - - 1d'], false],
    ['a directory is no pattern', ['d /tm? - - - 1d'], false],
    ['v, q and Q', ['v /tmp - - - 1d'], true],
    ['Q', ['Q /tmp - - - 1d'], true],
    ['D', ['D /tmp - - - 1d'], true],
    ['C', ['C /tmp - - - 1d'], true],
    ['a file is none', ['f /tmp - - - 1d'], false],
    ['a link is none', ['L /tmp - - - 1d'], false],
    ['r is none', ['r /tmp - - - 1d'], false],
    ['a type with a plus', ['d+ /tmp - - - 1d'], true],
    ['the link itself has a line', ['d /tmp - - - 1d', 'L /tmp/bl-0/box - - - -'], false],
    ['X for the link', ['d /tmp - - - 1d', 'X /tmp/bl-0/box'], false],
    ['a line for what lies below the link', ['d /tmp - - - 1d', 'x /tmp/bl-0/box/x'], true],
    ['the same path twice, of which the first is at boot', ['d! /tmp - - - 1d', 'd /tmp - - - 2d'], true],
    ['the same, of types with a plus', ['e+ /tmp - - - 1d', 'e /tmp - - - -'], true],
    ['a pattern and a directory of one path', ['e /tmp - - - 1d', 'd /tmp - - - -'], true],
    ['a tilde for what lies two levels below', ['d /tmp - - - ~1d'], true],
    ['a tilde for the parent itself', ['d /tmp/bl-0 - - - ~1d'], false],
    ['a tilde that is not the first letter', ['d /tmp/bl-0 - - - 1d~'], false],
  ] as const)('%s: %j take it: %s', (_, lines, takes) => {
    expect(rule(...lines)[0]).toBe(takes);
  });

  it.each([
    ['x /tmp/[b]l-0', null],
    ['x /tmp/{bl-0,x}', null],
    ['x /tmp/bl\\x2d0', null],
    ['x /tm*/[b]', null],
    ['x /tm?/[b]', null],
    ['x /[t]mp', null],
    ['x /tmp/bl-0/box%b', null],
    ['x /tmp/bl-0/box/%b', null],
    ['x /var/[b]', true],
    ['x /tmpx/[b]', true],
  ] as const)('%s may mean the bindings: %s', (line, takes) => {
    expect(rule(TMP, line)[0]).toBe(takes);
  });
});
