// A library that was cut short, by a full disk or a broken download, is refused before it is loaded: the dynamic linker
// of Linux maps what is not there, and the process dies of SIGBUS. That of macOS compares the lengths by itself.

import fs from 'node:fs';
import { cutShort } from './errors.js';

const ELF_HEADER_BYTES = 64;
const ELF_MAGIC = 0x7f454c46;

/**
 * Throws where an ELF file ends before its own headers say. What cannot be read, or is something else, is left to the
 * loader, which says more of it.
 */
export function checkWhole(file: string): void {
  const lengths = readLengths(file);
  if (lengths !== undefined && lengths.found < lengths.stated) throw cutShort(lengths);
}

function readLengths(file: string): { found: number; stated: number } | undefined {
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = Buffer.alloc(ELF_HEADER_BYTES);
    const isElf =
      fs.readSync(fd, header, 0, header.length, 0) === header.length && header.readUInt32BE(0) === ELF_MAGIC;
    return isElf ? { found: fs.fstatSync(fd).size, stated: lengthOf(header) } : undefined;
  } finally {
    fs.closeSync(fd);
  }
}

// elf(5): the table of sections is the last thing in a file, in the binaries of this package as in any that a linker
// leaves. Both processors are little-endian and have 64 bits.
function lengthOf(header: Buffer): number {
  const [offset, entryBytes, entries] = [
    header.readBigUInt64LE(0x28),
    header.readUInt16LE(0x3a),
    header.readUInt16LE(0x3c),
  ];
  return Number(offset) + entryBytes * entries;
}
