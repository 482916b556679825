import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkKrunPin, checkKrunPinSync } from '../../dist/krun/pin.js';

const FIXTURES = path.join(__dirname, '..', 'fixtures', 'krun');
const CHUNK = 1 << 20;
const LONGEST_TEMP_DIR = 'krun-net-4194304-4294967295.sock';

let dir = '';
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const has = (tool: string) => spawnSync(tool, ['--version']).status === 0;
/** Skips, with the reason in the name, where a tool is missing. */
const itWith = (...tools: string[]) => {
  const missing = tools.filter((tool) => !has(tool));
  return (name: string, run: () => Promise<void>) =>
    missing.length > 0 ? it.skip(`${name} (skipped: no ${missing.join(', ')} here)`, run) : it(name, run);
};

let count = 0;
function file(...parts: (string | Buffer)[]): string {
  count += 1;
  const name = path.join(dir, `lib${count}.so`);
  fs.writeFileSync(name, Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1'))));
  return name;
}

async function check(library: string) {
  const pin = checkKrunPinSync({ library });
  expect(await checkKrunPin({ library })).toEqual(pin);
  return pin;
}

/** A shared object made by gcc from C, stripped of its symbols. */
function compile(source: string): string {
  count += 1;
  const name = path.join(dir, `lib${count}`);
  fs.writeFileSync(`${name}.c`, source);
  execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-s', '-o', `${name}.so`, `${name}.c`]);
  return `${name}.so`;
}

const DERIVE = (format: string, args: string) => `
#include <stdio.h>
int krun_add_net_unixgram(char *out, unsigned long size, const char *peer, unsigned pid, unsigned n) {
  return snprintf(out, size, ${JSON.stringify(format)}, ${args});
}`;

describe('checkKrunPin of a compiled library', () => {
  itWith('gcc')('reads the suffix of a stripped shared object', async () => {
    const library = compile(DERIVE('%s-krun.sock', 'peer'));
    const pin = await check(library);
    expect(pin).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock', longestName: 'net.sock-krun.sock' });
    const [evidence] = pin.evidence;
    const offset = fs.readFileSync(library).indexOf('-krun.sock');
    expect(evidence).toEqual({ file: library, offset, text: expect.stringContaining('%s-krun.sock') });
  });

  itWith('gcc')('reads a suffix that is not the usual one, as it stands', async () => {
    const pin = await check(compile(DERIVE('%s-krun2.sock', 'peer')));
    expect(pin).toMatchObject({ scheme: 'suffix', suffix: '-krun2.sock', longestName: 'net.sock-krun2.sock' });
  });

  itWith('gcc')('reads the name in the temporary directory', async () => {
    const pin = await check(compile(DERIVE('krun-net-%u-%u.sock', 'pid, n')));
    expect(pin).toMatchObject({ scheme: 'temp-dir', suffix: null, longestName: LONGEST_TEMP_DIR });
  });

  itWith('gcc')('finds the suffix where the linker has made it the tail of another string', async () => {
    const library = compile(`
const char *krun_own(int whole) {
  const char *name = "net.sock-krun.sock", *suffix = "-krun.sock";
  return whole ? name : suffix;
}`);
    const image = fs.readFileSync(library);
    expect(image.indexOf('-krun.sock', image.indexOf('-krun.sock') + 1)).toBe(-1);
    expect(await check(library)).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock' });
  });

  itWith('gcc')('finds names that are not terminated and have others at both sides', async () => {
    const rodata = (text: string) =>
      `__asm__(".section .rodata\\n.globl krun_text\\nkrun_text: .ascii \\"${text}\\"\\n");`;
    const suffix = await check(compile(rodata('failed to connectready.socknet.sock-krun.sockEnsured socket')));
    expect(suffix).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock' });
    const pieces = await check(compile(rodata('invalid address-krun-net--.sockSO_SNDBUF')));
    expect(pieces).toMatchObject({ scheme: 'temp-dir', longestName: LONGEST_TEMP_DIR });
  });

  itWith('gcc')('calls a library with both names ambiguous, and shows both', async () => {
    const both = DERIVE('%s-krun.sock', 'peer') + DERIVE('krun-net-%u-%u.sock', 'pid, n').replace('unixgram', 'other');
    const library = compile(both);
    const pin = await check(library);
    expect(pin).toMatchObject({ scheme: 'ambiguous', suffix: null, longestName: null });
    const image = fs.readFileSync(library, 'latin1');
    const offsets = ['-krun.sock', 'krun-net-'].map((name) => image.indexOf(name));
    expect(pin.evidence.map((evidence) => 'offset' in evidence && evidence.offset)).toEqual(offsets);
  });

  itWith('gcc')('does not say none of a library that has the datagram backend and no known name', async () => {
    const pin = await check(compile(DERIVE('%s.local', 'peer')));
    expect(pin).toMatchObject({ scheme: 'unknown', suffix: null, longestName: null });
    expect(pin.evidence[0]?.text).toContain('krun_add_net_unixgram');
  });

  itWith('gcc')('says unknown, and shows nothing, of a library that is not libkrun', async () => {
    const pin = await check(
      compile('int krun_create_ctx(void) { return 0; } const char *s(void) { return "/run/x.sock"; }'),
    );
    expect(pin).toEqual({ scheme: 'unknown', suffix: null, longestName: null, evidence: [] });
  });

  for (const [name, scheme, suffix] of [
    ['suffix', 'suffix', '-krun.sock'],
    ['temp_dir', 'temp-dir', null],
    ['none', 'none', null],
  ] as const) {
    itWith('rustc')(`reads ${scheme} of what rustc makes`, async () => {
      const library = path.join(dir, `${name}.so`);
      const source = path.join(FIXTURES, 'library', `${name}.rs`);
      const options = ['--edition=2021', '--crate-type=cdylib', '-Copt-level=2', '-Cstrip=symbols', '-o', library];
      execFileSync('rustc', [...options, source], { stdio: 'pipe' });
      expect(await check(library)).toMatchObject({ scheme, suffix });
    });
  }
});

describe('checkKrunPin of any bytes', () => {
  it('needs the network code of libkrun up to 1.7.2 to say none, and no later backend', async () => {
    const passt = '\0devices::virtio::net::passt\0';
    expect(await check(file(passt))).toMatchObject({ scheme: 'none', suffix: null, longestName: null });
    for (const later of [
      'krun_devices::virtio::net::unixgram',
      'src/devices/src/virtio/net/gvproxy.rs',
      '_RNvNtCs_12krun_devices6virtio3net8unixgram4open',
      'krun_add_net_unixgram',
      'krun_set_gvproxy_path',
    ]) {
      expect((await check(file(passt, later))).scheme).toBe('unknown');
    }
    expect((await check(file('krun_set_passt_fd\0krun_create_ctx\0virtio::net::device'))).scheme).toBe('unknown');
  });

  it.each([
    'libkrun-net-test-1',
    '-krunfw.so',
    '-krun.conf',
    '-krun/x.sock',
    'krun.sock',
    '-krun and .sock',
    '-KRUN.SOCK',
  ])('takes no notice of %s', async (text) => {
    expect((await check(file('\0', text, '\0'))).scheme).toBe('unknown');
  });

  it('calls two suffixes ambiguous', async () => {
    expect((await check(file('-krun.sock\0-krun2.sock'))).scheme).toBe('ambiguous');
    const pin = await check(file('-krun.sock\0'.repeat(99), 'krun-net-'));
    expect(pin).toMatchObject({ scheme: 'ambiguous', evidence: { length: 9, 8: { offset: 99 * 11 } } });
  });

  it('shows what it found in the order of the file, whichever search found it', async () => {
    const pin = await check(file('virtio/net/unixgram krun_add_net_unixgram virtio/net/gvproxy'));
    expect(pin).toMatchObject({ scheme: 'unknown', evidence: [{ offset: 0 }, { offset: 20 }, { offset: 42 }] });
  });

  it('shows at most 16 places, however many there are', async () => {
    const pin = await check(file('-krun.sock\0'.repeat(200_000)));
    expect(pin).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock' });
    expect(pin.evidence).toHaveLength(16);
    expect((await check(file(...Array.from({ length: 99 }, (_, i) => `-krun${i}.sock `)))).evidence.length).toBe(16);
  });

  it.each(['-krun.sock', 'krun-net-', 'devices::virtio::net::passt'])(
    'finds %s wherever it lies across the border of two reads',
    async (name) => {
      const scheme = (await check(file(name))).scheme;
      for (let at = CHUNK - 130; at <= CHUNK + 2; at += 1) {
        const pin = checkKrunPinSync({ library: file(Buffer.alloc(at), name, Buffer.alloc(200)) });
        expect(pin).toMatchObject({ scheme, evidence: [{ text: expect.stringContaining(name.slice(-9)) }] });
        fs.rmSync(path.join(dir, `lib${count}.so`));
      }
    },
  );

  it('finds a name at any place of files of any size, once, with its offset', () => {
    const name = path.join(dir, 'any.so');
    const image = Buffer.alloc(3 * CHUNK);
    fc.assert(
      fc.property(fc.nat(3 * CHUNK - 10), fc.nat(300), (at, more) => {
        image.write('-krun.sock', at, 'latin1');
        fs.writeFileSync(name, image.subarray(0, at + 10 + more));
        image.fill(0, at, at + 10);
        const { evidence } = checkKrunPinSync({ library: name });
        expect(evidence).toEqual([{ file: name, offset: at, text: expect.any(String) }]);
      }),
      { numRuns: 60 },
    );
  });

  it('is not taken in by what an earlier read left in the buffer', async () => {
    const pin = await check(file(Buffer.alloc(CHUNK - 200), '-krun.conf', Buffer.alloc(300), 'krun-ne'));
    expect(pin.scheme).toBe('unknown');
    expect((await check(file('x', Buffer.alloc(CHUNK), 'kru'))).evidence).toEqual([]);
  });
});

describe('checkKrunPin refuses what is no library', () => {
  const refused = (library: string, fields: object) =>
    Promise.all([
      expect(checkKrunPin({ library })).rejects.toMatchObject({ name: 'BoxSocketsError', path: library, ...fields }),
      expect(() => checkKrunPinSync({ library })).toThrow(expect.objectContaining(fields)),
    ]);

  it('an empty file', async () => {
    await refused(file(''), { code: 'ERR_BOX_SOCKETS_VENDOR_PIN', message: expect.stringContaining('it is empty') });
  });

  it('a directory', async () => {
    const message = `EISDIR: illegal operation on a directory, read '${dir}'`;
    await refused(dir, { code: 'EISDIR', errno: -21, syscall: 'read', message });
  });

  it('a missing file', async () => {
    const name = path.join(dir, 'missing.so');
    const message = `ENOENT: no such file or directory, open '${name}'`;
    await refused(name, { code: 'ENOENT', syscall: 'open', message });
  });

  it.skipIf(process.getuid?.() === 0)('an unreadable file (skipped as root, who may read it)', async () => {
    const name = file('-krun.sock');
    fs.chmodSync(name, 0);
    await refused(name, { code: 'EACCES', syscall: 'open' });
  });

  itWith('mkfifo')('a FIFO, without waiting for a writer', async () => {
    const name = path.join(dir, 'fifo');
    execFileSync('mkfifo', [name]);
    await refused(name, { code: 'ERR_BOX_SOCKETS_VENDOR_PIN', message: expect.stringContaining('not a regular file') });
  });

  itWith('gcc')('a shared object that is cut short, with both numbers', async () => {
    const whole = fs.readFileSync(compile(DERIVE('%s-krun.sock', 'peer')));
    for (const size of [40, 100, 5_000, whole.length - 1]) {
      const message = expect.stringMatching(
        new RegExp(`cut short: it has ${size} bytes, and its ELF header names \\d+`),
      );
      await refused(file(whole.subarray(0, size)), { code: 'ERR_BOX_SOCKETS_VENDOR_PIN', message });
    }
    expect((await check(file(whole, 'and more'))).scheme).toBe('suffix');
  });

  it('leaves no descriptor open', async () => {
    const open = () => fs.readdirSync('/proc/self/fd').length;
    if (!fs.existsSync('/proc/self/fd')) return;
    const empty = file('');
    const fine = file('-krun.sock');
    const before = open();
    for (let i = 0; i < 20; i += 1) {
      checkKrunPinSync({ library: fine });
      expect(() => checkKrunPinSync({ library: empty })).toThrow();
      expect(() => checkKrunPinSync({ library: dir })).toThrow();
      await expect(checkKrunPin({ library: empty })).rejects.toThrow();
    }
    expect(open()).toBe(before);
  });
});

describe('a library of 200 MB', () => {
  it.each(['sync', 'async'])('is read in less than 4 MiB beside the buffer (%s)', (mode) => {
    const name = path.join(dir, 'big.so');
    const fd = fs.openSync(name, 'w');
    const real = Buffer.alloc(CHUNK, 'virtio-blk krun_create_ctx\0some text, and more of it\xff');
    for (let i = 0; i < 20; i += 1) fs.writeSync(fd, real, 0, real.length, i * 10 * CHUNK);
    fs.writeSync(fd, 'net.sock-krun.sockEnsured', 199 * 1_000_000);
    fs.ftruncateSync(fd, 200_000_000);
    fs.closeSync(fd);
    const child = path.join(__dirname, '..', 'fixtures', 'krun-pin-memory.cjs');
    const report = JSON.parse(execFileSync(process.execPath, [child, mode, name], { encoding: 'utf8' }));
    fs.rmSync(name);
    expect(report.pin).toMatchObject({ scheme: 'suffix', evidence: [{ offset: 199 * 1_000_000 + 8 }] });
    expect(report.grownBytes).toBeLessThan(CHUNK + (4 << 20));
  });
});
