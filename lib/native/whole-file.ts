// A library that was cut short, by a full disk or a broken download, is refused before it is loaded: the dynamic linker
// of Linux maps what is not there, and the process dies of SIGBUS. That of macOS compares the lengths by itself.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { attempt } from '../twin.js';
import { cutShort } from './load-errors.js';

const HEADER_BYTES = 64;
const ELF_MAGIC = 0x7f454c46;

/** Throws where an ELF file ends before its header says. What cannot be read is left to the loader, which says more. */
export function checkWhole(file: string): void {
  const fd = attempt(() => openSync(file, 'r'), null);
  if (fd === null) return;
  try {
    // A DataView and a read at the end, not a Buffer and fstat: those take Node 0.2 ms to bring up, before the first call.
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return; // which the loader refuses by itself
    const stated = statedElfLength(header);
    const isWhole = stated === 0 || readSync(fd, new Uint8Array(1), 0, 1, stated - 1) === 1;
    if (!isWhole) throw cutShort({ found: fstatSync(fd).size, stated });
  } finally {
    closeSync(fd);
  }
}

/**
 * The least length of an ELF file by its header, of either class and byte order: a linker puts the table of sections
 * last (elf(5): e_shoff, e_shentsize, e_shnum). 0 of anything else, and of what has no such table.
 */
export function statedElfLength(header: DataView): number {
  if (header.byteLength < 4 || header.getUint32(0) !== ELF_MAGIC) return 0;
  if (header.byteLength < HEADER_BYTES) return HEADER_BYTES;
  const isWide = header.getUint8(4) === 2;
  const isLittle = header.getUint8(5) === 1;
  const counts = isWide ? 0x3a : 0x2e;
  const offset = isWide ? Number(header.getBigUint64(0x28, isLittle)) : header.getUint32(0x20, isLittle);
  return offset + header.getUint16(counts, isLittle) * header.getUint16(counts + 2, isLittle);
}
