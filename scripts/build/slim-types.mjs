// Of the types that the compiler wrote, those that an entry leads to: what it exports, what that mentions, and so on. The
// functions and constants of a file that nobody outside of the package can call are left out, with their comments.

import fs from 'node:fs';
import path from 'node:path';

/** @typedef {{ file: string, text: string, code: string, name: string | undefined, link: boolean }} Piece */

const STATEMENT = /^(?=(?:export|import|declare|type|interface|\/\*\*))/m;
const DECLARATION = /^(?:export )?(?:declare )?(?:abstract )?(?:function|const|class|interface|type) (\w+)/m;
const LINK = /^(?:import|export)(?: type)? (?:\{|\*)/;

/** @param {string} dist @param {readonly string[]} entries JavaScript, relative to it */
export function slimTypes(dist, entries) {
  const files = fs.readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'));
  const pieces = files.flatMap((file) => piecesOf(file, fs.readFileSync(path.join(dist, file), 'utf8')));
  const roots = new Set(entries.map((entry) => entry.replace(/\.js$/, '.d.ts')));
  const isRoot = (/** @type {Piece} */ { file, text, code }) =>
    roots.has(file) && !text.includes('@internal') && !code.startsWith('import');
  const kept = new Set(pieces.filter(isRoot));
  const mentioned = new Set(wordsOf(kept));
  for (let before = -1; before < kept.size; ) {
    before = kept.size;
    for (const piece of pieces) {
      if (piece.link || piece.name === undefined || !mentioned.has(piece.name) || kept.has(piece)) continue;
      kept.add(piece);
      for (const word of wordsOf([piece])) mentioned.add(word);
    }
  }
  for (const file of files) {
    const own = pieces.filter((piece) => piece.file === file);
    const declared = own.filter((piece) => kept.has(piece) && !piece.link);
    const words = new Set(wordsOf(declared));
    const links = own.filter(({ link }) => link).map(({ text }) => slimLink(text, roots.has(file), words, mentioned));
    const text = [...links, ...declared.map((piece) => piece.text)].join('');
    if (declared.length === 0 && !/^export/m.test(text)) fs.rmSync(path.join(dist, file));
    else fs.writeFileSync(path.join(dist, file), text);
  }
}

/** @param {string} file @param {string} text @returns {Piece[]} */
function piecesOf(file, text) {
  /** @type {string[]} */
  const texts = [];
  for (const part of text.split(STATEMENT)) {
    // A comment belongs to what follows it.
    const isDocumented = texts.at(-1)?.trimEnd().endsWith('*/') ?? false;
    texts.push(isDocumented ? texts.pop() + part : part);
  }
  return texts.map((each) => {
    const code = each.replaceAll(/\/\*\*.*?\*\//gs, '').trimStart();
    return { file, text: each, code, name: DECLARATION.exec(code)?.[1], link: LINK.test(code) };
  });
}

/**
 * An import of what is used in its file; an export of what is used anywhere, and of an entry whole.
 *
 * @param {string} text
 * @param {boolean} isOfEntry
 * @param {Set<string>} words
 * @param {Set<string>} mentioned
 */
function slimLink(text, isOfEntry, words, mentioned) {
  const isExport = /^export/m.test(text);
  if (isExport && isOfEntry) return text;
  const whole = /^import(?: type)? (?:\* as )?(\w+) from/m.exec(text);
  if (whole !== null) return words.has(whole[1] ?? '') ? text : '';
  const used = isExport ? mentioned : words;
  const [, list = ''] = /\{(.*?)\}/s.exec(text) ?? [];
  const names = list.split(',').map((each) => each.trim());
  const left = names.filter((each) => used.has(each.split(' ').at(-1) ?? '') && each !== '');
  return left.length === 0 ? '' : text.replace(/\{.*?\}/s, `{ ${left.join(', ')} }`);
}

/** @param {Iterable<Piece>} pieces */
function wordsOf(pieces) {
  // Not the words of a path that something comes from.
  return Array.from(pieces).flatMap(
    ({ code }) => code.replaceAll(/\b(from |import\()'[^']*'/g, '').match(/\w+/g) ?? [],
  );
}
