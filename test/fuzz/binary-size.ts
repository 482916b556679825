// The headers of executables: ELF and Mach-O. Whatever they claim, the reader ends and gives a number of bytes.

import { declaredSize } from '../../dist/krun/binary-size.js';
import { check } from './check.js';

export const seeds = [elf(2), elf(1), macho(0xcffaedfe), macho(0xcefaedfe), macho(0xfeedfacf), universal()];
export const dictionary = ['\x7fELF\x02\x01\x01', '\xcf\xfa\xed\xfe', '\xca\xfe\xba\xbe', '\xca\xfe\xba\xbf'];

export function fuzz(data: Buffer): void {
  const declared = declaredSize(data);
  if (declared === null) return;
  const { format, size } = declared;
  check(Number.isFinite(size) && size >= 8, 'a size is a number of bytes', size);
  const isElf = data.toString('latin1', 0, 4) === '\x7fELF';
  check((format === 'ELF') === isElf, 'the format is that of the magic', format);
  if (isElf) check(size >= elfSize(data), 'an ELF file holds what its header names', size, elfSize(data));
}

/** Up to the end of the tables alone, each number read as the format says. */
function elfSize(data: Buffer): number {
  const [wide, little] = [data[4] === 2, data[5] === 1];
  const header = wide ? 64 : 52;
  if (data.length < header) return header;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const word = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const half = (index: number): number => view.getUint16((wide ? 52 : 40) + 2 * index, little);
  const [segments, sections] = [word(wide ? 32 : 28), word(wide ? 40 : 32)];
  return Math.max(header, segments + half(1) * half(2), sections + half(3) * half(4));
}

function elf(bits: 1 | 2): Buffer {
  const data = Buffer.alloc(256);
  data.write(`\x7fELF${String.fromCharCode(bits)}\x01\x01`, 'latin1');
  data.writeUInt32LE(1, 20);
  const [wide, header] = [bits === 2, bits === 2 ? 64 : 52];
  data.writeUInt32LE(header, wide ? 32 : 28);
  data.writeUInt32LE(200, wide ? 40 : 32);
  [header, 56, 2, 28, 2].forEach((value, index) => {
    data.writeUInt16LE(value, (wide ? 52 : 40) + 2 * index);
  });
  return data;
}

function macho(magic: number): Buffer {
  const data = Buffer.alloc(256);
  data.writeUInt32BE(magic, 0);
  data.writeUInt32LE(2, 16);
  data.writeUInt32LE(144, 20);
  data.writeUInt32LE(0x19, 32);
  data.writeUInt32LE(72, 36);
  return data;
}

function universal(): Buffer {
  const data = Buffer.alloc(96);
  [0xcafebabe, 2, 7, 3, 0x1000, 0x2000, 12].forEach((value, index) => {
    data.writeUInt32BE(value, 4 * index);
  });
  return data;
}
