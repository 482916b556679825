// The part of a Rust source that ends up in the vendor's library and has an effect there: without attributes (a doc
// comment is one), imports, test code, and what is only logged.

import { lexRust, type RustToken } from './rust-lexer.js';

const MESSAGES = new Set(
  (
    'trace debug info warn error log print println eprint eprintln dbg panic todo unimplemented unreachable ' +
    'assert assert_eq assert_ne debug_assert debug_assert_eq debug_assert_ne bail ensure anyhow'
  ).split(' '),
);
const ITEMS = new Set(
  'fn mod const static struct enum union impl trait type use unsafe async extern macro_rules let'.split(' '),
);

/** The tokens of a Rust source that decide what the built vendor does. */
export function productionTokens(source: string): RustToken[] {
  const tokens = [...lexRust(source)];
  const kept: RustToken[] = [];
  let at = 0;
  for (let token = tokens[at]; token !== undefined; token = tokens[at]) {
    const next = afterIrrelevant(tokens, at);
    if (next === at) {
      kept.push(token);
      at += 1;
    } else {
      at = next;
    }
  }
  return kept;
}

// Where the irrelevant part that begins here ends; `at` itself where the token matters.
function afterIrrelevant(tokens: RustToken[], at: number): number {
  if (isPunct(tokens, at, '#')) {
    const inner = isPunct(tokens, at + 1, '!');
    const open = inner ? at + 2 : at + 1;
    if (!isPunct(tokens, open, '[')) return at;
    const end = afterGroup(tokens, open);
    if (!isTestOnly(tokens.slice(open, end))) return end;
    return inner ? tokens.length : afterItem(tokens, end);
  }
  const token = tokens[at];
  if (token?.kind !== 'ident') return at;
  if (token.text === 'use' && tokens[at + 1]?.kind === 'ident') return afterSemicolon(tokens, at);
  const isMessage = MESSAGES.has(token.text) && isPunct(tokens, at + 1, '!') && isOpening(tokens, at + 2);
  return isMessage ? afterGroup(tokens, at + 2) : at;
}

// #[test], #[cfg(test)], #[cfg(all(test, unix))]; not what is also built without the tests.
function isTestOnly(attribute: RustToken[]): boolean {
  const words = attribute.filter(({ kind }) => kind === 'ident').map(({ text }) => text);
  return words.includes('test') && !words.some((word) => word === 'not' || word === 'any' || word === 'cfg_attr');
}

// What an attribute applies to: an item, up to its block or semicolon; a field, a variant or an arm, up to its comma.
function afterItem(tokens: RustToken[], from: number): number {
  let at = from;
  while (isPunct(tokens, at, '#') && isPunct(tokens, at + 1, '[')) at = afterGroup(tokens, at + 1);
  const isItem = ITEMS.has(firstWord(tokens, at));
  while (at < tokens.length) {
    if (isPunct(tokens, at, '{')) return afterGroup(tokens, at);
    if (isPunct(tokens, at, ';') || (!isItem && isPunct(tokens, at, ','))) return at + 1;
    if (isClosing(tokens, at)) return at;
    at = isOpening(tokens, at) ? afterGroup(tokens, at) : at + 1;
  }
  return at;
}

function firstWord(tokens: RustToken[], at: number): string {
  if (tokens[at]?.text !== 'pub') return tokens[at]?.text ?? '';
  return tokens[isPunct(tokens, at + 1, '(') ? afterGroup(tokens, at + 1) : at + 1]?.text ?? '';
}

function afterGroup(tokens: RustToken[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isOpening(tokens, at)) depth += 1;
    else if (isClosing(tokens, at)) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

function afterSemicolon(tokens: RustToken[], from: number): number {
  let at = from;
  while (at < tokens.length && !isPunct(tokens, at, ';')) at += 1;
  return at + 1;
}

function isPunct(tokens: RustToken[], at: number, text: string): boolean {
  const token = tokens[at];
  return token?.kind === 'punct' && token.text === text;
}

function isOpening(tokens: RustToken[], at: number): boolean {
  return isPunct(tokens, at, '(') || isPunct(tokens, at, '[') || isPunct(tokens, at, '{');
}

function isClosing(tokens: RustToken[], at: number): boolean {
  return isPunct(tokens, at, ')') || isPunct(tokens, at, ']') || isPunct(tokens, at, '}');
}
