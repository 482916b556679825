// Commands that the reader can paste: as whom they are run, and with which options.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DoctorRequest } from '../../../dist/cli/doctor/doctor-report.js';
import * as remedy from '../../../dist/cli/doctor/remedy.js';
import { scratch } from '../run.js';

const test = scratch();
const request: DoctorRequest = { home: '/h', base: '/b', uid: 1000, krun: 'none', names: ['a', 'b c'] };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Where these programs are found, and no others; an empty name in the list is no directory. */
function installed(...programs: string[]): void {
  vi.stubEnv('PATH', `:${path.join(test.dir, 'none')}:${test.base}`);
  for (const program of programs) fs.writeFileSync(path.join(test.base, program), '');
}

const actAs = (uid: number) => vi.spyOn(process, 'geteuid').mockReturnValue(uid);

beforeEach(() => void actAs(1000));

describe('as whom', () => {
  it('root is asked by sudo, and not by root itself', () => {
    expect(remedy.asRoot('chown', '0', "it's")).toBe("sudo chown 0 'it'\\''s'");
    actAs(0);
    expect(remedy.asRoot('chown', '0', '/x')).toBe('chown 0 /x');
  });

  it('another user is asked by sudo, or by root with what is there', () => {
    installed();
    expect(remedy.asUser(['ls'])).toBe('ls');
    expect(remedy.asUser(['ls', 'a b'], 1000)).toBe("ls 'a b'");
    expect(remedy.asUser(['ls'], 7)).toBe("sudo -u '#7' ls");
    actAs(0);
    expect(remedy.asUser(['ls'], 7)).toBe('setpriv --reuid 7 --regid 7 --clear-groups ls');
    installed('sudo');
    expect(remedy.asUser(['ls'], 7)).toBe("sudo -u '#7' ls");
    expect(remedy.asUser(['ls'], 0)).toBe('ls');
  });

  it('a Windows has no uid', () => {
    vi.spyOn(process, 'geteuid').mockReturnValue(undefined as never);
    expect(remedy.ownUid()).toBe(0);
  });
});

describe('with which options', () => {
  it('those that were asked, and no uid that is the own one', () => {
    const asked = ['--home', '/h', '--base', '/b', '--krun', 'none'];
    expect(remedy.optionsOf(request)).toEqual([...asked, '--name', 'a', '--name', 'b c']);
    const nothing = { home: null, base: null, krun: null, names: [] };
    expect(remedy.optionsOf({ ...nothing, uid: 1000 })).toEqual([]);
    expect(remedy.optionsOf({ ...nothing, uid: 0 })).toEqual(['--uid', '0']);
  });

  it('a command of this program has the parent alone, and is run by npx where it is not installed', () => {
    installed();
    expect(remedy.own(request, 'ensure', 'id', '/d')).toBe('npx boxsockets ensure id /d --base /b');
    installed('boxsockets');
    expect(remedy.own({ ...request, uid: 7 }, 'sweep')).toBe('boxsockets sweep --base /b --uid 7');
    expect(remedy.again(request)).toBe("boxsockets doctor --home /h --base /b --krun none --name a --name 'b c'");
    expect(remedy.again({ ...request, names: [] }, 5)).toBe(
      "sudo -u '#5' boxsockets doctor --home /h --base /b --krun none",
    );
    vi.stubEnv('PATH', undefined);
    expect(remedy.own(request, 'sweep')).toBe('npx boxsockets sweep --base /b');
  });

  it('another base lies in the home of the user, or where everybody may make one', () => {
    installed('boxsockets');
    const advice = '# the host and its shims need the same base: its option, or BOXSOCKETS_BASE of this program';
    for (const [home, base] of [
      ['/home/me', '/home/me/.boxsockets'],
      [undefined, '/var/tmp/.boxsockets'],
    ] as const) {
      vi.stubEnv('HOME', home);
      const doctor = `boxsockets doctor --base ${base}`;
      const asked = { ...request, home: null, krun: null, names: [] };
      expect(remedy.anotherBase(asked)).toBe([`mkdir -p -m 0700 ${base}`, advice, doctor].join('\n'));
    }
  });
});

it('what looks, and what moves aside', () => {
  const isLinux = process.platform === 'linux';
  expect(remedy.look('/a b')).toBe("ls -ldn -- '/a b'");
  expect(remedy.lookAtMount('/x')).toBe(isLinux ? 'findmnt -T /x' : 'df /x');
  expect(remedy.lookAtPath('/x')).toBe(isLinux ? 'namei -l /x' : 'ls -ldn -- /x');
  expect(remedy.moveAside('/x')).toBe('mv -n -- /x /x.aside');
  expect(remedy.moveAside('/x', '/y')).toBe('mv -n -- /x /y');
});
