// The rules that are about Mach-O alone, each seen to fail.

import { describe, expect, test } from 'vitest';

import { findings } from './variations.js';

const MH_ALLOW_STACK_EXECUTION = 0x20000;
const LC_FUNCTION_STARTS = 0x26;
const SG_READ_ONLY = 0x10;
/** The last byte of the first page, which is code or padding. */
const PAGE_END = 0x1000 - 1;

describe.each(['darwin-x64', 'darwin-arm64'])('%s: the gate finds', (name) => {
  test('a newer macOS', async () => {
    const link = ['-platform_version', 'macos', '12.3', '12.3'];
    expect(await findings(name, { link })).toEqual(['needs macOS 12.3, not 11.0']);
  });

  test('another install name', async () => {
    const found = await findings(name, { link: ['-install_name', '/usr/lib/other.node'] });
    expect(found).toEqual(['calls itself /usr/lib/other.node']);
  });

  test('a place to look for libraries', async () => {
    expect(await findings(name, { link: ['-rpath', '/opt/lib'] })).toEqual(['looks for libraries in /opt/lib']);
  });

  test('an executable stack', async () => {
    const change = (bytes: Buffer) => bytes.writeUInt32LE(bytes.readUInt32LE(24) | MH_ALLOW_STACK_EXECUTION, 24);
    expect(await findings(name, { change })).toEqual(['wants an executable stack', 'page 0 has another hash']);
  });

  test('a segment of constants that stays writable, which dyld refuses for newer systems', async () => {
    const change = (bytes: Buffer) => {
      const at = bytes.indexOf('__DATA_CONST\0') - 8;
      bytes.writeUInt32LE(bytes.readUInt32LE(at + 68) & ~SG_READ_ONLY, at + 68);
    };
    expect(await findings(name, { change })).toEqual(['__DATA_CONST lacks SG_READ_ONLY', 'page 0 has another hash']);
  });

  test('segments and tables that are not where dyld wants them', async () => {
    const segment = (bytes: Buffer) => {
      const at = bytes.indexOf('__LINKEDIT\0') - 8;
      bytes.writeBigUInt64LE(0n, at + 24);
    };
    expect(await findings(name, { change: segment })).toContain('__LINKEDIT is not behind the segment before it');
    const table = (bytes: Buffer) => {
      const at = commandAt(bytes, LC_FUNCTION_STARTS);
      bytes.writeUInt32LE(bytes.readUInt32LE(at + 8) + 4, at + 8);
      bytes.writeUInt32LE(bytes.readUInt32LE(at + 12) - 4, at + 12);
    };
    const found = await findings(name, { change: table });
    expect(found[0]).toMatch(/^dataoff of LC_FUNCTION_STARTS is \d+: not aligned$/);
  });

  test('no signature', async () => {
    const change = { without: ['-adhoc_codesign'], link: ['-no_adhoc_codesign'] };
    expect(await findings(name, change)).toEqual(name === 'darwin-arm64' ? ['is not signed'] : []);
  });

  test('a byte that was changed after signing', async () => {
    const change = (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(PAGE_END) ^ 1, PAGE_END);
    expect(await findings(name, { change })).toEqual(['page 0 has another hash']);
  });

  test('a signature that does not cover all that lies before it', async () => {
    const change = (bytes: Buffer) => {
      const at = codeDirectoryAt(bytes);
      bytes.writeUInt32BE(bytes.readUInt32BE(at + 32) - 4096, at + 32);
    };
    expect(await findings(name, { change })).toContainEqual(expect.stringMatching(/^it covers \d+ bytes of \d+$/));
  });

  test('a signature by somebody', async () => {
    const change = (bytes: Buffer) => bytes.writeUInt32BE(0, codeDirectoryAt(bytes) + 12);
    expect(await findings(name, { change })).toEqual(['the signature is not an ad-hoc one']);
  });
});

function commandAt(bytes: Buffer, type: number): number {
  let at = 32;
  while (bytes.readUInt32LE(at) !== type) at += bytes.readUInt32LE(at + 4);
  return at;
}

function codeDirectoryAt(bytes: Buffer): number {
  return bytes.indexOf(Buffer.from([0xfa, 0xde, 0x0c, 0x02]));
}
