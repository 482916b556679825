// Reads a 64-bit little-endian ELF shared library as the dynamic loader does: by its program headers and its dynamic
// section. Section headers are only asked for what should not be there.

/**
 * @typedef {object} ElfSymbol
 * @property {string} name
 * @property {boolean} defined
 * @property {boolean} weak
 * @property {string | undefined} version the version it asks for (`GLIBC_2.17`), of an undefined one
 */

/**
 * @typedef {object} Elf
 * @property {'x64' | 'arm64' | string} arch
 * @property {number} type 3 is a shared object
 * @property {string[]} needed
 * @property {string[]} runPaths RPATH and RUNPATH
 * @property {string[]} versions every version that is asked for
 * @property {ElfSymbol[]} symbols the dynamic ones
 * @property {boolean} bindNow every symbol is looked up at load
 * @property {boolean} textRelocations
 * @property {Segment[]} segments
 * @property {string[]} sections names
 */

/** @typedef {{ type: number, flags: number, offset: number, address: number, fileSize: number }} Segment */

export const PT_LOAD = 1;
export const PT_TLS = 7;
export const PT_GNU_STACK = 0x6474e551;
export const PT_GNU_RELRO = 0x6474e552;
export const PF_X = 1;
export const PF_W = 2;

const PT_DYNAMIC = 2;
const MACHINES = new Map([
  [62, 'x64'],
  [183, 'arm64'],
]);

const DT = Object.freeze({
  NEEDED: 1,
  STRTAB: 5,
  SYMTAB: 6,
  RPATH: 15,
  TEXTREL: 22,
  BIND_NOW: 24,
  RUNPATH: 29,
  FLAGS: 30,
  HASH: 4,
  GNU_HASH: 0x6ffffef5,
  VERSYM: 0x6ffffff0,
  FLAGS_1: 0x6ffffffb,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
});
const DF_TEXTREL = 4;
const DF_BIND_NOW = 8;
const DF_1_NOW = 1;

/**
 * @param {Buffer} bytes
 * @returns {boolean}
 */
export function isElf(bytes) {
  return bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46;
}

/**
 * @param {Buffer} bytes
 * @returns {Elf}
 * @throws where it is no such file, or ends too early
 */
export function readElf(bytes) {
  if (!isElf(bytes) || bytes[4] !== 2 || bytes[5] !== 1) throw new Error('not a 64-bit little-endian ELF file');
  const machine = bytes.readUInt16LE(18);
  const segments = readSegments(bytes);
  const dynamic = readDynamic(bytes, segments);
  const flags = dynamic.value(DT.FLAGS) ?? 0;
  const versions = readVersions(bytes, segments, dynamic);
  return {
    arch: MACHINES.get(machine) ?? `machine ${machine}`,
    type: bytes.readUInt16LE(16),
    needed: dynamic.strings(DT.NEEDED),
    runPaths: [...dynamic.strings(DT.RPATH), ...dynamic.strings(DT.RUNPATH)],
    versions: [...new Set(versions.values())].sort(),
    symbols: readSymbols(bytes, segments, dynamic, versions),
    bindNow:
      (flags & DF_BIND_NOW) !== 0 ||
      ((dynamic.value(DT.FLAGS_1) ?? 0) & DF_1_NOW) !== 0 ||
      dynamic.value(DT.BIND_NOW) !== undefined,
    textRelocations: (flags & DF_TEXTREL) !== 0 || dynamic.value(DT.TEXTREL) !== undefined,
    segments,
    sections: readSectionNames(bytes),
  };
}

/**
 * @param {Buffer} bytes
 * @returns {Segment[]}
 */
function readSegments(bytes) {
  const start = number(bytes, 32);
  const size = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size;
    return {
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      offset: number(bytes, at + 8),
      address: number(bytes, at + 16),
      fileSize: number(bytes, at + 32),
    };
  });
}

/**
 * @param {Segment[]} segments
 * @param {number} address
 * @returns {number} the offset in the file
 */
function offsetOf(segments, address) {
  const segment = segments.find(
    (each) => each.type === PT_LOAD && address >= each.address && address < each.address + each.fileSize,
  );
  if (segment === undefined) throw new Error(`address 0x${address.toString(16)} is in no segment`);
  return address - segment.address + segment.offset;
}

/**
 * @typedef {object} Dynamic
 * @property {(tag: number) => number | undefined} value the first entry's
 * @property {(tag: number) => string[]} strings what each entry names
 * @property {number} stringTable offset
 */

/**
 * @param {Buffer} bytes
 * @param {Segment[]} segments
 * @returns {Dynamic}
 */
function readDynamic(bytes, segments) {
  const segment = segments.find((each) => each.type === PT_DYNAMIC);
  if (segment === undefined) throw new Error('no dynamic section: not a shared library');
  /** @type {[number, number][]} */
  const entries = [];
  for (let at = segment.offset; at < segment.offset + segment.fileSize; at += 16) {
    const tag = number(bytes, at);
    if (tag === 0) break;
    entries.push([tag, number(bytes, at + 8)]);
  }
  /** @param {number} tag */
  const value = (tag) => entries.find(([each]) => each === tag)?.[1];
  const stringTable = offsetOf(segments, required(value(DT.STRTAB), 'string table'));
  return {
    value,
    strings: (tag) => entries.filter(([each]) => each === tag).map(([, at]) => text(bytes, stringTable + at)),
    stringTable,
  };
}

/**
 * @param {Buffer} bytes
 * @param {Segment[]} segments
 * @param {Dynamic} dynamic
 * @returns {Map<number, string>} from the index that a symbol carries
 */
function readVersions(bytes, segments, dynamic) {
  const versions = new Map();
  const address = dynamic.value(DT.VERNEED);
  if (address === undefined) return versions;
  let need = offsetOf(segments, address);
  for (let left = required(dynamic.value(DT.VERNEEDNUM), 'number of versions'); left > 0; left--) {
    let version = need + bytes.readUInt32LE(need + 8);
    for (let more = bytes.readUInt16LE(need + 2); more > 0; more--) {
      versions.set(bytes.readUInt16LE(version + 6), text(bytes, dynamic.stringTable + bytes.readUInt32LE(version + 8)));
      version += bytes.readUInt32LE(version + 12);
    }
    need += bytes.readUInt32LE(need + 12);
  }
  return versions;
}

/**
 * @param {Buffer} bytes
 * @param {Segment[]} segments
 * @param {Dynamic} dynamic
 * @param {Map<number, string>} versions
 * @returns {ElfSymbol[]}
 */
function readSymbols(bytes, segments, dynamic, versions) {
  const table = offsetOf(segments, required(dynamic.value(DT.SYMTAB), 'symbol table'));
  const versionTable = dynamic.value(DT.VERSYM);
  const symbols = [];
  for (let index = 1; index < symbolCount(bytes, segments, dynamic); index++) {
    const at = table + index * 24;
    const versionIndex =
      versionTable === undefined ? 0 : bytes.readUInt16LE(offsetOf(segments, versionTable) + index * 2) & 0x7fff;
    const defined = bytes.readUInt16LE(at + 6) !== 0;
    symbols.push({
      name: text(bytes, dynamic.stringTable + bytes.readUInt32LE(at)),
      defined,
      weak: (bytes.readUInt8(at + 4) & 0xf0) >> 4 === 2,
      version: defined ? undefined : versions.get(versionIndex),
    });
  }
  return symbols;
}

/**
 * The symbol table does not say how long it is; the hash tables do.
 *
 * @param {Buffer} bytes
 * @param {Segment[]} segments
 * @param {Dynamic} dynamic
 * @returns {number}
 */
function symbolCount(bytes, segments, dynamic) {
  const plain = dynamic.value(DT.HASH);
  if (plain !== undefined) return bytes.readUInt32LE(offsetOf(segments, plain) + 4);
  const table = offsetOf(segments, required(dynamic.value(DT.GNU_HASH), 'hash table'));
  const buckets = bytes.readUInt32LE(table);
  const first = bytes.readUInt32LE(table + 4);
  const bucketsAt = table + 16 + bytes.readUInt32LE(table + 8) * 8;
  let last = 0;
  for (let index = 0; index < buckets; index++) last = Math.max(last, bytes.readUInt32LE(bucketsAt + index * 4));
  if (last < first) return first;
  const chains = bucketsAt + buckets * 4;
  // The last entry of a chain has its lowest bit set.
  while ((bytes.readUInt32LE(chains + (last - first) * 4) & 1) === 0) last++;
  return last + 1;
}

/**
 * @param {Buffer} bytes
 * @returns {string[]}
 */
function readSectionNames(bytes) {
  const start = number(bytes, 40);
  if (start === 0) return [];
  const size = bytes.readUInt16LE(58);
  const count = bytes.readUInt16LE(60);
  const names = number(bytes, start + bytes.readUInt16LE(62) * size + 24);
  return Array.from({ length: count }, (_, index) =>
    text(bytes, names + bytes.readUInt32LE(start + index * size)),
  ).filter((name) => name !== '');
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {string}
 */
function text(bytes, at) {
  const end = bytes.indexOf(0, at);
  if (at >= bytes.length || end === -1) throw new Error(`a name at ${at} is not within the file`);
  return bytes.toString('latin1', at, end);
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {number}
 */
function number(bytes, at) {
  return Number(bytes.readBigUInt64LE(at));
}

/**
 * @param {number | undefined} value
 * @param {string} what
 * @returns {number}
 */
function required(value, what) {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}
