// The checks of arguments at their bounds: what is just allowed, and what just is not.

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import * as check from '../dist/arguments.js';

/** What a check makes of a value, or the code of its refusal. */
function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const { signal } = new AbortController();
/** As another realm has one. */
const foreignSignal = { aborted: false, addEventListener: () => {} };

const cases: [name: string, (name: string, value: unknown) => unknown, [value: unknown, outcome: unknown][]][] = [
  [
    'milliseconds',
    check.milliseconds(77),
    [
      [undefined, 77],
      [0, 0],
      [-0.5, VALUE],
      [-1, VALUE],
      [0.2, 1],
      [1.5, 2],
      [86_400_000, 86_400_000],
      [86_400_001, VALUE],
      [Number.NaN, VALUE],
      [Number.POSITIVE_INFINITY, VALUE],
      [null, TYPE],
      ['5', TYPE],
      [5n, TYPE],
    ],
  ],
  [
    'timeout',
    check.timeout(77),
    [
      [undefined, 77],
      [0, 0],
      [-1, VALUE],
      [0.5, VALUE],
      [2 ** 31 - 1, 2 ** 31 - 1],
      [2 ** 31, VALUE],
      [Number.NaN, VALUE],
      ['5', TYPE],
      [null, TYPE],
    ],
  ],
  [
    'integer',
    check.integer({ least: 3, most: 5, otherwise: 9 }),
    [
      [undefined, 9],
      [2, VALUE],
      [3, 3],
      [3.5, VALUE],
      [5, 5],
      [6, VALUE],
    ],
  ],
  [
    'toUid',
    check.toUid,
    [
      [0, 0],
      [2 ** 32 - 2, 2 ** 32 - 2],
      [2 ** 32 - 1, VALUE],
      [-1, VALUE],
      ['0', TYPE],
    ],
  ],
  [
    'toBoolean',
    check.toBoolean,
    [
      [undefined, false],
      [false, false],
      [true, true],
      [0, TYPE],
      [null, TYPE],
      ['', TYPE],
    ],
  ],
  [
    'toParentMode',
    check.toParentMode,
    [
      [undefined, 0o700],
      [0o700, 0o700],
      [0o711, 0o711],
      [0o710, VALUE],
      [0o755, VALUE],
      [0, VALUE],
      ['700', VALUE],
    ],
  ],
  [
    'toSocketType',
    check.toSocketType,
    [
      [undefined, 'stream'],
      ['stream', 'stream'],
      ['dgram', 'dgram'],
      ['seqpacket', 'seqpacket'],
      ['raw', VALUE],
      [null, VALUE],
    ],
  ],
  [
    'toSignal',
    check.toSignal,
    [
      [undefined, undefined],
      [signal, signal],
      [foreignSignal, foreignSignal],
      [{ ...foreignSignal, aborted: 0 }, TYPE],
      [{ addEventListener: () => {} }, TYPE],
      [{ aborted: false }, TYPE],
      [null, TYPE],
      ['signal', TYPE],
    ],
  ],
  [
    'toPeerRule',
    check.toPeerRule,
    [
      [undefined, null],
      [false, null],
      [{ uid: 0 }, 0],
      [{ uid: 2 ** 32 - 2 }, 2 ** 32 - 2],
      [{ uid: 2 ** 32 - 1 }, VALUE],
      [{ uid: -1 }, VALUE],
      [{ uid: '0' }, TYPE],
      [{ uid: undefined }, TYPE],
      [{}, TYPE],
      [{ uid: 0, gid: 0 }, VALUE],
      [0, TYPE],
      ['', TYPE],
      [null, TYPE],
    ],
  ],
  [
    'toPath',
    check.toPath,
    [
      ['a/../b/', 'a/../b/'],
      [Buffer.from('/ä'), '/ä'],
      // A part of a larger piece of memory, as most of Node's are.
      [Buffer.from('xx/a/byy').subarray(2, 6), '/a/b'],
      [new Uint8Array(Buffer.from('xx/a/byy')).subarray(2, 6), '/a/b'],
      [new URL('file:///a%20b'), '/a b'],
      [new URL('http://a/b'), VALUE],
      [new URL('file://elsewhere/b'), VALUE],
      ['', VALUE],
      [Buffer.alloc(0), VALUE],
      ['/a\0b', VALUE],
      [new URL('file:///a%00b'), VALUE],
      ['/\ud800', VALUE],
      [Buffer.from([0x2f, 0xff]), VALUE],
      [undefined, TYPE],
      [null, TYPE],
      [7, TYPE],
      [['/a'], TYPE],
      // As url.parse() and new http.ClientRequest have them.
      [{ href: 'file:///a', protocol: 'file:', auth: null, path: '/a' }, TYPE],
      [{ href: 'file:///a', protocol: 'file:', auth: null }, TYPE],
      [{ href: 'file:///a', protocol: 'file:', path: '/a' }, TYPE],
      [{ href: 'file:///a', protocol: 'file:' }, '/a'],
    ],
  ],
  [
    'toBase',
    check.toBase,
    [
      [undefined, '/tmp'],
      ['/', '/'],
      ['/x//./y/', '/x/y'],
      ['relative', VALUE],
      ['./x', VALUE],
      ['', VALUE],
    ],
  ],
  [
    'toAbsolutePath',
    check.toAbsolutePath,
    [
      ['/a/./b//c/', '/a/b/c'],
      ['/a/../b', '/a/../b'],
      ['/../../a', '/a'],
      ['/./../a/../b', '/a/../b'],
      ['/', '/'],
      ['a/b', '/work/here/a/b'],
      ['./a', '/work/here/a'],
      ['../a/../b', '/work/a/../b'],
      ['../../../../a', '/a'],
      ['.', '/work/here'],
      ['a/..', '/work/here/a/..'],
    ],
  ],
];

describe.each(cases)('%s', (_, checked, values) => {
  it.each(values)('of %o is %o', (value, expected) => {
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue('/work/here');
    onTestFinished(() => void cwd.mockRestore());
    expect(outcome(() => checked('it', value))).toEqual(expected);
  });
});

it('a peer that is not named is of the effective uid, which a setuid changes', () => {
  const uid = vi.spyOn(process, 'getuid').mockReturnValue(7);
  const effective = vi.spyOn(process, 'geteuid').mockReturnValue(8);
  onTestFinished(() => {
    uid.mockRestore();
    effective.mockRestore();
  });
  expect(check.toPeerRule('verifyPeer', true)).toBe(8);
});

it('the parent of a box in the root has one slash', () => {
  expect([check.toParentDir('/', 7), check.toParentDir('/x', 7)]).toEqual(['/bl-7', '/x/bl-7']);
});

it('a URL that is refused is shown as the text that it is', () => {
  const given = new URL('http://a/b');
  expect(() => check.toPath('it', given)).toThrow(
    "'it' must be a file: URL of a path on this machine. Received 'http://a/b'",
  );
});
