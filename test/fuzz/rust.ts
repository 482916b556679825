// The reader of libkrun's sources. It takes any text at all, and what stands before a text changes only its lines.

import { lexRust, type RustToken } from '../../dist/krun/rust-lexer.js';
import { productionTokens } from '../../dist/krun/rust-production.js';
import { judgeKrunSource, readKrunSource } from '../../dist/krun/source.js';
import { check } from './check.js';

export const seeds = [
  'use a::b;\n#[cfg(test)]\nmod tests { const A: &str = "-krun.sock"; }\nfn f() { bind(format!("{}-krun.sock", p)); }',
  'let s = r#"a"b"#; /* a /* b */ c */ // "x\nlet c = \'"\'; fn f<\'a>() -> u8 { 0x1f }',
  'static N: AtomicU32 = x;\nlet p = temp_dir().join(format!("krun-net-{}-{}.sock", std::process::id(), n));',
  'impl NetBackend for Passt { fn connect(&self) { debug!("{} {}", "a", b\'\\n\'); } }',
];
export const dictionary = [
  ...['"', '\\"', 'r#"', '"#', "b'", '//', '/*', '*/', '#[test]', '#![cfg(test)]', '#[cfg(not(test))]', 'use a;'],
  ...['debug!(', 'fn f() {', '}', '-krun.sock', '{}-krun.sock', 'krun-net-{}-{}.sock', 'bind(', 'temp_dir()'],
  ...['AtomicU64', 'with_file_name', 'parent', 'Unixgram', '\\u{1f600}', '\\u{ffffff}', '\\x41', 'cfg_attr(test'],
];

const SCHEMES = ['none', 'suffix', 'temp-dir', 'ambiguous', 'unknown'];

export function fuzz(data: Buffer): void {
  const source = data.toString('utf8');
  const tokens = [...lexRust(source)];
  checkTokens(source, tokens);
  const later = [...lexRust(`/* "\n/* */ */ 'a' // "\n${source}`)].map(({ line, ...rest }) => ({
    ...rest,
    line: line - 2,
  }));
  check(sameTokens(later, tokens), 'comments and characters before it only move it down', tokens, later);
  const kept = productionTokens(source);
  let at = 0;
  for (const token of tokens) if (sameTokens([token], kept.slice(at, at + 1))) at += 1;
  check(at === kept.length, 'what has an effect is part of what was written, in order', tokens, kept);
  const signs = readKrunSource('f', source);
  const pin = judgeKrunSource([signs]);
  check(SCHEMES.includes(pin.scheme), 'the scheme is one of five', pin);
  const lines = source.split('\n');
  for (const { line, text } of pin.evidence as { line: number; text: string }[]) {
    check(lines[line - 1]?.includes(text) === true, 'the evidence stands where it is said to', line, text);
  }
  check(judgeKrunSource([signs, signs]).scheme === pin.scheme, 'the same file twice says the same', pin);
}

function checkTokens(source: string, tokens: RustToken[]): void {
  const lines = source.split('\n');
  let last = 1;
  for (const { kind, text, line } of tokens) {
    check(line >= last && line <= lines.length, 'lines are counted', line);
    last = line;
    if (kind === 'string') continue;
    check(lines[line - 1]?.includes(text) === true, 'a token stands in its line', line, text);
    const isPunctuation = Array.from(text).length === 1 && text.trim() !== '';
    check(kind === 'ident' ? /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text) : isPunctuation, 'and is one', kind, text);
  }
}

function sameTokens(left: RustToken[], right: RustToken[]): boolean {
  const isSame = (a: RustToken, b: RustToken | undefined) =>
    a.kind === b?.kind && a.text === b.text && a.line === b.line;
  return left.length === right.length && left.every((token, index) => isSame(token, right[index]));
}
