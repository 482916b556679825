// Reads a thin 64-bit Mach-O library as macOS's dynamic loader does: load commands, symbols, the trie of exports.

import { readTrie } from './export-trie.mjs';

/**
 * @typedef {object} MachOSymbol
 * @property {string} name with its leading underscore
 * @property {boolean} external
 * @property {boolean} privateExternal visible between object files, not outside of the library
 * @property {boolean} defined
 * @property {number} library of an undefined one: its place among `libraries`, from 1; see LOOKED_UP_AT_LOAD
 */

/** @typedef {{ name: string, maxProtection: number, initialProtection: number }} MachOSegment */
/** @typedef {{ offset: number, size: number }} Span */

/**
 * @typedef {object} MachO
 * @property {string} arch
 * @property {number} fileType 6 is a library
 * @property {number} flags of the header
 * @property {string | undefined} installName
 * @property {string[]} libraries
 * @property {string[]} runPaths
 * @property {string | undefined} platform
 * @property {string | undefined} minimum oldest system, `11.0`
 * @property {MachOSegment[]} segments
 * @property {MachOSymbol[]} symbols
 * @property {string[]} exports
 * @property {MachOLayout} layout where the parts lie, for those who change them
 */

/**
 * @typedef {object} MachOLayout
 * @property {Span & { at: number }} exports `at` is where the command states it
 * @property {Span & { strings: number, at: number }} symbols `size` counts symbols
 * @property {number} dynamicSymbolsAt the command's offset
 * @property {number[]} bindings offsets of the fields that place the tables of rebases and of three kinds of binds
 * @property {number[]} functionStarts offset of the field that places the list of where functions start
 * @property {number[]} dataInCode offset of the field that places the list of data within code
 * @property {{ at: number, offset: number }} linkEdit the command of the segment of all these tables, and its place
 * @property {Span | undefined} signature
 * @property {number} signatureAt offset of the field that places it, or -1
 */

/** In place of a library: any image of the process may define the symbol. */
export const LOOKED_UP_AT_LOAD = 0xfe;
export const SYMBOL_BYTES = 16;
export const N_STAB = 0xe0;
export const N_PEXT = 0x10;
export const N_TYPE = 0x0e;
export const N_EXT = 0x01;

const MAGIC_64 = 0xfeedfacf;
const CPU_TYPES = new Map([
  [0x01000007, 'x64'],
  [0x0100000c, 'arm64'],
]);
const PLATFORM_MACOS = 1;

const LC = Object.freeze({
  SYMTAB: 0x2,
  DYSYMTAB: 0xb,
  LOAD_DYLIB: 0xc,
  ID_DYLIB: 0xd,
  LOAD_WEAK_DYLIB: 0x80000018,
  SEGMENT_64: 0x19,
  RPATH: 0x8000001c,
  CODE_SIGNATURE: 0x1d,
  FUNCTION_STARTS: 0x26,
  DATA_IN_CODE: 0x29,
  REEXPORT_DYLIB: 0x8000001f,
  VERSION_MIN_MACOSX: 0x24,
  DYLD_INFO: 0x22,
  DYLD_INFO_ONLY: 0x80000022,
  BUILD_VERSION: 0x32,
  DYLD_EXPORTS_TRIE: 0x80000033,
});

/**
 * @param {Buffer} bytes
 * @returns {boolean}
 */
export function isMachO(bytes) {
  return bytes.length >= 32 && bytes.readUInt32LE(0) === MAGIC_64;
}

/**
 * @param {Buffer} bytes
 * @returns {MachO}
 * @throws where it is no such file, or ends too early
 */
export function readMachO(bytes) {
  if (!isMachO(bytes)) throw new Error('not a thin 64-bit Mach-O file');
  const cpu = bytes.readUInt32LE(4);
  const commands = readCommands(bytes);
  /** @param {number} wanted @param {string} what */
  const need = (wanted, what) => {
    const found = commands.find(({ type }) => type === wanted);
    if (found === undefined) throw new Error(`no ${what}`);
    return found.at;
  };
  const layout = {
    exports: locateExports(bytes, commands),
    symbols: locateSymbols(bytes, need(LC.SYMTAB, 'symbol table')),
    dynamicSymbolsAt: need(LC.DYSYMTAB, 'table of dynamic symbols'),
    ...locateTables(commands),
    linkEdit: locateLinkEdit(bytes, commands),
    signature: commands.filter(({ type }) => type === LC.CODE_SIGNATURE).map(({ at }) => span(bytes, at + 8))[0],
  };
  return {
    arch: CPU_TYPES.get(cpu) ?? `cpu 0x${cpu.toString(16)}`,
    fileType: bytes.readUInt32LE(12),
    flags: bytes.readUInt32LE(24),
    installName: names(bytes, commands, LC.ID_DYLIB)[0],
    libraries: names(bytes, commands, LC.LOAD_DYLIB, LC.LOAD_WEAK_DYLIB, LC.REEXPORT_DYLIB),
    runPaths: names(bytes, commands, LC.RPATH),
    ...readMinimum(bytes, commands),
    segments: readSegments(bytes, commands),
    symbols: readSymbols(bytes, layout.symbols),
    exports: readTrie(bytes.subarray(layout.exports.offset, layout.exports.offset + layout.exports.size)).map(
      ({ name }) => name,
    ),
    layout,
  };
}

/** @typedef {{ type: number, at: number }} Command */

/**
 * @param {Buffer} bytes
 * @returns {Command[]}
 */
function readCommands(bytes) {
  let at = 32;
  return Array.from({ length: bytes.readUInt32LE(16) }, () => {
    const command = { type: bytes.readUInt32LE(at), at };
    at += bytes.readUInt32LE(at + 4);
    return command;
  });
}

/**
 * @param {Buffer} bytes
 * @param {Command[]} commands
 * @returns {Span & { at: number }}
 */
function locateExports(bytes, commands) {
  for (const { type, at } of commands) {
    // The fields lie behind those of rebases, binds, weak and lazy binds in the one, first in the other.
    const field = type === LC.DYLD_INFO || type === LC.DYLD_INFO_ONLY ? at + 40 : at + 8;
    if (type === LC.DYLD_INFO || type === LC.DYLD_INFO_ONLY || type === LC.DYLD_EXPORTS_TRIE) {
      return { ...span(bytes, field), at: field };
    }
  }
  throw new Error('no table of exports');
}

/**
 * @param {Command[]} commands
 * @returns {{ bindings: number[], functionStarts: number[], dataInCode: number[], signatureAt: number }}
 */
function locateTables(commands) {
  /** @param {...number} types */
  const of = (...types) => commands.filter(({ type }) => types.includes(type)).map(({ at }) => at + 8);
  return {
    bindings: of(LC.DYLD_INFO, LC.DYLD_INFO_ONLY).flatMap((at) => [at, at + 8, at + 16, at + 24]),
    functionStarts: of(LC.FUNCTION_STARTS),
    dataInCode: of(LC.DATA_IN_CODE),
    signatureAt: of(LC.CODE_SIGNATURE)[0] ?? -1,
  };
}

/**
 * @param {Buffer} bytes
 * @param {Command[]} commands
 * @returns {{ at: number, offset: number }}
 */
function locateLinkEdit(bytes, commands) {
  const found = commands.find(({ type, at }) => type === LC.SEGMENT_64 && text(bytes, at + 8, 16) === '__LINKEDIT');
  if (found === undefined) throw new Error('no segment __LINKEDIT');
  return { at: found.at, offset: Number(bytes.readBigUInt64LE(found.at + 40)) };
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {Span & { strings: number, at: number }}
 */
function locateSymbols(bytes, at) {
  return { ...span(bytes, at + 8), strings: bytes.readUInt32LE(at + 16), at };
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {Span}
 */
function span(bytes, at) {
  return { offset: bytes.readUInt32LE(at), size: bytes.readUInt32LE(at + 4) };
}

/**
 * @param {Buffer} bytes
 * @param {Command[]} commands
 * @param {...number} types commands whose first field is the offset of a name
 * @returns {string[]}
 */
function names(bytes, commands, ...types) {
  return commands
    .filter(({ type }) => types.includes(type))
    .map(({ at }) => text(bytes, at + bytes.readUInt32LE(at + 8)));
}

/**
 * @param {Buffer} bytes
 * @param {Command[]} commands
 * @returns {{ platform: string | undefined, minimum: string | undefined }}
 */
function readMinimum(bytes, commands) {
  for (const { type, at } of commands) {
    if (type === LC.BUILD_VERSION) {
      const platform = bytes.readUInt32LE(at + 8);
      return {
        platform: platform === PLATFORM_MACOS ? 'macos' : `platform ${platform}`,
        minimum: version(bytes.readUInt32LE(at + 12)),
      };
    }
    if (type === LC.VERSION_MIN_MACOSX) return { platform: 'macos', minimum: version(bytes.readUInt32LE(at + 8)) };
  }
  return { platform: undefined, minimum: undefined };
}

/**
 * @param {number} packed
 * @returns {string}
 */
function version(packed) {
  const patch = packed & 0xff;
  return `${packed >>> 16}.${(packed >>> 8) & 0xff}${patch === 0 ? '' : `.${patch}`}`;
}

/**
 * @param {Buffer} bytes
 * @param {Command[]} commands
 * @returns {MachOSegment[]}
 */
function readSegments(bytes, commands) {
  return commands
    .filter(({ type }) => type === LC.SEGMENT_64)
    .map(({ at }) => ({
      name: text(bytes, at + 8, 16),
      maxProtection: bytes.readUInt32LE(at + 56),
      initialProtection: bytes.readUInt32LE(at + 60),
    }));
}

/**
 * @param {Buffer} bytes
 * @param {{ offset: number, size: number, strings: number }} table
 * @returns {MachOSymbol[]}
 */
function readSymbols(bytes, table) {
  return Array.from({ length: table.size }, (_, index) => {
    const at = table.offset + index * SYMBOL_BYTES;
    const type = bytes.readUInt8(at + 4);
    return {
      name: text(bytes, table.strings + bytes.readUInt32LE(at)),
      external: (type & N_EXT) !== 0,
      privateExternal: (type & N_PEXT) !== 0,
      defined: (type & N_TYPE) !== 0,
      library: bytes.readUInt8(at + 7),
    };
  });
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {number} [room] of a field that need not end with a NUL
 * @returns {string}
 */
function text(bytes, at, room) {
  const end = bytes.indexOf(0, at);
  if (room !== undefined) return bytes.toString('latin1', at, end === -1 || end > at + room ? at + room : end);
  if (at >= bytes.length || end === -1) throw new Error(`a name at ${at} is not within the file`);
  return bytes.toString('latin1', at, end);
}
