import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/box-sockets.js';
import {
  assertKrunPin,
  assertKrunPinSync,
  checkKrunPin,
  checkKrunPinSync,
  type KrunPinInput,
} from '../../dist/krun/pin.js';
import { type KrunPin, resolveKrunDerivation } from '../../dist/paths/krun-derivation.js';

const fixture = (name: string) => path.join(__dirname, '..', 'fixtures', 'krun', name);

let dir = '';
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

function write(name: string, bytes: string | Buffer): string {
  fs.writeFileSync(path.join(dir, name), bytes);
  return path.join(dir, name);
}

describe('the input of checkKrunPin', () => {
  it('is a string, a Buffer or a file URL, and the evidence names a string', async () => {
    const library = write('é x.so', '-krun.sock');
    for (const spelling of [library, Buffer.from(library), pathToFileURL(library)]) {
      const pin = checkKrunPinSync({ library: spelling });
      expect(pin.evidence).toEqual([{ file: library, offset: 0, text: '-krun.sock' }]);
      expect(await checkKrunPin({ library: spelling })).toEqual(pin);
      expect(checkKrunPinSync({ source: path.relative('.', fixture('suffix')) }).scheme).toBe('suffix');
    }
    expect(checkKrunPinSync({ source: pathToFileURL(fixture('temp-dir')) }).scheme).toBe('temp-dir');
  });

  it.each([
    ['ERR_INVALID_ARG_TYPE', undefined],
    ['ERR_INVALID_ARG_TYPE', null],
    ['ERR_INVALID_ARG_TYPE', '/usr/lib/libkrun.so'],
    ['ERR_INVALID_ARG_VALUE', {}],
    ['ERR_INVALID_ARG_VALUE', { source: 'a', library: 'b' }],
    ['ERR_INVALID_ARG_TYPE', { source: 7 }],
    ['ERR_INVALID_ARG_TYPE', { library: null }],
    ['ERR_INVALID_ARG_VALUE', { library: '' }],
    ['ERR_INVALID_ARG_VALUE', { library: 'a\0b' }],
    ['ERR_INVALID_ARG_VALUE', { library: Buffer.from([0x2f, 0xff]) }],
    ['ERR_INVALID_ARG_VALUE', { source: new URL('https://example.org/unixgram.rs') }],
  ])('is refused with %s where it is %j', async (code, input) => {
    const error = expect.objectContaining({ name: 'TypeError', code });
    expect(() => checkKrunPinSync(input as KrunPinInput)).toThrow(error);
    expect(() => assertKrunPinSync(input as KrunPinInput, 'suffix')).toThrow(error);
    await expect(checkKrunPin(input as KrunPinInput)).rejects.toEqual(error);
    await expect(assertKrunPin(input as KrunPinInput, 'suffix')).rejects.toEqual(error);
  });

  it('is refused as a source where it is a binary, with the way to pass one', () => {
    const binary = { source: write('binary.rs', 'fn a() {}\0-krun.sock') };
    expect(() => checkKrunPinSync(binary)).toThrow(/binary\.rs'.*is not text: pass a binary as \{ library \}/);
    const huge = path.join(dir, 'huge.rs');
    fs.writeFileSync(huge, '');
    fs.truncateSync(huge, 1 << 30);
    expect(() => checkKrunPinSync({ source: huge })).toThrow(/has 1073741824 bytes/);
    fs.rmSync(huge);
  });

  it('fails as the system call did where a source cannot be read', async () => {
    const source = path.join(dir, 'missing');
    const error = { name: 'BoxSocketsError', code: 'ENOENT', syscall: 'stat', path: source };
    expect(() => checkKrunPinSync({ source })).toThrow(expect.objectContaining(error));
    await expect(checkKrunPin({ source })).rejects.toMatchObject(error);
    const dangling = path.join(dir, 'unixgram.rs');
    fs.symlinkSync('nowhere', dangling);
    expect(() => checkKrunPinSync({ source: dir })).toThrow(
      expect.objectContaining({ code: 'ENOENT', path: dangling }),
    );
    fs.rmSync(dangling);
  });
});

describe('what checkKrunPin returns', () => {
  it('can be passed to BoxSockets, and the derived name, the budget and the environment follow it', () => {
    const box = (krun: KrunPin) => new BoxSockets('b1', '/home/b1/sockets', { base: '/tmp', uid: 7, krun });
    const derived = (krun: KrunPin) =>
      box(krun)
        .budget()
        .sockets.filter(({ kind }) => kind === 'derived');
    const other = checkKrunPinSync({ library: write('krun2.so', 'net.sock-krun2.sock') });
    expect(box(other).netPeerSock).toBe('/tmp/bl-7/b1/net.sock-krun2.sock');
    expect(derived(other)).toMatchObject([{ name: 'net.sock-krun2.sock', bytes: '/tmp/bl-7/b1/'.length + 19 }]);
    const temp = checkKrunPinSync({ source: fixture('temp-dir') });
    expect(box(temp).shimEnv()).toEqual({ TMPDIR: '/tmp/bl-7/b1' });
    expect(derived(temp)).toMatchObject([{ bytes: '/tmp/bl-7/b1/'.length + 32 }]);
    expect(derived(checkKrunPinSync({ source: fixture('none') }))).toEqual([]);
  });
});

describe('assertKrunPin', () => {
  it('returns what it found where that is what is expected', async () => {
    for (const scheme of ['none', 'suffix', 'temp-dir'] as const) {
      const input = { source: fixture(scheme) };
      const pin = checkKrunPinSync(input);
      expect(assertKrunPinSync(input, scheme)).toEqual(pin);
      expect(await assertKrunPin(input, pin)).toEqual(pin);
      expect(resolveKrunDerivation(pin)).toEqual(resolveKrunDerivation(scheme));
    }
  });

  it('says what was expected, what was found where, and what to do', async () => {
    const source = fixture('temp-dir');
    const unixgram = path.join(source, 'src', 'devices', 'src', 'virtio', 'net', 'unixgram.rs');
    const message = [
      `The libkrun at '${source}' is not the one this host relies on: expected 'suffix' (the peer's path and more, ` +
        "net.sock-krun.sock, 18 bytes), found 'temp-dir' (a file in TMPDIR, krun-net-4194304-4294967295.sock, 32 bytes).",
      `  ${unixgram}:22: "krun-net-{}-{}.sock",`,
      "Pass the result of checkKrunPin() as 'krun' to BoxSockets, so that the budget, the probe, the policy and " +
        'shimEnv() follow it, and expect it here; or keep the libkrun you had.',
    ].join('\n');
    const error = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_VENDOR_PIN', path: source, message };
    expect(() => assertKrunPinSync({ source }, 'suffix')).toThrow(expect.objectContaining(error));
    await expect(assertKrunPin({ source }, 'suffix')).rejects.toMatchObject(error);
  });

  it('refuses the right scheme with another suffix', () => {
    const library = write('other.so', 'net.sock-krun2.sock');
    expect(() => assertKrunPinSync({ library }, 'suffix')).toThrow(/found 'suffix' .*net\.sock-krun2\.sock, 19 bytes/);
    const pin = checkKrunPinSync({ library });
    expect(assertKrunPinSync({ library }, pin)).toEqual(pin);
    expect(assertKrunPinSync({ library }, { scheme: 'suffix', suffix: '-krun2.sock', longestName: null })).toEqual(pin);
  });

  it('refuses what cannot be told, whatever is expected, and says where to look', () => {
    const unknown = { library: write('unknown.so', 'krun_add_net_unixgram') };
    const ambiguous = { library: write('ambiguous.so', '-krun.sock krun-net-') };
    for (const expected of ['none', 'suffix', 'temp-dir'] as const) {
      expect(() => assertKrunPinSync(unknown, expected)).toThrow(
        /found 'unknown' [\s\S]* at byte 0: krun_add_net_unixgram\nLook at src\/devices\/src\/virtio\/net\/unixgram\.rs/,
      );
      expect(() => assertKrunPinSync(ambiguous, expected)).toThrow(
        /found 'ambiguous' [\s\S]* at byte 0: [\s\S]* at byte 11: /,
      );
    }
    expect(() => resolveKrunDerivation(checkKrunPinSync(unknown))).toThrow(TypeError);
  });

  it.each([undefined, null, 7, 'ambiguous', 'suffixes', {}, { scheme: 'unknown' }, { scheme: 'suffix', suffix: '/' }])(
    'refuses to expect %j before it looks',
    async (expected) => {
      const input = { library: path.join(dir, 'missing.so') };
      const error = expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('expected') });
      expect(() => assertKrunPinSync(input, expected as never)).toThrow(error);
      await expect(assertKrunPin(input, expected as never)).rejects.toEqual(error);
    },
  );
});
