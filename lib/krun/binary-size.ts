// How many bytes an executable must have by its own header: a download or a copy that was cut short shows there.

/** What an executable's header says of it. */
export interface DeclaredSize {
  format: 'ELF' | 'Mach-O';
  /** Bytes up to the end of the last part that the header names. */
  size: number;
}

/** Reads numbers as the format of the file has them; 0 beyond the end. */
interface Reader {
  half(at: number): number;
  int(at: number): number;
  /** A file offset or a size: 4 or 8 bytes. */
  word(at: number): number;
}

// Chosen by the first four bytes, which are magic and, in Mach-O, tell the byte order too.
const ELF = 0x7f454c46;
const UNIVERSAL: Readonly<Record<number, { wide: boolean }>> = {
  3405691582: { wide: false },
  3405691583: { wide: true },
};
const MACHO: Readonly<Record<number, { wide: boolean; little: boolean }>> = {
  3472551422: { wide: false, little: true },
  3489328638: { wide: true, little: true },
  4277009102: { wide: false, little: false },
  4277009103: { wide: true, little: false },
};

/**
 * The size that the header of an ELF or Mach-O file declares, as far as the given bytes show it.
 *
 * @param head the first bytes of the file; 1 MiB holds every table in practice
 * @returns null for any other format, and for a header that is none after all
 */
export function declaredSize(head: Buffer): DeclaredSize | null {
  const magic = head.length < 16 ? 0 : head.readUInt32BE(0);
  if (magic === ELF) return elfSize(head);
  const macho = MACHO[magic];
  if (macho !== undefined) return machoSize(head, macho.wide, readerOf(head, macho.wide, macho.little));
  const universal = UNIVERSAL[magic];
  return universal === undefined ? null : universalSize(universal.wide, readerOf(head, universal.wide, false));
}

// elf(5). A header whose identification and sizes do not fit together is that of something else.
function elfSize(head: Buffer): DeclaredSize | null {
  const [wide, little] = [head[4] === 2, head[5] === 1];
  if ((!wide && head[4] !== 1) || (!little && head[5] !== 2) || head[6] !== 1) return null;
  const { half, int, word } = readerOf(head, wide, little);
  const header = wide ? 64 : 52;
  if (head.length < header) return { format: 'ELF', size: header };
  const counts = wide ? 52 : 40; // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum
  if (int(20) !== 1 || half(counts) !== header) return null;
  let size = Math.max(header, word(wide ? 40 : 32) + half(counts + 6) * half(counts + 8));
  const [table, entry, count] = [word(wide ? 32 : 28), half(counts + 2), half(counts + 4)];
  size = Math.max(size, table + entry * count);
  // Counted, not added up: an offset beyond 2^53 stays what it is when an entry is added to it.
  for (let index = 0; index < count; index += 1) {
    const at = table + entry * index;
    size = Math.max(size, word(at + (wide ? 8 : 4)) + word(at + (wide ? 32 : 16)));
  }
  return { format: 'ELF', size };
}

// <mach-o/loader.h>: LC_SEGMENT and LC_SEGMENT_64.
function machoSize(head: Buffer, wide: boolean, { int, word }: Reader): DeclaredSize | null {
  const header = wide ? 32 : 28;
  if (head.length < header) return { format: 'Mach-O', size: header };
  const [count, bytes] = [int(16), int(20)];
  let size = header + bytes;
  let at = header;
  for (let command = 0; command < count && at < header + bytes; command += 1) {
    const length = int(at + 4);
    if (length < 8) return at < head.length - 8 ? null : { format: 'Mach-O', size };
    if (int(at) === (wide ? 0x19 : 0x1)) {
      size = Math.max(size, word(at + (wide ? 40 : 32)) + word(at + (wide ? 48 : 36)));
    }
    at += length;
  }
  return { format: 'Mach-O', size };
}

// <mach-o/fat.h>. Java's class files share the magic, and have their version, 45 or more, where this has its count.
function universalSize(wide: boolean, { int, word }: Reader): DeclaredSize | null {
  const count = int(4);
  if (count === 0 || count > 16) return null;
  const entry = wide ? 32 : 20;
  let size = 8 + entry * count;
  for (let at = 8; at < 8 + entry * count; at += entry) {
    size = Math.max(size, word(at + 8) + word(at + (wide ? 16 : 12)));
  }
  return { format: 'Mach-O', size };
}

function readerOf(head: Buffer, wide: boolean, little: boolean): Reader {
  const within = (at: number, length: number): boolean => at >= 0 && at + length <= head.length;
  const int = (at: number): number => (within(at, 4) ? (little ? head.readUInt32LE(at) : head.readUInt32BE(at)) : 0);
  return {
    int,
    half: (at) => (within(at, 2) ? (little ? head.readUInt16LE(at) : head.readUInt16BE(at)) : 0),
    word: (at) => (wide ? int(at + (little ? 4 : 0)) * 2 ** 32 + int(at + (little ? 0 : 4)) : int(at)),
  };
}
