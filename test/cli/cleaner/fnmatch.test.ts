import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { expandBraces, fnmatch } from '../../../dist/cli/cleaner/fnmatch.js';

describe('a pattern', () => {
  it.each([
    ['/tmp/bl-*', '/tmp/bl-0', true],
    ['/tmp/bl-*', '/tmp/bl-0/box', false],
    ['/tmp/*', '/tmp/.hidden', false],
    ['/tmp/.*', '/tmp/.hidden', true],
    ['/tmp/[!a]x', '/tmp/bx', true],
    ['/tmp/[]a]', '/tmp/]', true],
    ['/tmp/[a', '/tmp/[a', true],
    ['/tmp/\\*', '/tmp/*', true],
    ['/tmp/\\*', '/tmp/a', false],
    ['*', '', true],
  ])('%s against %s', (pattern, path, matches) => expect(fnmatch(pattern, path)).toBe(matches));

  it('of many stars takes no exponential time', () => {
    expect(fnmatch(`${'a*'.repeat(60)}b`, 'a'.repeat(2000))).toBe(false);
  });

  it('with braces is spelled out as the shell does it', () => {
    expect(expandBraces('/t/{a,b{1,2}}/{x,}')).toEqual(['/t/a/x', '/t/a/', '/t/b1/x', '/t/b1/', '/t/b2/x', '/t/b2/']);
    expect(expandBraces('/t/{a,b')).toEqual(['/t/{a,b']);
    expect(expandBraces('/t/a}')).toEqual(['/t/a}']);
  });
});

const libc = spawnSync('python3', ['-c', 'import ctypes; ctypes.CDLL("libc.so.6").fnmatch']).status === 0;

describe.skipIf(!libc)("the C library's own fnmatch (needs python3 and glibc)", () => {
  it('5,000 random patterns: the same answers', () => {
    const cases = randomCases(5000);
    const program = `
import ctypes, json, sys
libc = ctypes.CDLL("libc.so.6")
# FNM_PATHNAME | FNM_PERIOD
print(json.dumps([libc.fnmatch(p.encode(), s.encode(), 5) == 0 for p, s in json.load(sys.stdin)]))`;
    const run = spawnSync('python3', ['-c', program], { input: JSON.stringify(cases), encoding: 'utf8' });
    const expected: boolean[] = JSON.parse(run.stdout);
    const wrong = cases.filter(([pattern, path], index) => fnmatch(pattern, path) !== expected[index]);
    expect(wrong).toEqual([]);
    expect(expected.filter(Boolean).length).toBeGreaterThan(150);
  });
});

function randomCases(count: number): [pattern: string, path: string][] {
  let state = 7;
  const random = (limit: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
  const pick = (parts: string[]) => parts[random(parts.length)] ?? '';
  const parts = ['a', 'b', '.', '-', '*', '?', '[ab]', '[!a]', '[a-c]', '[^.]', '[[:alpha:]]', '[]a]', '\\a', '/'];
  const chars = ['a', 'b', 'c', '.', '-', ']', '/'];
  const text = (from: string[]) => Array.from({ length: 1 + random(5) }, () => pick(from)).join('');
  return Array.from({ length: count }, () => [text(parts), text(chars)]);
}
