import { describe, expect, it } from 'vitest';
import { type KrunPin, longestKrunName, resolveKrunDerivation } from '../../dist/paths/krun-derivation.js';

const pin = (fields: object): KrunPin => ({
  scheme: 'none',
  suffix: null,
  longestName: null,
  evidence: [],
  ...fields,
});
const refused = (code: string) => expect.objectContaining({ name: 'TypeError', code });

describe('resolveKrunDerivation', () => {
  it('takes the suffix of libkrun 1.8 and of BoxLite when nothing is said', () => {
    const expected = { scheme: 'suffix', suffix: '-krun.sock', longestName: 'net.sock-krun.sock' };
    expect(resolveKrunDerivation(undefined)).toEqual(expected);
    expect(resolveKrunDerivation('suffix')).toEqual(expected);
  });

  it('derives nothing for none, and the longest pid and counter for temp-dir', () => {
    expect(resolveKrunDerivation('none')).toEqual({ scheme: 'none', suffix: null, longestName: null });
    expect(resolveKrunDerivation('temp-dir')).toEqual({
      scheme: 'temp-dir',
      suffix: null,
      longestName: 'krun-net-4194304-4294967295.sock',
    });
  });

  it('follows a pin: its suffix and its longest name', () => {
    expect(resolveKrunDerivation(pin({ scheme: 'suffix', suffix: '-krun2.sock' }))).toEqual({
      scheme: 'suffix',
      suffix: '-krun2.sock',
      longestName: 'net.sock-krun2.sock',
    });
    expect(resolveKrunDerivation(pin({ scheme: 'temp-dir', longestName: 'k-9-9.sock' })).longestName).toBe(
      'k-9-9.sock',
    );
    expect(resolveKrunDerivation(pin({ scheme: 'temp-dir' })).longestName).toBe(longestKrunName('temp-dir', null));
    expect(resolveKrunDerivation(pin({ scheme: 'none' })).longestName).toBeNull();
  });

  it('takes no undecided pin, and says to decide', () => {
    for (const scheme of ['ambiguous', 'unknown']) {
      expect(() => resolveKrunDerivation(pin({ scheme }))).toThrow(refused('ERR_INVALID_ARG_VALUE'));
      expect(() => resolveKrunDerivation(pin({ scheme }))).toThrow(`'${scheme}': look at its evidence`);
    }
  });

  it.each(['', 'Suffix', 'suffix ', 'toString', {}, [], { scheme: '__proto__' }])('refuses %j', (value) => {
    expect(() => resolveKrunDerivation(value as never)).toThrow(refused('ERR_INVALID_ARG_VALUE'));
  });

  it.each([null, 1, true, () => 'none', Symbol.iterator])('refuses a %s as no derivation at all', (value) => {
    expect(() => resolveKrunDerivation(value as never)).toThrow(refused('ERR_INVALID_ARG_TYPE'));
  });

  it.each([null, undefined, 7, '', '/x.sock', `-${'k'.repeat(92)}`, '-krun.sock\n', 'a\0'])(
    'refuses the suffix %j, which makes no socket name',
    (suffix) => {
      expect(() => resolveKrunDerivation(pin({ scheme: 'suffix', suffix }))).toThrow(refused('ERR_INVALID_ARG_VALUE'));
    },
  );

  it.each(['', '../x.sock', 7, {}, 'k'.repeat(101)])('refuses the longest name %j', (longestName) => {
    expect(() => resolveKrunDerivation(pin({ scheme: 'temp-dir', longestName }))).toThrow(
      refused('ERR_INVALID_ARG_VALUE'),
    );
  });

  it('takes a suffix that makes a name of 100 bytes, the longest there may be', () => {
    const suffix = `-${'k'.repeat(91)}`;
    expect(resolveKrunDerivation(pin({ scheme: 'suffix', suffix })).longestName).toHaveLength(100);
  });
});
