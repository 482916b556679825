// The rules that are about Mach-O alone, each seen to fail.

import { describe, expect, test } from 'vitest';

import { resign } from '../../scripts/release/code-signature.mjs';
import { readMachO } from '../../scripts/release/macho.mjs';
import { findings, target } from './variations.js';

const LC_CODE_SIGNATURE = 0x1d;
const LC_DATA_IN_CODE = 0x29;
const MH_ALLOW_STACK_EXECUTION = 0x20000;
/** The last byte of the first page, which is code or padding. */
const PAGE_END = 0x4000 - 1;

describe.each(['darwin-x64', 'darwin-arm64'])('%s: the gate finds', (name) => {
  test('a newer macOS', async () => {
    const triple = target(name).triple.replace('11.0', '12.3');
    expect(await findings(name, { triple })).toEqual(['needs macOS 12.3, not 11.0']);
  });

  test('another install name', async () => {
    const found = await findings(name, { without: ['-install_name'], link: ['-install_name', '/usr/lib/other.node'] });
    expect(found).toEqual(['calls itself /usr/lib/other.node']);
  });

  test('a place to look for libraries', async () => {
    expect(await findings(name, { link: ['-rpath', '/opt/lib'] })).toEqual(['looks for libraries in /opt/lib']);
  });

  test('hidden functions among the exports, which is how the linker leaves them', async () => {
    const found = await findings(name, { stripped: false });
    expect([...new Set(found)].sort()).toEqual(['exports used', 'exports work']);
  });

  test('an executable stack', async () => {
    const change = (bytes: Buffer) => {
      bytes.writeUInt32LE(bytes.readUInt32LE(24) | MH_ALLOW_STACK_EXECUTION, 24);
      signAnew(bytes);
    };
    expect(await findings(name, { change })).toEqual(['wants an executable stack']);
  });
});

describe('darwin-arm64: the gate finds', () => {
  const name = 'darwin-arm64';

  test('a byte that was changed after signing, and nothing once it is signed anew', async () => {
    const flip = (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(PAGE_END) ^ 1, PAGE_END);
    expect(await findings(name, { change: flip })).toEqual(['page 0 has another hash']);
    const flipAndSign = (bytes: Buffer) => {
      flip(bytes);
      signAnew(bytes);
    };
    expect(await findings(name, { change: flipAndSign })).toEqual([]);
  });

  test('no signature', async () => {
    expect(await findings(name, { change: (bytes) => retype(bytes, LC_CODE_SIGNATURE, LC_DATA_IN_CODE) })).toEqual([
      'is not signed',
    ]);
  });

  test('a signature that is not the last thing in the file', async () => {
    const change = (bytes: Buffer) => {
      const { signature } = readMachO(bytes).layout;
      if (signature === undefined) throw new Error('not signed');
      // Its code directory says which bytes it covers.
      bytes.writeUInt32BE(signature.offset - 4096, codeDirectoryAt(bytes) + 32);
    };
    expect(await findings(name, { change })).toContainEqual(expect.stringMatching(/^it covers \d+ bytes of \d+$/));
  });

  test('a signature by somebody', async () => {
    const change = (bytes: Buffer) => bytes.writeUInt32BE(0, codeDirectoryAt(bytes) + 12);
    expect(await findings(name, { change })).toEqual(['the signature is not an ad-hoc one']);
  });
});

function signAnew(bytes: Buffer): void {
  const { signature } = readMachO(bytes).layout;
  if (signature === undefined) return;
  const blob = bytes.subarray(signature.offset, signature.offset + signature.size);
  resign(blob, bytes.subarray(0, signature.offset)).copy(bytes, signature.offset);
}

/** Turns load commands of one type into another one's. */
function retype(bytes: Buffer, from: number, to: number): void {
  let at = 32;
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    if (bytes.readUInt32LE(at) === from) bytes.writeUInt32LE(to, at);
    at += bytes.readUInt32LE(at + 4);
  }
}

function codeDirectoryAt(bytes: Buffer): number {
  return bytes.indexOf(Buffer.from([0xfa, 0xde, 0x0c, 0x02]));
}
