// The rules that are about ELF alone, each seen to fail.

import { describe, expect, test } from 'vitest';

import { findings, target, USED } from './variations.js';

const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const PT_GNU_RELRO = 0x6474e552;
const PF_X = 1;

describe.each(['linux-x64-glibc', 'linux-arm64-musl'])('%s: the gate finds', (name) => {
  const { libc } = target(name);

  test('a place to look for libraries', async () => {
    expect(await findings(name, { link: ['-Wl,-rpath,/opt/lib'] })).toEqual(['looks for libraries in /opt/lib']);
  });

  test('symbols that are looked up late', async () => {
    const found = await findings(name, { without: ['-Wl,-z,now'], link: ['-Wl,-z,lazy'] });
    expect(found).toEqual(['looks symbols up late (link with -z now)']);
  });

  test('relocations that stay writable', async () => {
    const found = await findings(name, { change: (bytes) => changeSegments(bytes, PT_GNU_RELRO, { type: 0 }) });
    expect(found).toEqual(['leaves its relocations writable (no RELRO)']);
  });

  test('an executable stack, stated or by saying nothing', async () => {
    const finding = ['wants an executable stack'];
    expect(await findings(name, { change: (bytes) => changeSegments(bytes, PT_GNU_STACK, { flags: PF_X }) })).toEqual(
      finding,
    );
    expect(await findings(name, { change: (bytes) => changeSegments(bytes, PT_GNU_STACK, { type: 0 }) })).toEqual(
      finding,
    );
  });

  test('a segment that is writable and executable', async () => {
    const found = await findings(name, { change: (bytes) => changeSegments(bytes, PT_LOAD, { flags: 7 }) });
    expect(found).toEqual(['has a segment that is writable and executable']);
  });

  test('thread-local data', async () => {
    const code = `${USED}static _Thread_local int last;\nint work(void* of) { int* volatile at = &last; return *at = used(of); }`;
    expect(await findings(name, { code })).toContain('has thread-local data');
  });

  test('a symbol table', async () => {
    expect(await findings(name, { without: ['-s'] })).toContain('is not stripped: it has a section .symtab');
  });

  test('debug information', async () => {
    expect(await findings(name, { without: ['-s'], compile: ['-g'] })).toContain(
      'is not stripped: it has a section .debug_info',
    );
  });

  test('the binary of the other libc', async () => {
    const { triple } = target(name === 'linux-x64-glibc' ? 'linux-x64-musl' : 'linux-arm64-glibc');
    const found = await findings(name, { triple });
    expect(found).toContain(`does not need the library ${libc === 'glibc' ? 'libc.so.6' : 'libc.so'}`);
  });
});

describe('glibc: the gate finds', () => {
  const name = 'linux-x64-glibc';

  test('a library that is not needed', async () => {
    const code = `${USED}double cos(double);\nint work(void* of) { return cos(used(of)) > 0; }`;
    expect(await findings(name, { code, link: ['-lm'] })).toEqual([
      'needs the library libm.so.6',
      expect.stringMatching(/^needs cos, which is not among/),
    ]);
  });

  test('a newer glibc', async () => {
    const code = `${USED}#include <sys/random.h>\nint work(void* of) { return getrandom(of, 1, 0) == used(of); }`;
    expect(await findings(name, { triple: 'x86_64-linux-gnu.2.25', code })).toEqual([
      'needs glibc 2.25, newer than 2.17',
      expect.stringMatching(/^needs getrandom, which is not among/),
    ]);
  });

  test("the stat() that zig's glibc brings, with an errno of its own", async () => {
    const code = `${USED}#include <sys/stat.h>\nint work(void* of) { struct stat st; return stat(of, &st) + used(of); }`;
    expect(await findings(name, { code })).toEqual(['has thread-local data']);
  });
});

/** Rewrites the program headers of one type. */
function changeSegments(bytes: Buffer, type: number, to: { type?: number; flags?: number }): void {
  const start = Number(bytes.readBigUInt64LE(32));
  for (let index = 0; index < bytes.readUInt16LE(56); index++) {
    const at = start + index * bytes.readUInt16LE(54);
    if (bytes.readUInt32LE(at) !== type) continue;
    if (to.type !== undefined) bytes.writeUInt32LE(to.type, at);
    if (to.flags !== undefined) bytes.writeUInt32LE(to.flags, at + 4);
  }
}
