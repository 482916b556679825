import { expect, it } from 'vitest';
import { statedElfLength } from '../../dist/native/whole-file.js';

/** An ELF header whose table of sections begins at `offset` and has `count` entries. */
function header({ wide, little, offset, count }: { wide: boolean; little: boolean; offset: number; count: number }) {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, wide ? 2 : 1);
  view.setUint8(5, little ? 1 : 2);
  if (wide) view.setBigUint64(0x28, BigInt(offset), little);
  else view.setUint32(0x20, offset, little);
  view.setUint16(wide ? 0x3a : 0x2e, wide ? 64 : 40, little);
  view.setUint16(wide ? 0x3c : 0x30, count, little);
  return view;
}

it.each([
  [true, true],
  [true, false],
  [false, true],
  [false, false],
])('an ELF file (64 bits: %s, little-endian: %s) ends after its table of sections', (wide, little) => {
  const entry = wide ? 64 : 40;
  expect(statedElfLength(header({ wide, little, offset: 70_000, count: 3 }))).toBe(70_000 + 3 * entry);
});

it('nothing is said of what is no ELF file, and of one without sections', () => {
  expect(statedElfLength(new DataView(new ArrayBuffer(64)))).toBe(0);
  expect(statedElfLength(new DataView(new ArrayBuffer(3)))).toBe(0);
  expect(statedElfLength(header({ wide: true, little: true, offset: 0, count: 0 }))).toBe(0);
});

it('an ELF file that ends in its header is shorter than that', () => {
  for (const size of [4, 5, 63]) {
    const cut = new DataView(header({ wide: true, little: true, offset: 70_000, count: 3 }).buffer, 0, size);
    expect(statedElfLength(cut)).toBe(64);
  }
});
