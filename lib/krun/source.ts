// What a Rust source of libkrun's network backends says about the socket it binds for itself. Pure: text in, signs out.
// It knows the three schemes that libkrun has had, however they are formatted, and nothing that nobody has written.

import type { KrunSourceEvidence } from '../paths/krun-derivation.js';
import { type KrunSigns, noSigns, signsOfSuffix } from './signs.js';

const MAX_TEXT = 200;

// String literals as they are written, a hole (`{}`, `{path}`, `{0}`) where another value goes.
const SUFFIX = /^(?:\{[^{}]*\})?(-krun[A-Za-z0-9_-]*\.sock)(?:\\0)?$/;
const TEMPLATE = /^(?:\{[^{}]*\}\/)?krun-net-\{[^{}]*\}-\{[^{}]*\}\.sock(?:\\0)?$/;
const OTHER_NAME = /^\S+\.sock(?:\\0)?$/;
// Up to 1.7.2 the backends use the socket they are given and bind nothing.
const SIGN =
  /"|\b(?:(?<local>(?:try_)?bind(?:_[a-z_]+)?|local_[a-z_]+)|connect|sendto|send|sendmsg|recv|recvfrom|recvmsg|NetBackend|Unixgram|Gvproxy|Passt|UnixDatagram)\b/g;

/** Adds the signs of one file, Rust, to those of others. */
export function readKrunSource(file: string, text: string, signs: KrunSigns<KrunSourceEvidence> = noSigns()) {
  const { code, literals } = separate(text);
  const production = withoutIrrelevant(code);
  const isTemporary = /\btemp_dir\b/.test(production) || [...literals.values()].includes('TMPDIR');
  const evidenceAt = lineReader(file, text);
  for (const { 0: word, index, groups } of production.matchAll(SIGN)) {
    const list = word === '"' ? literalSigns(literals.get(index) ?? '') : groups?.local ? signs.local : signs.network;
    const last = list?.at(-1);
    // One of a line is enough, and of a file one that it is a backend at all.
    const isNew = last?.file !== file || (list !== signs.network && last.line !== evidenceAt(index).line);
    if (isNew) list?.push(evidenceAt(index));
  }
  return signs;

  function literalSigns(literal: string): KrunSourceEvidence[] | null {
    const [, suffix] = SUFFIX.exec(literal) ?? [];
    if (suffix !== undefined) return signsOfSuffix(signs, suffix);
    if (isTemporary && TEMPLATE.test(literal)) return signs.templates;
    return OTHER_NAME.test(literal) ? signs.local : null;
  }
}

function lineReader(file: string, text: string): (index: number) => KrunSourceEvidence {
  const lines = text.split('\n');
  let [line, end] = [0, -1];
  return (index) => {
    while (end < index) end += (lines[line++]?.length ?? 0) + 1;
    return { file, line, text: (lines[line - 1] ?? '').trim().slice(0, MAX_TEXT) };
  };
}

// A comment, what opens a raw string, and a string, a character (a quote without its fellow is a lifetime).
const LEXEME = /\/\/[^\n]*|\/\*|\b[bc]?r(#*)"|"|'(?:\\[\s\S][^'\n]*|[^\\'])'/gu;

/** The code with nothing but blanks and one quote in the place of each literal, those by their index, and no comments. */
function separate(text: string): { code: string; literals: Map<number, string> } {
  const literals = new Map<number, string>();
  let code = '';
  LEXEME.lastIndex = 0;
  for (let lexeme = LEXEME.exec(text); lexeme !== null; lexeme = LEXEME.exec(text)) {
    const { 0: opening, 1: hashes, index } = lexeme;
    const isString = hashes !== undefined || opening === '"';
    const body = LEXEME.lastIndex;
    if (opening === '/*') LEXEME.lastIndex = afterBalanced(text, index, COMMENT);
    if (isString) LEXEME.lastIndex = hashes === undefined ? afterString(text, body) : after(text, `"${hashes}`, body);
    if (isString) literals.set(index, text.slice(body, LEXEME.lastIndex - 1 - (hashes?.length ?? 0)));
    const spaces = blank(text.slice(index, LEXEME.lastIndex));
    code += text.slice(code.length, index) + (isString ? `"${spaces.slice(1)}` : spaces);
  }
  return { code: code + text.slice(code.length), literals };
}

function afterString(text: string, from: number): number {
  const edge = /"|\\[\s\S]/g;
  edge.lastIndex = from;
  for (let found = edge.exec(text); found !== null; found = edge.exec(text))
    if (found[0] === '"') return edge.lastIndex;
  return text.length;
}

function after(text: string, closing: string, from: number): number {
  const at = text.indexOf(closing, from);
  return at < 0 ? text.length : at + closing.length;
}

// Both nest. What opens is the first group.
const COMMENT = /(\/\*)|\*\//g;
const GROUP = /([([{])|[}\])]/g;

function afterBalanced(text: string, open: number, edge: RegExp): number {
  edge.lastIndex = open;
  for (let depth = 0, found = edge.exec(text); found !== null; found = edge.exec(text)) {
    depth += found[1] === undefined ? -1 : 1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}

const IRRELEVANT =
  /#(?<inner>!?)\s*\[|\buse\s|\b(?:trace|debug|info|warn|error|log|e?print|e?println|dbg|panic|(?:debug_)?assert(?:_eq|_ne)?|bail|ensure|anyhow)!\s*[([{]/g;
const ITEM =
  /(?:\s*#\s*\[[^\]]*\])*\s*(?:pub\s*(?:\([^)]*\))?\s*)?(?:fn|mod|const|static|struct|enum|union|impl|trait|type|unsafe|async|extern|let)\b/y;

/** Without attributes (a doc comment is one), imports, tests, and what is only logged. */
function withoutIrrelevant(code: string): string {
  let kept = '';
  IRRELEVANT.lastIndex = 0;
  for (let found = IRRELEVANT.exec(code); found !== null; found = IRRELEVANT.exec(code)) {
    const { 0: text, index, groups } = found;
    let end = text.startsWith('use') ? after(code, ';', index) : afterBalanced(code, IRRELEVANT.lastIndex - 1, GROUP);
    if (groups?.inner !== undefined && isTestOnly(code.slice(index, end))) {
      end = groups.inner === '!' ? code.length : afterItem(code, end);
    }
    kept += code.slice(kept.length, index) + blank(code.slice(index, end));
    IRRELEVANT.lastIndex = end;
  }
  return kept + code.slice(kept.length);
}

// #[test], #[cfg(test)], #[cfg(all(test, unix))]; not what is also built without the tests.
function isTestOnly(attribute: string): boolean {
  return /\btest\b/.test(attribute) && !/\b(?:not|any|cfg_attr)\b/.test(attribute);
}

// What an attribute applies to: an item, up to its block or semicolon; a field, a variant or an arm, up to its comma.
function afterItem(code: string, from: number): number {
  ITEM.lastIndex = from;
  const edge = ITEM.test(code) ? /[([{}\]);]/g : /[([{}\]);,]/g;
  edge.lastIndex = from;
  for (let found = edge.exec(code); found !== null; found = edge.exec(code)) {
    if (found[0] === '{') return afterBalanced(code, found.index, GROUP);
    if (!'(['.includes(found[0])) return found[0] === ';' || found[0] === ',' ? edge.lastIndex : found.index;
    edge.lastIndex = afterBalanced(code, found.index, GROUP);
  }
  return code.length;
}

function blank(text: string): string {
  return text.replace(/[^\n]+/g, (line) => ' '.repeat(line.length));
}
