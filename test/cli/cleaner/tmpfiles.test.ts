import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAge } from '../../../dist/cli/cleaner/age.js';
import { parseTmpfilesLine, readTmpfilesConfig } from '../../../dist/cli/cleaner/tmpfiles-rules.js';
import { tmpfilesVerdict } from '../../../dist/cli/cleaner/tmpfiles-verdict.js';

const DAY = 86_400_000;
const LINK = '/tmp/bl-0/box';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function configure(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
}

function days(files: Record<string, string>): number | null {
  configure(files);
  const verdict = tmpfilesVerdict(readTmpfilesConfig(root).rules, LINK);
  return verdict === null ? null : verdict.age.milliseconds / DAY;
}

describe('the order of precedence', () => {
  it('a file of the same name in a higher directory masks the lower one, even when it is empty', () => {
    configure({ 'usr/lib/tmpfiles.d/tmp.conf': 'q /tmp 1777 root root 10d\n' });
    expect(days({})).toBe(10);
    expect(days({ 'usr/local/lib/tmpfiles.d/tmp.conf': 'q /tmp 1777 root root 9d\n' })).toBe(9);
    expect(days({ 'run/tmpfiles.d/tmp.conf': 'q /tmp 1777 root root 8d\n' })).toBe(8);
    expect(days({ 'etc/tmpfiles.d/tmp.conf': '' })).toBeNull();
  });

  it('a link to /dev/null masks the file of its name', () => {
    configure({ 'usr/lib/tmpfiles.d/tmp.conf': 'q /tmp 1777 root root 10d\n', 'etc/tmpfiles.d/none.conf': '' });
    fs.symlinkSync('/dev/null', path.join(root, 'etc/tmpfiles.d/tmp.conf'));
    expect(days({})).toBeNull();
  });

  it('files are read in the order of their names, whatever directory they are in, and the first line for a path wins', () => {
    expect(
      days({
        'etc/tmpfiles.d/b.conf': 'd /tmp 1777 root root 1d\n',
        'usr/lib/tmpfiles.d/a.conf': 'd /tmp 1777 root root 2d\n',
      }),
    ).toBe(2);
  });

  it('hidden files, other suffixes and directories are no configuration', () => {
    fs.mkdirSync(path.join(root, 'etc/tmpfiles.d/dir.conf'), { recursive: true });
    expect(
      days({ 'etc/tmpfiles.d/.a.conf': 'd /tmp - - - 1d\n', 'etc/tmpfiles.d/a.conf.bak': 'd /tmp - - - 1d\n' }),
    ).toBeNull();
  });

  it('a directory that is none is reported as unreadable, and a missing one is not', () => {
    configure({ 'etc/tmpfiles.d': 'a file in its place' });
    expect(readTmpfilesConfig(root).unreadable).toEqual([{ path: path.join(root, 'etc/tmpfiles.d'), code: 'ENOTDIR' }]);
  });
});

describe('a line', () => {
  it.each([
    ['d /tmp 1777 root root 10d', 'd', '/tmp', 10 * DAY],
    ['  q! /tmp - - - 10d', null, null, null],
    ['D "/tmp" 1777 root root 1d12h', 'D', '/tmp', 1.5 * DAY],
    ["d '/t'mp - - - 30min", 'd', '/tmp', 1_800_000],
    ['e %T/bl-%U - - - ~1w', 'e', '/tmp/bl-0', 7 * DAY],
    ['e /tmp/%v - - - 1s', 'e', `/tmp/${os.release()}`, 1000],
    ['x /var/run//box/./s/', 'x', '/run/box/s', null],
    ['d /tmp/a\\x20b\\ttab - - - 1s', 'd', '/tmp/a b\ttab', 1000],
    ['d /tmp - - - amAM:1.5h', 'd', '/tmp', 5_400_000],
    ['d /tmp - - - infinity', 'd', '/tmp', Number.POSITIVE_INFINITY],
  ])('%s', (line, type, where, age) => {
    const rule = parseTmpfilesLine(line, root);
    expect(rule?.type ?? null).toBe(type);
    expect(rule?.path ?? null).toBe(where);
    expect(rule?.age?.milliseconds ?? null).toBe(age);
  });

  it.each([
    '',
    '# d /tmp - - - 1d',
    'd',
    'd tmp - - - 1d',
    'dd /tmp - - - 1d',
    'd!! /tmp - - - 1d',
    '? /tmp - - - 1d',
    'd /tmp 9999 - - 1d',
    'd /tmp - - - 1x',
    'd /tmp - - - -1',
    'd /tmp - - - az:1d',
    'd /tmp - - - :1d',
    'd "/tmp - - - 1d',
    'd /tmp/\\q - - - 1d',
    'd /tmp/\\x00 - - - 1d',
    'd %z - - - 1d',
    'd %H - - - 1d',
    'w /tmp',
  ])('is refused: %s', (line) => {
    expect(parseTmpfilesLine(line, root)).toBeNull();
  });

  it('reads os-release and machine-id below its root, and refuses a line that needs them where there are none', () => {
    expect(parseTmpfilesLine('d /tmp/%m - - - 1d', root)).toBeNull();
    configure({ 'etc/machine-id': 'abc\n', 'etc/os-release': 'ID="debian"\nVERSION_ID=13\n' });
    expect(parseTmpfilesLine('d /tmp/%m-%o-%w-%W%% - - - 1d', root)?.path).toBe('/tmp/abc-debian-13-%');
  });
});

describe('an age', () => {
  it.each([
    ['0', 0],
    ['5', 5000],
    ['1d12h', 1.5 * DAY],
    ['1w 2d', 9 * DAY],
    ['1y2months', 36_817_200_000],
    ['.1', 100],
    ['500ms', 500],
    ['20us', 0.02],
    ['bmA:1h', 3_600_000],
    ['~2min', 120_000],
  ])('%s', (text, milliseconds) => expect(parseAge(text)?.milliseconds).toBe(milliseconds));

  it('says which of the own timestamps of a link count', () => {
    expect(parseAge('bmA:1h')?.fileTimes).toEqual(['b', 'm']);
    expect(parseAge('A:1h')?.fileTimes).toEqual(['a', 'b', 'c', 'm']);
  });

  it.each(['', '~', 'a:', 'd', '1 fortnight', '1d,2h', '١d'])('refused: %j', (text) =>
    expect(parseAge(text)).toBeNull(),
  );
});

const hasTmpfiles = spawnSync('systemd-tmpfiles', ['--version']).status === 0;

describe.skipIf(!hasTmpfiles)('what the real systemd-tmpfiles --clean does (needs systemd-tmpfiles)', () => {
  // Everything it touches lies below --root, a directory of this test.
  function survives(files: Record<string, string>): boolean {
    for (const dir of ['tmp', 'etc', 'run', 'usr']) {
      fs.rmSync(path.join(root, dir), { recursive: true, force: true });
    }
    fs.mkdirSync(path.join(root, 'tmp/bl-0'), { recursive: true });
    fs.symlinkSync('/nowhere', path.join(root, 'tmp/bl-0/box'));
    configure(files);
    // Its clock has the resolution of the kernel's tick: what was made in this tick is not yet old.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12);
    const run = spawnSync('systemd-tmpfiles', ['--clean', `--root=${root}`], { encoding: 'utf8' });
    if (run.error !== undefined) throw run.error;
    return fs.lstatSync(path.join(root, 'tmp/bl-0/box'), { throwIfNoEntry: false }) !== undefined;
  }

  // Younger than a day in the test, so only an age of next to nothing takes the link.
  function predicted(files: Record<string, string>): boolean {
    const age = days(files);
    return age === null || age > 0.001;
  }

  it.each([
    ['d /tmp 1777 root root 0', false],
    ['d /tmp 1777 root root 10d', true],
    ['d /tmp 1777 root root 10d\ne /tmp - - - 0', false],
    ['d /tmp 1777 root root 10d\nd /tmp - - - 0', true],
    ['d /tmp - - - 0\nx /tmp/bl-*', true],
    ['d /tmp - - - 0\nX /tmp/bl-*', false],
    ['X /tmp/bl-*\nd /tmp - - - 10d\ne /tmp - - - 0', true],
    ['d /tmp - - - 0\nz /tmp/bl-*', true],
    ['d /tmp - - - 0\nd /tmp/bl-0', true],
    ['d /tmp - - - 0\nx /tmp/bl-0/*', true],
    ['d /tmp - - - 0\nx /tmp/*/box', true],
    ['d /tmp - - - 0\nx /tmp', false],
    ['d /tmp - - - ~0', false],
    ['e /tmp/bl-0 - - - ~0', true],
    ['e /tmp/bl-0 - - - 0\nx /tmp/bl-*', false],
    ['e /tmp/{bl-0,other} - - - 0', false],
    ['d %T - - - 0', false],
    ['d! /tmp - - - 0', true],
    ['d /tmp - - - infinity', true],
    ['x /tmp/bl-0 - - - 0', false],
    ['d /tmp 1777 - - 0 an argument', false],
    ['d /tmp 9999 - - 0', true],
  ])('%j', (text, survivor) => {
    const files = { 'etc/tmpfiles.d/a.conf': `${text}\n` };
    expect(predicted(files), 'the prediction').toBe(survivor);
    expect(survives(files), 'the real one').toBe(survivor);
  });

  it('300 random configurations: the prediction is what it does', () => {
    const random = generator(20_260_727);
    const wrong: { files: Record<string, string>; real: boolean }[] = [];
    let taken = 0;
    for (let round = 0; round < 300; round++) {
      const files = randomConfig(random);
      const real = survives(files);
      taken += real ? 0 : 1;
      if (real !== predicted(files)) wrong.push({ files, real });
    }
    expect(wrong).toEqual([]);
    // Both answers must have come up often, or the comparison shows nothing.
    expect(taken).toBeGreaterThan(60);
    expect(taken).toBeLessThan(240);
  });
});

// A small linear congruential generator: the same configurations at each run.
function generator(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed;
  return (choices) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return choices[Math.floor((state / 2_147_483_648) * choices.length)] as (typeof choices)[number];
  };
}

const DIRS = ['etc', 'run', 'usr/local/lib', 'usr/lib'];
const NAMES = ['a', 'b', 'tmp', 'x11'];
const TYPES = ['d', 'd', 'D', 'q', 'v', 'e', 'x', 'X', 'z', 'r', 'f', 'L', 'Q', 'R'];
const MODIFIERS = ['', '', '', '', '', '', '', '-', '!', '=', '+', '!!'];
const PATHS = [
  ...['/tmp', '/tmp', '/tmp', '/tmp/', '//tmp/.', '%T', '"/tmp"', '/tmp/bl-0', '/tmp/bl-0', '/tmp/%%', '/tmp/bl-%U'],
  ...['/tmp/bl-*', '/tmp/*', '/tmp/b?-[0-9]', '/tmp/b?-[!0-9]', '/tmp/bl-0/*', '/tmp/bl-0/b[a-z]x', '/tmp/bl-0/box'],
  ...['/tmp/*/box', '/*/*/*', '/tmp/{bl-0,no}', '/tmp/{a,b{l-,m}}0', '/tmp/[[:alpha:]]l-0', '/tmp/bl\\\\-0', '/tmp/[b'],
];
const AGES = ['-', '0', '0', '0', '~0', 'a:0', 'bmABM:0', '30d', '~30d', '1w2d', 'bad', '1us', 'infinity', '"1d 2h"'];

function randomConfig(random: ReturnType<typeof generator>): Record<string, string> {
  const files: Record<string, string> = {};
  for (let file = random([1, 2, 3]); file > 0; file--) {
    const lines: string[] = [random(['', '', '', 'd /tmp - - - 0', 'e /tmp - - - 1us'])];
    for (let line = random([0, 1, 2, 2, 3, 4]); line > 0; line--) {
      const type = random(TYPES);
      const where = random(PATHS);
      // Version 252 ignores the age of an `x` glob, later ones act on it; the prediction follows the later ones.
      const age = type === 'x' ? '-' : random(AGES);
      lines.push(`${type}${random(MODIFIERS)} ${where} ${random(['-', '-', '-', '0755', '~01777', '9'])} - - ${age}`);
    }
    files[`${random(DIRS)}/tmpfiles.d/${random(NAMES)}.conf`] = `${lines.join('\n')}\n`;
  }
  return files;
}
