// Lines of tmpfiles.d(5), their words, ages and globs, which root of the machine wrote.

import { parseAge } from '../../dist/cli/cleaner/age.js';
import { expandBraces, fnmatch } from '../../dist/cli/cleaner/fnmatch.js';
import { parseTmpfilesLine } from '../../dist/cli/cleaner/tmpfiles-rules.js';
import { splitWords } from '../../dist/cli/cleaner/words.js';
import { check } from './check.js';

export const seeds = [
  'q /tmp 1777 root root 10d',
  'x /tmp/bl-*',
  'd "/var/run/a b" - - - ~1w12h',
  "e /var/tmp/{a,b}/%u - - - abcmABM:1.5min - 'x",
  'w /x\\x2f\\101\\u00e9 0644 - - - arg ',
  '*?[!a]\nx- /',
  '/tmp/bl-[!a-c]*/\\?[[:digit:]]\n/tmp/bl-d1/?5',
];
export const dictionary = [
  ...['q ', 'x ', 'D!', 'r+', ' - - - ', '%%', '%u', '%T', '%q', '\\x2f', '\\u00e9', '{a,b}', '[!a]', '[[:alpha:]]'],
  ...['infinity', '10d', 'abcmABM:', '~', '/var/run/', '//', '/./', '\xc2\xb5s', '.5h', '\\', '*', '?', '\n'],
];

export function fuzz(data: Buffer): void {
  const text = data.toString('utf8');
  const [line = '', other = ''] = text.split('\n');
  checkLine(line);
  checkWords(line);
  checkAge(line);
  checkGlob(line, other);
}

function checkLine(line: string): void {
  const rule = parseTmpfilesLine(line, '/nowhere');
  const indented = parseTmpfilesLine(`  ${line}\t`, '/nowhere');
  check(JSON.stringify(indented) === JSON.stringify(rule), 'blanks around a line mean nothing', line, rule, indented);
  if (rule === null) return;
  check(/^[a-zA-Z]$/.test(rule.type), 'a type is a letter', line, rule);
  check(/^\/$|^(\/[^/]+)+$/.test(rule.path), 'a path has one form', line, rule);
  check(!rule.path.split('/').includes('.'), 'without components that mean nothing', line, rule);
  check(rule.age === null || rule.age.milliseconds >= 0, 'an age is none or some', line, rule);
}

function checkWords(line: string): void {
  const split = splitWords(line, 6);
  if (split === null) return;
  check(split.words.length <= 6 && line.endsWith(split.rest), 'words, and what follows them', line, split);
  check(split.words.length === 6 || split.rest === '', 'as many as there are', line, split);
  if (/["'\\]/.test(line)) return;
  const plain = line.split(/[ \t\n\r]+/).filter((word) => word !== '');
  check(split.words.join(' ') === plain.slice(0, 6).join(' '), 'blanks divide them', line, split);
}

function checkAge(field: string): void {
  const age = parseAge(field);
  if (age === null) return;
  check(age.milliseconds >= 0 && age.keepsFirstLevel === field.startsWith('~'), 'an age is a time', field, age);
  check(age.fileTimes.length > 0, 'counted from at least one timestamp', field, age);
}

function checkGlob(pattern: string, name: string): void {
  const found = fnmatch(pattern, name);
  const isSimple = !/[[\]]/.test(pattern.replace(SIMPLE_BRACKET, ''));
  if (isSimple && pattern.split('*').length < 5) {
    check(found === expressionOf(pattern).test(name), 'a glob matches as its regular expression does', pattern, name);
  }
  const literal = pattern.replace(/[\\*?[]/g, '\\$&');
  check(fnmatch(literal, pattern), 'what is escaped stands for itself', pattern);
  // Each pair may double the number of patterns, as in glob(3).
  if (pattern.split('{').length > 6) return;
  const expanded = expandBraces(pattern);
  check(expanded.length > 0, 'there is always a pattern', pattern);
  if (!/[{}]/.test(pattern)) check(expanded[0] === pattern && expanded.length === 1, 'one, without braces', pattern);
}

const SIMPLE_BRACKET = /\[!?[a-z0-9]+\]/g;
const TOKEN = /\[!?[a-z0-9]+\]|\\.|[\s\S]/gu;

function expressionOf(pattern: string): RegExp {
  const names = pattern.split('/').map((part) => {
    const tokens = part.match(TOKEN) ?? [];
    const expressions = tokens.map((token) => {
      if (token === '*') return '[^/]*';
      if (token === '?') return '[^/]';
      if (token === '\\') return '(?!)';
      if (token.startsWith('[') && token.length > 1) return `(?!/)${token.replace('!', '^')}`;
      return `\\u{${(token.codePointAt(token.length > 1 && token.startsWith('\\') ? 1 : 0) ?? 0).toString(16)}}`;
    });
    const isHidden = /^\\?\./.test(part);
    return `${isHidden ? '' : '(?!\\.)'}${expressions.join('')}`;
  });
  return new RegExp(`^${names.join('/')}$`, 'su');
}
