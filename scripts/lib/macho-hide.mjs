// zig's Mach-O linker exports every function that one object file needs of another, hidden or not, operator new
// among them. Apple's linker keeps those to the library; so does this, after the fact.

import { renewSignature } from './code-signature.mjs';
import { readTrie, writeTrie } from './export-trie.mjs';
import { N_EXT, N_PEXT, readMachO, SYMBOL_BYTES } from './macho.mjs';

// Within the command that divides the symbol table into local, defined and undefined symbols.
const LOCAL_COUNT = 12;
const DEFINED_FIRST = 16;
const DEFINED_COUNT = 20;

/**
 * Takes hidden symbols out of the exports, in place, and signs anew what was signed.
 *
 * @param {Buffer} bytes of a library
 * @param {readonly string[]} exported what stays, as C names it
 */
export function keepExports(bytes, exported) {
  const { layout } = readMachO(bytes);
  rewriteExports(bytes, layout.exports, new Set(exported.map((name) => `_${name}`)));
  makeHiddenSymbolsLocal(bytes, layout);
  if (layout.signature !== undefined) renewSignature(bytes, layout.signature);
}

/**
 * @param {Buffer} bytes
 * @param {import('./macho.mjs').MachOLayout['exports']} place
 * @param {Set<string>} kept
 */
function rewriteExports(bytes, place, kept) {
  const region = bytes.subarray(place.offset, place.offset + place.size);
  const symbols = readTrie(region).filter(({ name }) => kept.has(name));
  if (symbols.length !== kept.size) throw new Error(`not defined: one of ${[...kept].join(', ')}`);
  const trie = writeTrie(symbols);
  // The table keeps its size: Apple's codesign and strip insist that the tables follow one another without a gap.
  region.fill(0);
  trie.copy(region);
}

/**
 * The table lists local symbols, then defined ones, then undefined ones. Hidden ones become local: they move to the
 * front of the defined ones, and the border moves behind them. The undefined ones keep their places, to which the
 * table of indirect symbols points.
 *
 * @param {Buffer} bytes
 * @param {import('./macho.mjs').MachOLayout} layout
 */
function makeHiddenSymbolsLocal(bytes, { symbols, dynamicSymbolsAt }) {
  const first = bytes.readUInt32LE(dynamicSymbolsAt + DEFINED_FIRST);
  const count = bytes.readUInt32LE(dynamicSymbolsAt + DEFINED_COUNT);
  const start = symbols.offset + first * SYMBOL_BYTES;
  const entries = Array.from({ length: count }, (_, index) =>
    Buffer.from(bytes.subarray(start + index * SYMBOL_BYTES, start + (index + 1) * SYMBOL_BYTES)),
  );
  const hidden = entries.filter((entry) => (entry.readUInt8(4) & N_PEXT) !== 0);
  for (const entry of hidden) entry.writeUInt8(entry.readUInt8(4) & ~N_EXT, 4);
  Buffer.concat([...hidden, ...entries.filter((entry) => !hidden.includes(entry))]).copy(bytes, start);
  const locals = bytes.readUInt32LE(dynamicSymbolsAt + LOCAL_COUNT);
  bytes.writeUInt32LE(locals + hidden.length, dynamicSymbolsAt + LOCAL_COUNT);
  bytes.writeUInt32LE(first + hidden.length, dynamicSymbolsAt + DEFINED_FIRST);
  bytes.writeUInt32LE(count - hidden.length, dynamicSymbolsAt + DEFINED_COUNT);
}
