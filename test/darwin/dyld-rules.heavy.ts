// The prebuilt binaries, by the rules of what will load them.

import * as fs from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  checkLinkedit,
  checkSegments,
  checkSignature,
  checkVariants,
  type Library,
  readLibrary,
} from './dyld-rules.js';
import { imageOf, makeImages } from './images.mjs';
import { ARCHS } from './mac.js';

describe.each(ARCHS)('the binary for %s', (arch) => {
  let library: Library;
  let bytes: Buffer;

  beforeAll(() => {
    makeImages();
    bytes = fs.readFileSync(imageOf(arch));
    library = readLibrary(bytes);
  });

  it('is for that processor, and its load commands are whole', () => {
    expect(library.arm64).toBe(arch === 'arm64');
    expect(library.findings).toEqual([]);
  });

  it('has its segments in order, aligned, and __DATA_CONST read-only', () => {
    expect(checkSegments(library)).toEqual([]);
  });

  it('has all of __LINKEDIT in order and aligned', () => {
    expect(checkLinkedit(library)).toEqual([]);
  });

  // On x64 there need not be a signature.
  it('has the hash of every page in its signature, where there is one', () => {
    expect(library.signature === undefined && arch === 'x64' ? [] : checkSignature(library)).toEqual([]);
  });

  it('calls the variants that know i-nodes of 64 bits', () => {
    expect(checkVariants(library)).toEqual([]);
  });

  it('would be refused with a bit of a page, an offset or a name changed', () => {
    const changed = (at: number, to: number) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(to, at);
      return readLibrary(copy);
    };
    if (library.signature !== undefined) {
      expect(checkSignature(changed(0x1000, bytes.readUInt8(0x1000) ^ 1))).toEqual([
        expect.stringMatching(/^page \d+ was changed/),
      ]);
    }
    const symtab = bytes.indexOf(Buffer.from([2, 0, 0, 0, 24, 0, 0, 0]), 32);
    expect(checkLinkedit(changed(symtab + 8, bytes.readUInt8(symtab + 8) ^ 1))).not.toEqual([]);
    const text = bytes.indexOf('__TEXT') - 8;
    expect(checkSegments(changed(text + 32, 1))).not.toEqual([]);
    const name = bytes.lastIndexOf(arch === 'x64' ? '_lstat$INODE64' : '_lstat\0');
    expect(checkVariants(changed(arch === 'x64' ? name + 6 : name + 3, '$'.charCodeAt(0)))).toEqual(
      arch === 'x64' ? [] : ['_ls$at does not exist'],
    );
  });
});
