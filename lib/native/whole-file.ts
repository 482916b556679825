// A library that was cut short, by a full disk or a broken download, is refused before it is loaded: the dynamic linker
// of Linux maps what is not there, and the process dies of SIGBUS. That of macOS compares the lengths by itself.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { cutShort } from '../errors.js';

const ELF_HEADER_BYTES = 64;
const ELF_MAGIC = 0x7f454c46;

/**
 * Throws where an ELF file ends before its own headers say. What cannot be read, or is something else, is left to the
 * loader, which says more of it.
 */
export function checkWhole(file: string): void {
  const lengths = readLengths(file);
  if (lengths !== undefined) throw cutShort(lengths);
}

// A DataView and a read at the end, not a Buffer and fstat: those take Node 0.2 ms to bring up, before the first call.
function readLengths(file: string): { found: number; stated: number } | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = new DataView(new ArrayBuffer(ELF_HEADER_BYTES));
    const isElf =
      readSync(fd, header, 0, ELF_HEADER_BYTES, 0) === ELF_HEADER_BYTES && header.getUint32(0) === ELF_MAGIC;
    if (!isElf) return undefined;
    const stated = lengthOf(header);
    const isWhole = readSync(fd, new Uint8Array(1), 0, 1, Math.max(stated - 1, 0)) === 1;
    return isWhole ? undefined : { found: fstatSync(fd).size, stated };
  } finally {
    closeSync(fd);
  }
}

// elf(5): the table of sections is the last thing in a file, in the binaries of this package as in any that a linker
// leaves. Both processors are little-endian and have 64 bits; no file has 4 GiB.
function lengthOf(header: DataView): number {
  const [offset, entryBytes, entries] = [
    header.getUint32(0x28, true),
    header.getUint16(0x3a, true),
    header.getUint16(0x3c, true),
  ];
  return offset + entryBytes * entries;
}
