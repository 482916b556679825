import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bubblewrapArgs, type PathAccess, seatbeltPolicy, shellQuote } from '../../dist/sandbox/index.js';
import { makeBox } from './box.js';

const real = '/home/me/boxes/b1/sockets';
const policy: readonly PathAccess[] = [
  { path: real, writable: true, kind: 'directory' },
  { path: '/tmp/bl-0/b1', writable: true, kind: 'directory', linkTo: real },
  { path: '/tmp/bl-0', writable: false, kind: 'directory' },
];
const refused = (code: string) => expect.objectContaining({ name: 'TypeError', code });

describe('bubblewrapArgs', () => {
  it('binds the real directory, makes the link afresh, and seals the rest', () => {
    expect(bubblewrapArgs(policy)).toEqual([
      ...['--perms', '0755', '--tmpfs', '/tmp', '--perms', '0700', '--dir', '/tmp/bl-0'],
      ...['--symlink', real, '/tmp/bl-0/b1'],
      ...['--bind', real, real],
      ...['--remount-ro', '/tmp', '--remount-ro', '/'],
    ]);
  });

  it("hides the host's parent by a tmpfs of its own in a base that the policy grants", () => {
    expect(bubblewrapArgs([...policy, { path: '/tmp', writable: true, kind: 'directory' }])).toEqual([
      ...['--bind', real, real, '--bind', '/tmp', '/tmp'],
      ...['--dir', '/tmp', '--perms', '0700', '--dir', '/tmp/bl-0', '--perms', '0700', '--tmpfs', '/tmp/bl-0'],
      ...['--symlink', real, '/tmp/bl-0/b1'],
      ...['--remount-ro', '/tmp/bl-0', '--remount-ro', '/'],
    ]);
  });

  it('ends as a whole where that is asked for', () => {
    const ends = bubblewrapArgs(policy, { unsharePid: true, dieWithParent: true });
    expect(ends).toEqual(['--unshare-pid', '--die-with-parent', ...bubblewrapArgs(policy)]);
    expect(bubblewrapArgs(policy, { unsharePid: false })).toEqual(bubblewrapArgs(policy));
    expect(() => bubblewrapArgs(policy, { unsharePid: 1 as never })).toThrow(refused('ERR_INVALID_ARG_TYPE'));
    expect(() => bubblewrapArgs(policy, { unsharePids: true } as never)).toThrow(refused('ERR_INVALID_ARG_VALUE'));
  });

  it('never names a link, or the directory that holds it, as something to bind', () => {
    const args = bubblewrapArgs([...policy, { path: '/tmp/bl-0', writable: false, kind: 'directory' }]);
    const bound = args.flatMap((arg, index) => (/^--(ro-)?bind$/.test(arg) ? args.slice(index + 1, index + 3) : []));
    expect(bound).toEqual([real, real]);
  });

  it('makes several links in one parent, and links in several', () => {
    const links: PathAccess[] = ['/tmp/bl-0/b2', '/run/bl-0/b3'].map((path) => ({
      path,
      writable: true,
      kind: 'directory',
      linkTo: real,
    }));
    const args = bubblewrapArgs([...policy, ...links]).join(' ');
    expect(args).toContain(`--dir /tmp/bl-0 --symlink ${real} /tmp/bl-0/b1 --symlink ${real} /tmp/bl-0/b2`);
    expect(args).toContain(`--dir /run/bl-0 --symlink ${real} /run/bl-0/b3`);
    expect(args).toMatch(/--remount-ro \/run --remount-ro \/tmp --remount-ro \/$/);
  });

  it('leaves the root writable where the policy says so', () => {
    expect(bubblewrapArgs([{ path: '/', writable: true, kind: 'directory' }])).toEqual(['--bind', '/', '/']);
    expect(bubblewrapArgs([])).toEqual(['--remount-ro', '/']);
  });

  it('takes several spellings of a path for one, and the wider of two accesses', () => {
    const spelled: PathAccess[] = ['/a/b/', '//a/./b', '/a/b'].map((path, index) => ({
      path,
      writable: index === 1,
      kind: 'directory',
    }));
    expect(bubblewrapArgs(spelled)).toEqual(['--bind', '/a/b', '/a/b', '--remount-ro', '/']);
  });

  it('puts a directory before what lies beneath it, also where a sibling sorts between', () => {
    const paths: PathAccess[] = ['/a-b', '/a/b', '/a', '/a b'].map((path) => ({
      path,
      writable: false,
      kind: 'directory',
    }));
    const bound = bubblewrapArgs(paths).filter((_, index) => index % 3 === 1);
    expect(bound.indexOf('/a')).toBeLessThan(bound.indexOf('/a/b'));
    expect(bound.indexOf('/a/b')).toBe(bound.indexOf('/a') + 1);
  });

  it('is the same whether or not the link exists', () => {
    const box = makeBox();
    try {
      const before = bubblewrapArgs(box.policyPaths());
      fs.rmSync(box.binding);
      expect(bubblewrapArgs(box.policyPaths())).toEqual(before);
    } finally {
      box.remove();
    }
  });
});

describe.each([
  ['bubblewrapArgs', bubblewrapArgs],
  ['seatbeltPolicy', seatbeltPolicy],
])('%s', (_, build: (paths: readonly PathAccess[]) => unknown) => {
  const directory = { path: '/a', writable: true, kind: 'directory' };

  it.each([
    ['no array', 'x', 'ERR_INVALID_ARG_TYPE'],
    ['no object', [null], 'ERR_INVALID_ARG_TYPE'],
    ['a path that is no string', [{ ...directory, path: 1 }], 'ERR_INVALID_ARG_TYPE'],
    ['a writable that is no boolean', [{ ...directory, writable: 'rw' }], 'ERR_INVALID_ARG_TYPE'],
    ['an unknown kind', [{ ...directory, kind: 'socket' }], 'ERR_INVALID_ARG_VALUE'],
    ['a relative path', [{ ...directory, path: 'a' }], 'ERR_INVALID_ARG_VALUE'],
    ['an empty path', [{ ...directory, path: '' }], 'ERR_INVALID_ARG_VALUE'],
    ['a NUL', [{ ...directory, path: '/a\0b' }], 'ERR_INVALID_ARG_VALUE'],
    ['..', [{ ...directory, path: '/a/../b' }], 'ERR_INVALID_ARG_VALUE'],
    ['half a surrogate pair', [{ ...directory, path: '/a\ud800' }], 'ERR_INVALID_ARG_VALUE'],
    ['a relative link target', [{ ...directory, linkTo: 'b' }], 'ERR_INVALID_ARG_VALUE'],
    [
      'two targets of one link',
      [
        { ...directory, linkTo: '/b' },
        { ...directory, linkTo: '/c' },
      ],
      'ERR_INVALID_ARG_VALUE',
    ],
    ['two kinds of one path', [directory, { ...directory, kind: 'file' }], 'ERR_INVALID_ARG_VALUE'],
    ['a path beneath a link', [...policy, { ...directory, path: '/tmp/bl-0/b1/x' }], 'ERR_INVALID_ARG_VALUE'],
    ['a writable parent', [...policy, { ...directory, path: '/tmp/bl-0/' }], 'ERR_INVALID_ARG_VALUE'],
    [
      'a parent that is a file',
      [policy[1], { path: '/tmp/bl-0', writable: false, kind: 'file' }],
      'ERR_INVALID_ARG_VALUE',
    ],
  ])('refuses %s', (_name, paths, code) => {
    expect(() => build(paths as PathAccess[])).toThrow(refused(code));
  });

  it('says which entry it refuses', () => {
    const paths = [directory, { ...directory, path: 'b' }] as PathAccess[];
    expect(() => build(paths)).toThrow("The argument 'paths[1].path' must be an absolute path. Received 'b'");
  });
});

describe('shellQuote', () => {
  it('leaves plain words alone and quotes the rest', () => {
    expect(shellQuote(['--bind', '/a/b.c', '', "it's", 'a b', 'x=1', '~', '$HOME', 'ü', '*'])).toBe(
      "--bind /a/b.c '' 'it'\\''s' 'a b' 'x=1' '~' '$HOME' 'ü' '*'",
    );
    expect(shellQuote([])).toBe('');
  });

  it.each([
    ['a', 'ERR_INVALID_ARG_TYPE'],
    [[1], 'ERR_INVALID_ARG_TYPE'],
    [['a\0'], 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %j', (args, code) => {
    expect(() => shellQuote(args as string[])).toThrow(refused(code));
  });
});
