// Small questions about files, and how a path is mounted: what findmnt says, and what init sees.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import * as facts from '../../../dist/cli/doctor/facts.js';
import { coded, nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../../helpers/builtins.js';
import { run, scratch } from '../run.js';

const test = scratch();

restoreAfterEach();

/** Another findmnt, which says this and writes down what it was asked. */
function findmntSays(text: string): () => string {
  const bin = path.join(test.dir, 'bin');
  fs.mkdirSync(bin, { recursive: true });
  fs.writeFileSync(path.join(bin, 'says'), text);
  const script = `#!/bin/sh\necho "$*" > '${bin}/asked'\ncat '${bin}/says'\n`;
  fs.writeFileSync(path.join(bin, 'findmnt'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  return () => fs.readFileSync(path.join(bin, 'asked'), 'utf8').trim();
}

it('what is there, or the code of what failed', () => {
  const file = path.join(test.dir, 'file');
  fs.writeFileSync(file, '');
  fs.symlinkSync(file, path.join(test.dir, 'link'));
  fs.symlinkSync('/nowhere', path.join(test.dir, 'dangling'));
  const kind = (st: fs.Stats | string) => (typeof st === 'string' ? st : st.isSymbolicLink() ? 'link' : 'file');
  const of = (look: typeof facts.lookAt) =>
    ['file', 'link', 'dangling', 'none'].map((name) => kind(look(path.join(test.dir, name))));
  expect(of(facts.lookAt)).toEqual(['file', 'link', 'link', 'ENOENT']);
  expect(of(facts.lookThrough)).toEqual(['file', 'file', 'ENOENT', 'ENOENT']);
  expect(facts.lookThrough(`${file}/x`)).toBe('ENOTDIR');
  expect(facts.listed(file)).toBe('ENOTDIR');
  const names = facts.listed(test.dir);
  expect(typeof names !== 'string' && names.map((entry) => entry.name).sort()).toEqual([
    'b',
    'dangling',
    'file',
    'link',
  ]);
  expect(typeof names !== 'string' && names.some((entry) => entry.isSymbolicLink())).toBe(true);
});

it('an entry in words', () => {
  const told = (name: string, make: (file: string) => void) => {
    const file = path.join(test.dir, name);
    make(file);
    return facts.describe('X', fs.lstatSync(file)).replace(/\d+, mode/, 'N, mode');
  };
  expect(told('d', (file) => fs.mkdirSync(file, { mode: 0o700 }))).toBe('X is a directory of uid N, mode 0700');
  expect(told('l', (file) => fs.symlinkSync('x', file))).toMatch('X is a symlink of uid N, mode 0777');
  expect(told('f', (file) => fs.writeFileSync(file, '', { mode: 0o600 }))).toBe('X is a file of uid N, mode 0600');
  expect(told('p', (file) => run('mkfifo', ['-m', '640', file]))).toBe('X is a special file of uid N, mode 0640');
  expect(facts.octal(0o101777)).toBe('1777');
  expect(facts.octal(0o7)).toBe('0007');
});

it('a path with its links resolved, or as it is', () => {
  fs.symlinkSync(test.base, path.join(test.dir, 'l'));
  expect(facts.realPath(path.join(test.dir, 'l'))).toBe(test.base);
  expect(facts.realPath('/none/at/all')).toBe('/none/at/all');
});

it('an error has a code and words, whatever it is', () => {
  expect(
    ['x', null, new Error('e'), Object.assign(new Error('e'), { code: 7 }), coded('EIO')].map(facts.errorCode),
  ).toEqual(['UNKNOWN', 'UNKNOWN', 'UNKNOWN', 'UNKNOWN', 'EIO']);
  expect([new Error('words'), 7].map(facts.errorMessage)).toEqual(['words', '7']);
});

describe('the directory on the way that is closed', () => {
  const deny = (closed: (directory: string) => boolean) => {
    const asked: string[] = [];
    vi.spyOn(nodeFs, 'accessSync').mockImplementation((file) => {
      asked.push(String(file));
      if (closed(String(file))) throw coded('EACCES');
    });
    syncBuiltinESMExports();
    return asked;
  };

  it('is the first one, and the path itself is not asked', () => {
    const where = path.join(test.dir, 'x/y');
    const asked = deny((directory) => directory.startsWith(test.dir));
    expect(facts.closedDirectory(where)).toBe(test.dir);
    expect(asked[0]).toBe('/');
    expect(asked.at(-1)).toBe(test.dir);
    vi.restoreAllMocks();
    const all = deny(() => false);
    expect(facts.closedDirectory('/a/b')).toBeNull();
    expect(all).toEqual(['/', '/a']);
  });

  it("is nobody's to open where it is another user's, no directory, or gone", () => {
    fs.writeFileSync(path.join(test.dir, 'file'), '');
    deny((directory) => directory !== '/' && directory !== test.dir && directory !== path.dirname(test.dir));
    expect(facts.closedDirectory(path.join(test.dir, 'file/x'))).toBeNull();
    expect(facts.closedDirectory(path.join(test.dir, 'none/x'))).toBeNull();
    expect(facts.closedDirectory(path.join(test.base, 'x'))).toBe(test.base);
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    expect(facts.closedDirectory(path.join(test.base, 'x'))).toBeNull();
  });
});

describe('what findmnt tells', () => {
  it('are two columns, the second of which may hold blanks', () => {
    const asked = findmntSays('tmpfs   /a b\n');
    expect(facts.findmnt('FSTYPE,TARGET', '/w')).toEqual(['tmpfs', '/a b']);
    expect(asked()).toBe('-no FSTYPE,TARGET -T /w');
    findmntSays('first /x\nsecond /y\n');
    expect(facts.findmnt('A,B', '/w')).toEqual(['first', '/x']);
  });

  it.each(['', 'one\n', ' leading blank\n'])('is nothing where it says %j', (text) => {
    findmntSays(text);
    expect(facts.findmnt('A,B', '/w')).toEqual([]);
  });

  it('is nothing where there is none', () => {
    vi.stubEnv('PATH', '/nowhere');
    expect(facts.findmnt('A,B', '/w')).toEqual([]);
  });
});

describe('a base that is private', () => {
  it.each([
    ['/tmp/systemd-private-1-x/tmp', true],
    ['/tmp/systemd-private-1-x/tmp/below', true],
    ['/tmp/snap-private-tmp/snap.x/tmp', true],
    ['/tmp/systemd-private-1-x/tmpx', false],
    ['/tmp/systemd-private-/tmp', false],
    ['/tmp/snap-private-tmp/tmp', false],
    ['/x/tmp', false],
  ])('by what is mounted there: %s: %s', (root, isPrivate) => {
    const asked = findmntSays(`rw,noatime ${root}\n`);
    vi.spyOn(nodeFs, 'readlinkSync').mockReturnValue('same');
    vi.spyOn(nodeFs, 'statSync').mockReturnValue({ dev: 1, ino: 1 } as fs.Stats);
    syncBuiltinESMExports();
    const found = facts.inspectMount(test.base);
    expect(found).toEqual({
      options: ['rw', 'noatime'],
      isPrivate,
      evidence: isPrivate ? `it shows ${root}` : `init sees the same ${test.base}`,
    });
    expect(asked()).toBe(`-no OPTIONS,FSROOT -T ${test.base}`);
  });

  it.each([
    ['one', 'other', { dev: 1, ino: 2 }, { dev: 1, ino: 2 }, false],
    ['one', 'other', { dev: 1, ino: 2 }, { dev: 3, ino: 2 }, true],
    ['one', 'other', { dev: 1, ino: 2 }, { dev: 1, ino: 3 }, true],
    ['one', 'one', { dev: 1, ino: 2 }, { dev: 3, ino: 4 }, false],
  ])('or by what init sees there: %s, %s, %j, %j: %s', (own, inits, here, there, isPrivate) => {
    findmntSays('');
    vi.spyOn(nodeFs, 'readlinkSync').mockImplementation(((file: string) =>
      file === '/proc/self/ns/mnt' ? own : file === '/proc/1/ns/mnt' ? inits : expect.unreachable(file)) as never);
    vi.spyOn(nodeFs, 'statSync').mockImplementation(((file: string) =>
      file === '/B' ? here : file === '/proc/1/root/B' ? there : expect.unreachable(file)) as never);
    syncBuiltinESMExports();
    const evidence = `init sees ${isPrivate ? 'another' : 'the same'} /B`;
    expect(facts.inspectMount('/B')).toEqual({ options: [''], isPrivate, evidence });
  });

  it('cannot be told where init may not be looked at', () => {
    findmntSays('ro /x\n');
    vi.spyOn(nodeFs, 'readlinkSync').mockImplementation(() => {
      throw coded('EACCES');
    });
    syncBuiltinESMExports();
    const evidence = "init's own cannot be looked at";
    expect(facts.inspectMount('/B')).toEqual({ options: ['ro'], isPrivate: null, evidence });
  });
});
