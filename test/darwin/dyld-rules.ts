// What dyld and XNU ask of a library before they load it, read from the bytes alone and from nothing that made them:
// apple-oss-distributions/dyld, mach_o/UnsafeHeader.cpp (validSegment, validSemanticsSegments) and mach_o/Image.cpp
// (validLinkedit); apple-oss-distributions/xnu, osfmk/kern/cs_blobs.h (struct __CodeDirectory).

import { createHash } from 'node:crypto';

interface Segment {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly protection: number;
  readonly flags: number;
  readonly sections: readonly { readonly address: number; readonly size: number }[];
}

/** A piece of __LINKEDIT. */
interface Piece {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly alignment: number;
}

export interface Library {
  readonly bytes: Buffer;
  readonly arm64: boolean;
  readonly segments: readonly Segment[];
  readonly pieces: readonly Piece[];
  readonly signature: { readonly offset: number; readonly size: number } | undefined;
  /** The symbols that it asks for. */
  readonly undefinedSymbols: readonly string[];
  readonly findings: readonly string[];
}

const LC = { symtab: 2, dysymtab: 0xb, segment: 0x19, uuid: 0x1b, signature: 0x1d, starts: 0x26, code: 0x29 };
const LC_DYLD_INFO = 0x80000022;
const DYLD_INFO = ['rebases', 'binds', 'weak binds', 'lazy binds', 'exports'];
const VM_PROT_WRITE = 2;
const VM_PROT_EXECUTE = 4;
const SG_READ_ONLY = 0x10;

const nameAt = (bytes: Buffer, at: number) => bytes.toString('latin1', at, at + 16).replace(/\0.*$/s, '');
const long = (bytes: Buffer, at: number) => Number(bytes.readBigUInt64LE(at));

/** Reads a library; what is wrong with its load commands is among its findings. */
export function readLibrary(bytes: Buffer): Library {
  const segments: Segment[] = [];
  const pieces: Piece[] = [];
  const findings: string[] = [];
  const undefinedSymbols: string[] = [];
  let signature: Library['signature'];
  let uuid = false;
  let at = 32;
  const end = 32 + bytes.readUInt32LE(20);
  const add = (name: string, field: number, alignment: number, unit = 1) => {
    const [offset, count] = [bytes.readUInt32LE(field), bytes.readUInt32LE(field + 4)];
    if (count > 0) pieces.push({ name, offset, size: count * unit, alignment });
  };
  for (let i = 0; i < bytes.readUInt32LE(16); i++) {
    const [command, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    if (size % 8 !== 0 || at + size > end) findings.push(`load command ${i} has ${size} bytes`);
    if (command === LC.uuid) uuid = true;
    if (command === LC.segment) segments.push(readSegment(bytes, at));
    if (command === LC.starts || command === LC.code) add(`command ${command}`, at + 8, 8);
    if (command === LC.signature) {
      signature = { offset: bytes.readUInt32LE(at + 8), size: bytes.readUInt32LE(at + 12) };
      add('code signature', at + 8, 16);
    }
    if (command === LC.dysymtab) add('indirect symbols', at + 56, 4, 4);
    if (command === LC.symtab) {
      add('symbols', at + 8, 8, 16);
      add('strings', at + 16, 1);
      undefinedSymbols.push(...readUndefined(bytes, at));
    }
    if (command === LC_DYLD_INFO) {
      for (const [n, name] of DYLD_INFO.entries()) add(name, at + 8 + 8 * n, 8);
    }
    at += size;
  }
  if (at !== end) findings.push('the load commands do not end where the header says');
  if (!uuid) findings.push('there is no UUID');
  const arm64 = bytes.readUInt32LE(4) === 0x0100000c;
  return { bytes, arm64, segments, pieces, signature, undefinedSymbols, findings };
}

function readSegment(bytes: Buffer, at: number): Segment {
  const sections = Array.from({ length: bytes.readUInt32LE(at + 64) }, (_, i) => ({
    address: long(bytes, at + 72 + 80 * i + 32),
    size: long(bytes, at + 72 + 80 * i + 40),
  }));
  return {
    name: nameAt(bytes, at + 8),
    address: long(bytes, at + 24),
    size: long(bytes, at + 32),
    offset: long(bytes, at + 40),
    fileSize: long(bytes, at + 48),
    protection: bytes.readUInt32LE(at + 60),
    flags: bytes.readUInt32LE(at + 68),
    sections,
  };
}

function readUndefined(bytes: Buffer, at: number): string[] {
  const [symbols, count, strings] = [8, 12, 16].map((field) => bytes.readUInt32LE(at + field));
  return Array.from({ length: count ?? 0 }, (_, i) => (symbols ?? 0) + 16 * i)
    .filter((symbol) => (bytes.readUInt8(symbol + 4) & 0x0e) === 0 && (bytes.readUInt8(symbol + 4) & 1) === 1)
    .map((symbol) => {
      const name = (strings ?? 0) + bytes.readUInt32LE(symbol);
      return bytes.toString('latin1', name, bytes.indexOf(0, name));
    });
}

/** Why dyld would refuse the segments. */
export function checkSegments({ bytes, arm64, segments }: Library): string[] {
  const page = arm64 ? 0x4000 : 0x1000;
  const findings: string[] = [];
  segments.forEach((segment, i) => {
    const { name, address, size, offset, fileSize, protection, flags, sections } = segment;
    const next = segments[i + 1];
    if (address % page !== 0 || offset % page !== 0) findings.push(`${name} is not aligned`);
    if (fileSize > size || offset + fileSize > bytes.length) findings.push(`${name} is longer than its file`);
    if (next !== undefined && (next.offset < offset + fileSize || next.address < address + size)) {
      findings.push(`${next.name} begins in ${name}`);
    }
    if (sections.some((section) => section.address < address || section.address + section.size > address + size)) {
      findings.push(`a section lies outside of ${name}`);
    }
    if ((protection & VM_PROT_WRITE) !== 0 && (protection & VM_PROT_EXECUTE) !== 0) findings.push(`${name} is both`);
    // From the SDK of macOS 15.4 on.
    if (name === '__DATA_CONST' && (flags & SG_READ_ONLY) === 0) findings.push(`${name} lacks SG_READ_ONLY`);
  });
  const [first] = segments;
  const last = segments.at(-1);
  if (first?.name !== '__TEXT' || first.offset !== 0) findings.push('__TEXT is not first');
  if (last?.name !== '__LINKEDIT' || last.offset + last.fileSize !== bytes.length)
    findings.push('__LINKEDIT is not last');
  return findings;
}

/** Why dyld would refuse what is in __LINKEDIT. */
export function checkLinkedit({ segments, pieces }: Library): string[] {
  const linkedit = segments.at(-1);
  const findings: string[] = [];
  let end = linkedit?.offset ?? 0;
  for (const { name, offset, size, alignment } of [...pieces].sort((a, b) => a.offset - b.offset)) {
    if (offset < end) findings.push(`the ${name} begin in what precedes them`);
    if (offset % alignment !== 0) findings.push(`the ${name} are not aligned`);
    end = offset + size;
    if (end > (linkedit?.offset ?? 0) + (linkedit?.fileSize ?? 0)) findings.push(`the ${name} end beyond the file`);
  }
  return findings;
}

/** Why XNU would refuse the signature, page by page. */
export function checkSignature({ bytes, segments, signature }: Library): string[] {
  if (signature === undefined) return ['there is none'];
  const { offset, size } = signature;
  const u32 = (at: number) => bytes.readUInt32BE(at);
  if (u32(offset) !== 0xfade0cc0 || u32(offset + 4) > size) return ['there is no superblob'];
  const directory = offset + u32(offset + 16);
  if (u32(directory) !== 0xfade0c02) return ['there is no code directory'];
  const [flags, hashes, slots, limit] = [12, 16, 28, 32].map((field) => u32(directory + field)) as [
    number,
    number,
    number,
    number,
  ];
  const page = 2 ** bytes.readUInt8(directory + 39);
  const findings: string[] = [];
  if ((flags & 2) === 0) findings.push('it is not ad hoc');
  if (limit !== offset || slots !== Math.ceil(limit / page)) findings.push('it does not cover what precedes it');
  if (offset + size !== bytes.length) findings.push('it is not last');
  if (hashes + 32 * slots > u32(directory + 4)) findings.push('it is cut short');
  for (let i = 0; i < slots; i++) {
    const hash = createHash('sha256')
      .update(bytes.subarray(i * page, Math.min((i + 1) * page, limit)))
      .digest();
    const at = directory + hashes + 32 * i;
    if (!hash.equals(bytes.subarray(at, at + 32))) findings.push(`page ${i} was changed`);
  }
  const text = segments.find(({ name }) => name === '__TEXT');
  if (long(Buffer.from(bytes.subarray(directory + 72, directory + 80)).reverse(), 0) !== text?.fileSize) {
    findings.push('its executable segment is not __TEXT');
  }
  return findings;
}

/** Calls whose layout differs with the i-node of 64 bits: on x64 they have a variant of that name, on arm64 no other. */
const VARIANTS = ['fdopendir', 'fstat', 'fstatat', 'fstatfs', 'lstat', 'readdir', 'rewinddir', 'stat', 'statfs'];

export function checkVariants({ arm64, undefinedSymbols }: Library): string[] {
  return undefinedSymbols.flatMap((symbol) => {
    const [name = '', variant] = symbol.slice(1).split('$');
    const needed = !arm64 && VARIANTS.includes(name);
    if (needed && variant !== 'INODE64') return [`${symbol} is the call of macOS 10.5`];
    return !needed && variant !== undefined ? [`${symbol} does not exist`] : [];
  });
}
