// What zig's Mach-O linker leaves undone: it exports every function that one object file needs of another, hidden or
// not, and keeps the names of all. This builds the last segment anew, in which the tables of names lie, with the names
// alone that somebody outside needs, as Apple's linker and `strip -x` would.

import { resign } from './code-signature.mjs';
import { readTrie, writeTrie } from './export-trie.mjs';
import { N_EXT, N_PEXT, N_TYPE, readMachO, SYMBOL_BYTES } from './macho.mjs';

/** @typedef {import('./macho.mjs').MachOLayout} Layout */
/** @typedef {{ at: number, data: Buffer }} Table a load command's field, and what it points to */

// Fields of the command that divides the symbol table into local, defined and undefined symbols.
const LOCAL_COUNT = 12;
const DEFINED_FIRST = 16;
const DEFINED_COUNT = 20;
const UNDEFINED_FIRST = 24;
const INDIRECT_OFFSET = 56;
// In place of an index into the symbol table.
const INDIRECT_LOCAL_OR_ABSOLUTE = 0xc0000000;

/**
 * @param {Buffer} original a library, as it was linked
 * @param {readonly string[]} exported what it exports, as C names it
 * @returns {Buffer}
 */
export function stripMachO(original, exported) {
  const { layout } = readMachO(original);
  const header = Buffer.from(original.subarray(0, layout.linkEdit.offset));
  const symbols = keepSymbols(original, layout);
  const tables = [
    ...layout.bindings.map((at) => ({ at, data: tableAt(original, at) })),
    { at: layout.exports.at, data: keepExports(tableAt(original, layout.exports.at), exported) },
    // A list that ends with a zero, which zig's linker leaves out where the list fills its room.
    ...layout.functionStarts.map((at) => ({ at, data: Buffer.concat([tableAt(original, at), Buffer.alloc(1)]) })),
    ...layout.dataInCode.map((at) => ({ at, data: tableAt(original, at) })),
    { at: layout.symbols.at + 8, data: symbols.table },
    { at: layout.dynamicSymbolsAt + INDIRECT_OFFSET, data: symbols.indirect },
    { at: layout.symbols.at + 16, data: symbols.strings },
  ];
  divideSymbols(header, layout.dynamicSymbolsAt, symbols);
  const body = layTables(header, tables);
  // Counted in entries, not in bytes.
  header.writeUInt32LE(symbols.table.length / SYMBOL_BYTES, layout.symbols.at + 12);
  header.writeUInt32LE(symbols.indirect.length / 4, layout.dynamicSymbolsAt + INDIRECT_OFFSET + 4);
  return finish(header, body, original, layout);
}

/**
 * Lays tables one after another behind the header, without a gap, as Apple's codesign and strip insist.
 *
 * @param {Buffer} header its load commands get the places
 * @param {Table[]} tables
 * @returns {Buffer}
 */
function layTables(header, tables) {
  const parts = [];
  let offset = header.length;
  for (const { at, data } of tables) {
    const padded = Buffer.concat([data, Buffer.alloc(-data.length & 7)]);
    header.writeUInt32LE(data.length === 0 && header.readUInt32LE(at) === 0 ? 0 : offset, at);
    header.writeUInt32LE(padded.length, at + 4);
    parts.push(padded);
    offset += padded.length;
  }
  return Buffer.concat(parts);
}

/**
 * Signs what was signed, and states how long the last segment is.
 *
 * @param {Buffer} header
 * @param {Buffer} body
 * @param {Buffer} original
 * @param {Layout} layout
 * @returns {Buffer}
 */
function finish(header, body, original, { linkEdit, signature, signatureAt }) {
  let content = body;
  if (signature !== undefined) {
    content = Buffer.concat([body, Buffer.alloc(-(header.length + body.length) & 15)]);
    const blob = original.subarray(signature.offset, signature.offset + signature.size);
    const limit = header.length + content.length;
    const size = resign(blob, Buffer.alloc(limit)).length;
    header.writeUInt32LE(limit, signatureAt);
    header.writeUInt32LE(size, signatureAt + 4);
    stateSize(header, linkEdit.at, content.length + size);
    return Buffer.concat([header, content, resign(blob, Buffer.concat([header, content]))]);
  }
  stateSize(header, linkEdit.at, content.length);
  return Buffer.concat([header, content]);
}

/**
 * @param {Buffer} header
 * @param {number} segmentAt
 * @param {number} size
 */
function stateSize(header, segmentAt, size) {
  const page = 0x4000n;
  header.writeBigUInt64LE(((BigInt(size) + page - 1n) / page) * page, segmentAt + 32);
  header.writeBigUInt64LE(BigInt(size), segmentAt + 48);
}

/**
 * @param {Buffer} trie
 * @param {readonly string[]} exported
 * @returns {Buffer}
 */
function keepExports(trie, exported) {
  const kept = new Set(exported.map((name) => `_${name}`));
  const symbols = readTrie(trie).filter(({ name }) => kept.has(name));
  if (symbols.length !== kept.size) throw new Error(`not defined: one of ${exported.join(', ')}`);
  return writeTrie(symbols);
}

/**
 * @typedef {object} Symbols
 * @property {Buffer} table
 * @property {Buffer} strings
 * @property {Buffer} indirect which symbol each stub is for
 * @property {number} defined
 */

/**
 * Keeps the symbols that are exported or undefined; the others are for debuggers.
 *
 * @param {Buffer} bytes
 * @param {Layout} layout
 * @returns {Symbols}
 */
function keepSymbols(bytes, { symbols, dynamicSymbolsAt }) {
  /** @type {Buffer[]} */
  const strings = [Buffer.from('\0')];
  /** @type {Buffer[]} */
  const entries = [];
  /** @type {Map<number, number>} */
  const moved = new Map();
  let length = 1;
  let defined = 0;
  for (let index = 0; index < symbols.size; index++) {
    const at = symbols.offset + index * SYMBOL_BYTES;
    const type = bytes.readUInt8(at + 4);
    if ((type & N_EXT) === 0 || (type & N_PEXT) !== 0) continue;
    const nameAt = symbols.strings + bytes.readUInt32LE(at);
    const name = bytes.subarray(nameAt, bytes.indexOf(0, nameAt) + 1);
    const entry = Buffer.from(bytes.subarray(at, at + SYMBOL_BYTES));
    entry.writeUInt32LE(length, 0);
    if ((type & N_TYPE) !== 0) defined++;
    moved.set(index, entries.length);
    entries.push(entry);
    strings.push(name);
    length += name.length;
  }
  const indirect = Buffer.from(tableAt(bytes, dynamicSymbolsAt + INDIRECT_OFFSET, 4));
  for (let at = 0; at < indirect.length; at += 4) {
    const index = indirect.readUInt32LE(at);
    if ((index & INDIRECT_LOCAL_OR_ABSOLUTE) !== 0) continue;
    const to = moved.get(index);
    if (to === undefined) throw new Error(`a stub is for the hidden symbol ${index}`);
    indirect.writeUInt32LE(to, at);
  }
  return { table: Buffer.concat(entries), strings: Buffer.concat(strings), indirect, defined };
}

/**
 * @param {Buffer} header
 * @param {number} at
 * @param {Symbols} symbols
 */
function divideSymbols(header, at, { defined }) {
  header.writeUInt32LE(0, at + LOCAL_COUNT);
  header.writeUInt32LE(0, at + DEFINED_FIRST);
  header.writeUInt32LE(defined, at + DEFINED_COUNT);
  header.writeUInt32LE(defined, at + UNDEFINED_FIRST);
}

/**
 * @param {Buffer} bytes
 * @param {number} at of a field with an offset, and behind it a size
 * @param {number} [unit] what the size counts, in bytes
 * @returns {Buffer}
 */
function tableAt(bytes, at, unit = 1) {
  const offset = bytes.readUInt32LE(at);
  return bytes.subarray(offset, offset + bytes.readUInt32LE(at + 4) * unit);
}
