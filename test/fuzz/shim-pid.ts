// shim.pid: who runs a box. What is torn or foreign is nobody, and what is accepted can be written and read again.

import { formatShimPid, parseShimPid, type ShimIdentity } from '../../dist/box/shim-pid.js';
import { check, consistsOf, DIGITS, textsOf } from './check.js';

const BOOT = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';

export const seeds = [
  '4711\n123456\n',
  `4711\n123456\nboot ${BOOT}\n`,
  `4711\n123456\n\nboot ${BOOT}\npidns 4026531836\nmark ${'0f'.repeat(16)}\n`,
  '4711\n123456\nservices-mux-v1\n',
  '4711\n',
  '02147483647\n9007199254740991',
  '1\n1',
];
export const dictionary = [
  '\nboot ',
  '\npidns ',
  '\nmark ',
  BOOT,
  '2147483647',
  '2147483648',
  '9007199254740991',
  '9007199254740992',
];

export function fuzz(data: Buffer): void {
  for (const text of textsOf(data)) {
    const found = parseShimPid(text);
    const expected = read(text);
    check(JSON.stringify(found) === JSON.stringify(expected), 'a file is read line by line', text, found, expected);
    if (found === null) continue;
    const again = parseShimPid(formatShimPid(found));
    check(JSON.stringify(again) === JSON.stringify(found), 'what was read can be written', found, again);
  }
}

function read(text: string): ShimIdentity | null {
  const [pidLine = '', startLine, ...further] = text.split('\n');
  if (startLine === undefined || !isNumber(pidLine, 10) || !isNumber(startLine, 16)) return null;
  const [pid, startTime] = [BigInt(pidLine), BigInt(startLine)];
  if (pid < 2n || pid >= 1n << 31n || startTime >= 1n << 53n) return null;
  const field = (name: string, characters: string, fits: (length: number) => boolean): string | null => {
    const values = further.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
    return values.find((value) => fits(value.length) && consistsOf(value, characters)) ?? null;
  };
  return {
    pid: Number(pid),
    startTime: Number(startTime),
    bootId: field('boot', `${DIGITS}abcdef-`, (length) => length === 36),
    pidNamespace: field('pidns', DIGITS, (length) => length >= 1 && length <= 20),
    mark: field('mark', `${DIGITS}abcdef`, (length) => length === 32),
  };
}

function isNumber(text: string, most: number): boolean {
  return text.length >= 1 && text.length <= most && consistsOf(text, DIGITS);
}
