// What a Rust source of libkrun's network backends says about the socket it binds for itself. Pure: text in, signs out.

import { type KrunPin, type KrunSourceEvidence, LONGEST_PID, longestKrunName } from '../paths/krun-derivation.js';
import type { RustToken } from './rust-lexer.js';
import { productionTokens } from './rust-production.js';

/** What one source file shows. */
export interface KrunSourceSigns {
  /** Literals that are appended to the peer's path. */
  suffixes: { suffix: string; evidence: KrunSourceEvidence }[];
  /** Literals with a number in them, for the temporary directory. */
  templates: { longestName: string; evidence: KrunSourceEvidence }[];
  /** A local address of its own that fits no scheme: a `bind`, a socket name. */
  local: KrunSourceEvidence[];
  /** That it talks to the network proxy at all. */
  network: KrunSourceEvidence[];
}

const MAX_EVIDENCE = 16;
const MAX_TEXT = 200;
const HOLE = '\0';

/**
 * The signs in one file.
 *
 * @param file its name, for the evidence
 * @param text its Rust source
 */
export function readKrunSource(file: string, text: string): KrunSourceSigns {
  const lines = text.split('\n');
  const evidenceOf = ({ line }: RustToken): KrunSourceEvidence => ({
    file,
    line,
    text: (lines[line - 1] ?? '').trim().slice(0, MAX_TEXT),
  });
  const signs: KrunSourceSigns = { suffixes: [], templates: [], local: [], network: [] };
  const tokens = productionTokens(text);
  const context = contextOf(tokens);
  for (const token of tokens) {
    if (token.kind === 'string') addString(signs, readName(token.text, context), evidenceOf(token));
    else if (token.kind === 'ident' && LOCAL_ADDRESS.test(token.text)) addOnce(signs.local, evidenceOf(token));
    else if (token.kind === 'ident' && NETWORK.has(token.text)) addOnce(signs.network, evidenceOf(token));
  }
  return signs;
}

/**
 * The scheme that the signs of some files show together.
 *
 * @param files signs of the files that make up the vendor's network backends
 */
export function judgeKrunSource(files: KrunSourceSigns[]): KrunPin {
  const suffixes = files.flatMap((signs) => signs.suffixes);
  const templates = files.flatMap((signs) => signs.templates);
  const found = [...suffixes, ...templates].map(({ evidence }) => evidence).slice(0, MAX_EVIDENCE);
  const distinct = new Set(suffixes.map(({ suffix }) => suffix));
  const [suffix] = distinct;
  if (distinct.size + Math.min(templates.length, 1) > 1) return undecided('ambiguous', found);
  if (suffix !== undefined) {
    return { scheme: 'suffix', suffix, longestName: longestKrunName('suffix', suffix), evidence: found };
  }
  const [longest] = templates.map(({ longestName }) => longestName).sort((a, b) => b.length - a.length);
  if (longest !== undefined) return { scheme: 'temp-dir', suffix: null, longestName: longest, evidence: found };
  const local = files.flatMap((signs) => signs.local).slice(0, MAX_EVIDENCE);
  if (local.length > 0) return undecided('unknown', local);
  const network = files.flatMap((signs) => signs.network.slice(0, 1)).slice(0, MAX_EVIDENCE);
  return undecided(network.length > 0 ? 'none' : 'unknown', network);
}

function undecided(scheme: KrunPin['scheme'], evidence: KrunSourceEvidence[]): KrunPin {
  return { scheme, suffix: null, longestName: null, evidence };
}

// Up to 1.7.2 these files use the socket they are given and bind nothing.
const NETWORK = new Set(
  'connect send sendto sendmsg recv recvfrom recvmsg NetBackend Unixgram Gvproxy Passt UnixDatagram'.split(' '),
);
const LOCAL_ADDRESS = /^(?:(?:try_)?bind(?:_[a-z_]+)?|local(?:_[a-z_]+)?)$/;
const TEMP_DIR = /^temp_?dir$/i;
const SIBLING = new Set(['parent', 'with_file_name', 'set_file_name']);
const COUNTER = /^Atomic(U|I)(8|16|32|64|size)$/i;

interface Context {
  /** The directory is the temporary one; the peer's own; or not said. */
  directory: 'temp' | 'peer' | null;
  /** The longest number that a counter of this file reaches. */
  counter: string;
}

function contextOf(tokens: RustToken[]): Context {
  const words = new Set(tokens.filter(({ kind }) => kind === 'ident').map(({ text }) => text));
  const isTemp = tokens.some(({ kind, text }) => (kind === 'ident' ? TEMP_DIR.test(text) : text === 'TMPDIR'));
  const isPeer = [...SIBLING].some((word) => words.has(word));
  return { directory: isTemp ? 'temp' : isPeer ? 'peer' : null, counter: longestCounter(tokens) };
}

// Of a static (`static NEXT: AtomicU32`); libkrun 1.19.0 counts in 32 bits.
function longestCounter(tokens: RustToken[]): string {
  let longest = '';
  let inStatic = false;
  for (const { kind, text } of tokens) {
    if (kind === 'ident' && text === 'static') inStatic = true;
    else if (kind === 'punct' && text === ';') inStatic = false;
    const number = inStatic && kind === 'ident' ? longestNumber(text) : '';
    if (number.length > longest.length) longest = number;
  }
  return longest === '' ? longestNumber('AtomicU32') : longest;
}

function longestNumber(type: string): string {
  const [, sign, width] = COUNTER.exec(type) ?? [];
  if (sign === undefined || width === undefined) return '';
  const bits = BigInt(width === 'size' ? 64 : Number(width));
  return sign.toUpperCase() === 'U' ? String(2n ** bits - 1n) : String(-(2n ** (bits - 1n)));
}

type Name = { suffix: string } | { longestName: string } | 'local' | null;

// A string is a socket's name, or what makes one, where its last component says so and holds nothing else.
function readName(literal: string, context: Context): Name {
  const text = literal.replace(/\0$/, ''); // C strings
  if (text.includes(HOLE)) return null;
  const slash = text.lastIndexOf('/') + 1;
  const directory = text.slice(0, slash);
  const leaf = text.slice(slash);
  const shape = leaf.replace(/\{[^{}]*\}/g, HOLE);
  if (!/^[A-Za-z0-9._\0-]+$/.test(shape) || !/sock|krun/.test(shape)) return null;
  const isRelative = directory === '' || /^\{[^{}]*\}\/$/.test(directory);
  if (!shape.includes(HOLE)) return readPlainName(shape, directory);
  if (/^\0[^\0]+$/.test(shape)) return isRelative ? { suffix: shape.slice(1) } : 'local';
  return isRelative ? readTemplate(leaf, shape, context) : 'local';
}

function readPlainName(name: string, directory: string): Name {
  if (directory === '' && /^[-._]./.test(name) && name !== '.sock') return { suffix: name };
  return name.endsWith('.sock') ? 'local' : null;
}

function readTemplate(leaf: string, shape: string, { directory, counter }: Context): Name {
  if (!shape.includes('sock')) return null;
  if (shape.startsWith(HOLE) || directory === 'peer') return 'local';
  if (directory === null && !shape.startsWith('krun-net-')) return 'local';
  const holes = [...leaf.matchAll(/\{([^{}]*)\}/g)].map(([, argument = '']) => argument);
  const named = holes.findIndex((argument) => /pid/i.test(argument));
  // Unless it is named, the pid comes first, as in libkrun; a single number may as well be a counter.
  const pid = named < 0 && holes.length > 1 ? 0 : named;
  let hole = 0;
  const longestName = leaf.replace(/\{[^{}]*\}/g, () => (hole++ === pid ? LONGEST_PID : counter));
  return { longestName };
}

function addString(signs: KrunSourceSigns, name: Name, evidence: KrunSourceEvidence): void {
  if (name === null) return;
  if (name === 'local') addOnce(signs.local, evidence);
  else if ('suffix' in name) signs.suffixes.push({ suffix: name.suffix, evidence });
  else signs.templates.push({ longestName: name.longestName, evidence });
}

function addOnce(list: KrunSourceEvidence[], evidence: KrunSourceEvidence): void {
  if (list.length < MAX_EVIDENCE && list.at(-1)?.line !== evidence.line) list.push(evidence);
}
