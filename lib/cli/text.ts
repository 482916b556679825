// Small helpers for text that a person reads.

import { shellQuote } from '../sandbox/index.js';

export function shellCommand(...words: string[]): string {
  return shellQuote(words);
}

/** This package's own version; dist/cli/ lies two levels below its directory. */
export function packageVersion(): string {
  return require('../../package.json').version;
}

/** `1 box`, `2 boxes`. */
export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : many}`;
}

/** The text in `width` columns: what is too long loses its middle, for both ends of a path tell something. */
export function shorten(text: string, width: number, ellipsis = '...'): string {
  const chars = [...text];
  if (chars.length <= width) return text;
  const room = Math.max(0, width - ellipsis.length);
  const head = Math.floor(room / 2);
  return chars.slice(0, head).join('') + ellipsis + chars.slice(chars.length - (room - head)).join('');
}

/** Lines of at most `width` columns, broken at blanks; a word that is longer stands alone, whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

// Controls of both sets, ends of lines, and the marks that turn the direction of writing.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Control characters spelled out, so that a file's name cannot drive the terminal it is printed on. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** A JSON document in which they are escaped as well; what is below a blank is escaped, or our own line end. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
