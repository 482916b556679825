// Every rule of the gate is seen to fail: a small library that breaks it is built with the same compiler.

import { describe, expect, test } from 'vitest';

import { checkBinary } from '../../scripts/release/gate.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';
import { findings, ROOT, target, USED, withFile } from './variations.js';

test.each(TARGETS.map(({ name }) => name))('%s: a small library that keeps all rules passes', async (name) => {
  expect(await findings(name, {})).toEqual([]);
});

test.each(TARGETS.map((each) => [each.name, each] as const))(
  '%s: a file of another format is unreadable',
  (_, each) => {
    const bytes = Buffer.from('#!/bin/sh\nexit 0\n'.repeat(10));
    const found = withFile(bytes, (file) => checkBinary(each, file, ROOT));
    expect(found).toEqual([expect.stringMatching(/^cannot be read: /)]);
  },
);

describe.each(['linux-x64-glibc', 'linux-arm64-musl', 'darwin-x64', 'darwin-arm64'])('%s: the gate finds', (name) => {
  const { platform, libc, maxBytes } = target(name);

  test.each([
    ['uv_now', 'needs libuv: uv_now'],
    ['napi_get_uv_event_loop', 'needs a newer Node-API: napi_get_uv_event_loop'],
    ['node_api_post_finalizer', 'needs a newer Node-API: node_api_post_finalizer'],
    ['__cxa_guard_acquire', 'needs the C++ runtime: __cxa_guard_acquire'],
    ['system', `needs system, which is not among the functions allowed on ${libc ?? platform}`],
  ])('a call of %s', async (callee, finding) => {
    const code = `${USED}int ${callee}(void*);\nint work(void* of) { return ${callee}(of) + used(of); }\n`;
    // On macOS, the linker also says where the function would come from.
    expect((await findings(name, { code })).filter((each) => !each.startsWith('looks for'))).toEqual([finding]);
  });

  test('operator new', async () => {
    const code = `extern "C" { ${USED} int* volatile kept; int work(void* of) { kept = new int[used(of)]; return 0; } }`;
    const found = await findings(name, { cpp: true, code, compile: ['-fno-exceptions'] });
    expect(found).toContain('needs the C++ runtime: _Znam');
  });

  test('a binary of the other architecture', async () => {
    const { triple, arch } = target(name);
    const other = arch === 'x64' ? triple.replace('x86_64', 'aarch64') : triple.replace('aarch64', 'x86_64');
    expect(await findings(name, { triple: other })).toContainEqual(
      expect.stringMatching(arch === 'x64' ? /^is for .*A.*64/ : /^is for .*X86_64/),
    );
  });

  test('one more export', async () => {
    const code = `${USED}__attribute__((visibility("default"))) int work(void* of) { return used(of); }`;
    const change =
      platform === 'darwin' ? { link: ['-exported_symbol', '_work'] } : { without: ['-Wl,--version-script'] };
    expect(await findings(name, { code, ...change })).toContain('exports work');
  });

  test('the place where it was built', async () => {
    const code = `${USED}const char* volatile at = "${ROOT}/lib.c";\nint work(void* of) { return at == of || used(of); }`;
    expect(await findings(name, { code })).toEqual([`contains the path ${ROOT}`]);
  });

  test('too many bytes', async () => {
    const code = `${USED}static const char many[${maxBytes}] = {1};\nint work(void* of) { return many[used(of)]; }`;
    expect(await findings(name, { code })).toEqual([expect.stringMatching(/^has \d+ bytes, more than/)]);
  });

  test('a file that is cut, at whatever place', async () => {
    const passed: number[] = [];
    let whole = 0;
    const change = (bytes: Buffer) => {
      whole = bytes.length;
      for (let size = 0; size < whole; size += Math.ceil(whole / 40)) {
        const found = withFile(bytes.subarray(0, size), (file) => checkBinary(target(name), file, ROOT));
        if (found.length === 0) passed.push(size);
      }
    };
    expect(await findings(name, { change })).toEqual([]);
    expect(passed).toEqual([]);
    expect(whole).toBeGreaterThan(2048);
  });
});
