// As much of Rust's lexical grammar as it takes to tell code from comments and string literals from both
// (The Rust Reference, "Lexical structure"). It never fails: what is cut short ends at the end of the text.

/** A piece of Rust source; comments, numbers, characters and lifetimes are left out. */
export interface RustToken {
  /** `'ident'`: an identifier or keyword. `'string'`: any string literal. `'punct'`: one character of punctuation. */
  kind: 'ident' | 'string' | 'punct';
  /** The identifier (without `r#`), the value of the string (escapes resolved), or the character. */
  text: string;
  /** The line on which it begins, from 1. */
  line: number;
}

const SPACE = /\s+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const COMMENT_EDGE = /\/\*|\*\//g;
const RAW_STRING = /[bc]?r(#*)"/y;
const STRING = /[bc]?"/y;
const STRING_EDGE = /["\\]/g;
// A quote begins a character if one character, or an escape, lies between it and the next; otherwise a lifetime.
const CHARACTER = /b?'(?:\\[\s\S][^']*|[^\\'])'/uy;
const LIFETIME = /'[\p{ID_Continue}_]*/uy;
const IDENTIFIER = /(?:r#)?([\p{ID_Start}_][\p{ID_Continue}]*)/uy;
const NUMBER = /[0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?/y;
const PUNCTUATION = /[\s\S]/uy;

/**
 * The identifiers, string literals and punctuation of a Rust source text, in order.
 *
 * @param source Rust source, of any edition; it need not compile
 * @example
 * [...lexRust('let s = "a"; // "b"')].filter((token) => token.kind === 'string'); // one: 'a'
 */
export function* lexRust(source: string): Generator<RustToken, void, void> {
  let line = 1;
  let at = 0;
  while (at < source.length) {
    const { length, token } = lexeme(source, at);
    if (token !== null) yield { ...token, line };
    line += newlines(source, at, at + length);
    at += length;
  }
}

interface Lexeme {
  length: number;
  token: Pick<RustToken, 'kind' | 'text'> | null;
}

// The order matters: a prefix (r, b, c) belongs to the literal that follows it, and only otherwise to an identifier.
function lexeme(source: string, at: number): Lexeme {
  const skipped = match(SPACE, source, at) ?? match(LINE_COMMENT, source, at);
  if (skipped !== null) return { length: skipped[0].length, token: null };
  if (source.startsWith('/*', at)) return { length: blockCommentLength(source, at), token: null };
  const raw = match(RAW_STRING, source, at);
  if (raw !== null) return rawString(source, at, raw);
  const string = match(STRING, source, at);
  if (string !== null) return plainString(source, at, string[0].length);
  const quoted = match(CHARACTER, source, at) ?? match(LIFETIME, source, at);
  if (quoted !== null) return { length: quoted[0].length, token: null };
  const identifier = match(IDENTIFIER, source, at);
  if (identifier !== null) {
    return { length: identifier[0].length, token: { kind: 'ident', text: identifier[1] ?? '' } };
  }
  const number = match(NUMBER, source, at);
  if (number !== null) return { length: number[0].length, token: null };
  const text = match(PUNCTUATION, source, at)?.[0] ?? source.charAt(at);
  return { length: text.length, token: { kind: 'punct', text } };
}

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

// Block comments nest.
function blockCommentLength(source: string, at: number): number {
  let depth = 0;
  COMMENT_EDGE.lastIndex = at;
  for (let edge = COMMENT_EDGE.exec(source); edge !== null; edge = COMMENT_EDGE.exec(source)) {
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return COMMENT_EDGE.lastIndex - at;
  }
  return source.length - at;
}

function plainString(source: string, at: number, opening: number): Lexeme {
  const begin = at + opening;
  let end = source.length;
  STRING_EDGE.lastIndex = begin;
  for (let edge = STRING_EDGE.exec(source); edge !== null; edge = STRING_EDGE.exec(source)) {
    if (edge[0] === '"') {
      end = edge.index;
      break;
    }
    STRING_EDGE.lastIndex = edge.index + 2;
  }
  const length = Math.min(end + 1, source.length) - at;
  return { length, token: { kind: 'string', text: resolveEscapes(source.slice(begin, end)) } };
}

function rawString(source: string, at: number, opening: RegExpExecArray): Lexeme {
  const begin = at + opening[0].length;
  const closing = `"${opening[1] ?? ''}`;
  const found = source.indexOf(closing, begin);
  const end = found < 0 ? source.length : found;
  const length = Math.min(end + closing.length, source.length) - at;
  return { length, token: { kind: 'string', text: source.slice(begin, end) } };
}

const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f_]{1,12})\}|(\r?\n\s*)|([\s\S]))/g;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

function resolveEscapes(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(ESCAPE, (whole, byte?: string, scalar?: string, continuation?: string, simple?: string) => {
    if (continuation !== undefined) return '';
    if (simple !== undefined) return SIMPLE_ESCAPES[simple] ?? simple;
    const code = Number.parseInt(byte ?? scalar?.replaceAll('_', '') ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function newlines(source: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) if (source.charCodeAt(at) === 10) count += 1;
  return count;
}
