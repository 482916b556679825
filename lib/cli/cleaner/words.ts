// Splits a line of tmpfiles.d(5) into its fields: quotes of both kinds, anywhere in a word, and C-style escapes.

const WHITESPACE = ' \t\n\r';

const ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/**
 * The first `count` words of a line, and what follows them untouched.
 *
 * @returns null where systemd would refuse the line: a quote left open, an escape it does not know.
 */
export function splitWords(line: string, count: number): { words: string[]; rest: string } | null {
  const words: string[] = [];
  let at = skipWhitespace(line, 0);
  while (words.length < count && at < line.length) {
    const word = readWord(line, at);
    if (word === null) return null;
    words.push(word.text);
    at = skipWhitespace(line, word.end);
  }
  return { words, rest: line.slice(at) };
}

function skipWhitespace(line: string, from: number): number {
  let at = from;
  while (at < line.length && WHITESPACE.includes(line[at] ?? '')) at++;
  return at;
}

function readWord(line: string, start: number): { text: string; end: number } | null {
  let text = '';
  let quote = '';
  let at = start;
  for (; at < line.length; at++) {
    const char = line[at] ?? '';
    if (char === '\\') {
      const escaped = readEscape(line, at + 1);
      if (escaped === null) return null;
      text += escaped.text;
      at = escaped.end - 1;
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else text += char;
    } else if (char === '"' || char === "'") quote = char;
    else if (WHITESPACE.includes(char)) break;
    else text += char;
  }
  return quote === '' ? { text, end: at } : null;
}

function readEscape(line: string, at: number): { text: string; end: number } | null {
  const simple = ESCAPES[line[at] ?? ''];
  if (simple !== undefined) return { text: simple, end: at + 1 };
  const numeric = /x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[0-7]{3}/iy;
  numeric.lastIndex = at;
  const match = numeric.exec(line)?.[0];
  if (match === undefined) return null;
  const value = /^[0-7]/.test(match) ? Number.parseInt(match, 8) : Number.parseInt(match.slice(1), 16);
  // NUL ends a path, and a code point past Unicode's end is none.
  return value === 0 || value > 0x10ffff ? null : { text: String.fromCodePoint(value), end: at + match.length };
}
