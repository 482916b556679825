import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declaredSize } from '../../dist/krun/binary-size.js';

/** Sixteen and more numbers of 32 bits in a row. */
function words(little: boolean, ...values: number[]): Buffer {
  const bytes = Buffer.alloc(Math.max(values.length * 4, 64));
  for (const [i, value] of values.entries()) {
    if (little) bytes.writeUInt32LE(value, i * 4);
    else bytes.writeUInt32BE(value, i * 4);
  }
  return bytes;
}

describe('declaredSize', () => {
  it('is the size of the executable that runs this test', () => {
    const head = Buffer.alloc(1 << 20);
    const fd = fs.openSync(process.execPath, 'r');
    fs.readSync(fd, head);
    const { size } = fs.fstatSync(fd);
    fs.closeSync(fd);
    const declared = declaredSize(head);
    expect(declared?.format).toBe(process.platform === 'darwin' ? 'Mach-O' : 'ELF');
    expect(declared?.size).toBeLessThanOrEqual(size);
    expect(declared?.size).toBeGreaterThan(size / 2);
  });

  it.each([
    ['little', true],
    ['big', false],
  ])('is the end of the last segment of a Mach-O file of 64 bits, %s endian', (_, little) => {
    const header = [0xfeedfacf, 0, 0, 6, 2, 16 + 72, 0, 0];
    const uuid = [0x1b, 16, 0, 0];
    const [high, low] = little ? [1, 0] : [0, 1];
    const segment = [0x19, 72, 0, 0, 0, 0, 0, 0, 0, 0, ...(little ? [0x4000, 0] : [0, 0x4000]), low, high, 0, 0, 0, 0];
    expect(declaredSize(words(little, ...header, ...uuid, ...segment))).toEqual({
      format: 'Mach-O',
      size: 2 ** 32 + 0x4000,
    });
  });

  it('is the end of the last segment of a Mach-O file of 32 bits', () => {
    const segment = [1, 56, 0, 0, 0, 0, 0, 0, 0x1000, 0x234, 0, 0, 0, 0];
    expect(declaredSize(words(true, 0xfeedface, 0, 0, 6, 1, 56, 0, ...segment))?.size).toBe(0x1234);
  });

  it('is the end of the last architecture of a universal file', () => {
    const head = words(false, 0xcafebabe, 2, 7, 3, 0x4000, 0x100, 14, 12, 0, 0x8000, 0x80, 14);
    expect(declaredSize(head)).toEqual({ format: 'Mach-O', size: 0x8080 });
  });

  it.each([
    ['a class file of Java', words(false, 0xcafebabe, 0x34, 1, 2, 3)],
    ['text', Buffer.from('#!/bin/sh\necho -krun.sock\n')],
    ['a magic number and nothing that fits it', Buffer.from(`\x7fELF${'-krun.sock'.repeat(20)}`, 'latin1')],
    ['too little to tell', Buffer.from('\x7fELF', 'latin1')],
    ['nothing', Buffer.alloc(0)],
  ])('is null for %s', (_, head) => {
    expect(declaredSize(head)).toBeNull();
  });

  it('ends where a table begins so far away that an entry added to its offset changes nothing', () => {
    const head = words(true, 0x464c457f, 0x010102, 0, 0, 0, 1);
    head.writeBigUInt64LE(2n ** 62n, 32);
    [64, 56, 0xffff].forEach((value, i) => {
      head.writeUInt16LE(value, 52 + 2 * i);
    });
    // In a process of its own, which can be ended: a loop without end would not let this one time out.
    const script = `const { declaredSize } = require(process.argv[1]);
      console.log(declaredSize(Buffer.from(process.argv[2], 'hex')).size);`;
    const module = path.join(__dirname, '../../dist/krun/binary-size.js');
    const output = execFileSync(process.execPath, ['-e', script, module, head.toString('hex')], { timeout: 30_000 });
    expect(Number(output)).toBe(2 ** 62 + 56 * 0xffff);
  });

  it('does not fail or hang on any header', () => {
    const magic = fc.constantFrom(
      [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1],
      [0x7f, 0x45, 0x4c, 0x46, 1, 2, 1],
      [0xcf, 0xfa, 0xed, 0xfe],
      [0xfe, 0xed, 0xfa, 0xce],
      [0xca, 0xfe, 0xba, 0xbf],
    );
    fc.assert(
      fc.property(magic, fc.uint8Array({ maxLength: 300 }), (first, rest) => {
        const declared = declaredSize(Buffer.from([...first, ...rest]));
        expect(declared === null || declared.size >= 0).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
