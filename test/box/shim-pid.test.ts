// The text of shim.pid: what is read of it, and what is torn.

import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatShimPid, isElsewhere, ownOrigin, parseShimPid } from '../../dist/box/shim-pid.js';

const BOOT = '01234567-89ab-cdef-0123-456789abcdef';
const MARK = '0123456789abcdef0123456789abcdef';
const OURS = { bootId: null, pidNamespace: null, mark: null };
const whole = { pid: 7, startTime: 9, bootId: BOOT, pidNamespace: '4026531836', mark: MARK };

describe('the numbers', () => {
  it.each<[text: string, numbers: [number, number] | null]>([
    ['7\n9\n', [7, 9]],
    ['7\n9', [7, 9]],
    ['2\n0\n', [2, 0]],
    ['1\n9\n', null],
    ['0\n9\n', null],
    ['2147483647\n9\n', [2147483647, 9]],
    ['2147483648\n9\n', null],
    ['12345678901\n9\n', null],
    ['7\n9007199254740991\n', [7, 9007199254740991]],
    ['7\n9007199254740992\n', null],
    ['7\n12345678901234567\n', null],
    ['', null],
    ['7', null],
    ['7\n', null],
    ['7\n\n', null],
    ['-7\n9\n', null],
    [' 7\n9\n', null],
    ['\n7\n9\n', null],
    ['7 \n9\n', null],
    ['7\n9 \n', null],
    ['7\r\n9\n', null],
    ['7\n9x', null],
  ])('of %j are %j', (text, numbers) => {
    const [pid, startTime] = numbers ?? [];
    expect(parseShimPid(text)).toEqual(numbers === null ? null : { pid, startTime, ...OURS });
  });
});

describe('what is ours', () => {
  it('is read where it is a whole line, wherever that stands', () => {
    const lines = [`boot ${BOOT}`, 'pidns 4026531836', `mark ${MARK}`];
    expect(parseShimPid(`7\n9\nservices-mux-v1\n${lines.join('\n')}\n`)).toEqual(whole);
    expect(parseShimPid(`7\n9\n\n${lines.toReversed().join('\n')}`)).toEqual(whole);
    expect(parseShimPid(`7\n9\n${lines.join('\n')}`)).toEqual(whole);
  });

  it.each([
    `boot ${BOOT}0`,
    `boot ${BOOT.slice(1)}`,
    `boot ${BOOT} `,
    `xboot ${BOOT}`,
    `boot ${BOOT.toUpperCase()}`,
    `boot ${BOOT}\r`,
    'pidns ',
    'pidns 123456789012345678901',
    'pidns 1x',
    'xpidns 1',
    'pidns 1\r',
    `mark ${MARK}0`,
    `mark ${MARK.slice(1)}`,
    `mark ${MARK.replace('a', 'g')}`,
    `xmark ${MARK}`,
    `mark ${MARK}\r`,
    `mark\n${MARK}`,
  ])('is not read of %j', (line) => {
    expect(parseShimPid(`7\n9\n\n${line}\n`)).toEqual({ pid: 7, startTime: 9, ...OURS });
  });

  it('is written as it is read, and nothing is where there is nothing of ours', () => {
    expect(formatShimPid(whole)).toBe(`7\n9\n\nboot ${BOOT}\npidns 4026531836\nmark ${MARK}\n`);
    expect(formatShimPid({ pid: 7, startTime: 9, ...OURS })).toBe('7\n9\n');
    expect(formatShimPid({ pid: 7, startTime: 9, ...OURS, mark: MARK })).toBe(`7\n9\n\nmark ${MARK}\n`);
    expect(parseShimPid(formatShimPid(whole))).toEqual(whole);
  });
});

describe('elsewhere', () => {
  it('is another boot, or namespace, than this one, where both are known', () => {
    const own = ownOrigin();
    if (process.platform === 'linux') {
      expect(own).toEqual({
        bootId: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
        pidNamespace: fs.readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''),
      });
    }
    for (const which of ['bootId', 'pidNamespace'] as const) {
      expect(isElsewhere({ ...OURS, [which]: own[which] }, which)).toBe(false);
      expect(isElsewhere(OURS, which)).toBe(false);
      expect(isElsewhere({ ...OURS, [which]: 'other' }, which)).toBe(own[which] !== null);
    }
  });
});
