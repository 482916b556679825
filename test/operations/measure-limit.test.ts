import * as fs from 'node:fs';
import * as net from 'node:net';
import { describe, expect, it } from 'vitest';
import { measureSunPathLimitSync, probeSocketPathSync, sunPathLimit } from '../../dist/index.js';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { failure, replaceNative } from '../helpers/addon.js';
import { makeDirOfBytes, rejection, tempDir, twins } from '../helpers.js';

// XNU takes what fits its SOCK_MAXADDRLEN of 255 bytes, a length and a family before the path.
const LONGEST_IN_KERNEL = process.platform === 'darwin' ? 253 : sunPathLimit().maxBytes;

describe('sunPathLimit()', () => {
  it.runIf(process.platform === 'linux')('is 108 on Linux, where no NUL is needed', () => {
    expect(sunPathLimit()).toEqual({ capacity: 108, maxBytes: 108, portableMaxBytes: 103 });
  });

  it.runIf(process.platform === 'darwin')('is 104 on macOS, the NUL included', () => {
    expect(sunPathLimit()).toEqual({ capacity: 104, maxBytes: 103, portableMaxBytes: 103 });
  });

  it('is what the headers say, and what the kernel takes: on macOS it takes more', () => {
    const { declared, measured } = measureSunPathLimitSync();
    expect(sunPathLimit().capacity).toBe(declared);
    expect(measured).toBe(LONGEST_IN_KERNEL);
  });

  it('is what a probe says, to the byte', () => {
    const directory = tempDir();
    const probe = (bytes: number) => probeSocketPathSync(`${directory}/${'x'.repeat(bytes - directory.length - 1)}`);
    const { maxBytes } = sunPathLimit();
    expect(probe(maxBytes)).toMatchObject({ ok: true });
    expect(probe(maxBytes + 1)).toMatchObject({ ok: false, code: 'ENAMETOOLONG' });
  });
});

describe.each(twins)('measureSunPathLimit ($name)', (twin) => {
  it('measures in any directory that leaves room, and leaves nothing there', async () => {
    const expected = { declared: sunPathLimit().capacity, measured: LONGEST_IN_KERNEL };
    expect(await twin.measureSunPathLimit()).toEqual(expected);
    for (const bytes of [80, sunPathLimit().capacity - 15]) {
      const directory = makeDirOfBytes(tempDir(), bytes);
      expect(await twin.measureSunPathLimit(directory)).toEqual(expected);
      expect(await twin.measureSunPathLimit(`${directory}//`)).toEqual(expected);
      expect(fs.readdirSync(directory)).toEqual([]);
    }
  });

  it('refuses a directory that leaves no room, with the numbers', async () => {
    const directory = makeDirOfBytes(tempDir(), sunPathLimit().capacity - 14);
    for (const more of ['', '/abcde']) {
      const path = directory + more;
      expect(await rejection(twin.measureSunPathLimit(path))).toMatchObject({
        code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG',
        path,
        length: path.length,
        limit: sunPathLimit().capacity,
        message: expect.stringMatching(new RegExp(`at least ${1 + more.length} bytes shorter`)),
      });
    }
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('fails as the system call does where there is no such directory', async () => {
    expect(await rejection(twin.measureSunPathLimit('/nonexistent'))).toMatchObject({
      code: 'ENOENT',
      syscall: 'mkdtemp',
    });
    const file = `${tempDir()}/file`;
    fs.writeFileSync(file, '');
    expect(await rejection(twin.measureSunPathLimit(file))).toMatchObject({ code: 'ENOTDIR' });
    expect(await rejection(twin.measureSunPathLimit('\0'))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe.each(twins)('measureSunPathLimit of another kernel ($name)', (twin) => {
  /** A kernel that binds so many bytes, and answers anything longer with this refusal. */
  function kernel(longest: number, refusal: number): void {
    const bindAnyLength = (path: string) =>
      Buffer.byteLength(path) <= longest
        ? null
        : failure({ errno: 36, syscall: 'bind', subject: Subject.socket, refusal });
    replaceNative({ bindAnyLength, bindAnyLengthAsync: async (path) => bindAnyLength(path) });
  }

  it.each([
    ['refuses what is too long', Refusal.tooLong],
    ['cuts what is too long, and binds another path', Refusal.misplaced],
  ])('that %s measures the longest that was right', async (_, refusal) => {
    for (const longest of [110, sunPathLimit().capacity - 2]) {
      kernel(longest, refusal);
      expect(await twin.measureSunPathLimit()).toEqual({ declared: sunPathLimit().capacity, measured: longest });
    }
  });

  it('that takes any length measures the longest that there is', async () => {
    kernel(4096, Refusal.tooLong);
    expect(await twin.measureSunPathLimit()).toMatchObject({ measured: 255 });
  });

  it.each([
    ['below the declared capacity', sunPathLimit().capacity - 3, Refusal.tooLong, 'ENAMETOOLONG'],
    ['of another kind', sunPathLimit().capacity, Refusal.none, 'ENAMETOOLONG'],
  ])('a failure %s has to do with something else: it is what it ends with, and nothing is left', async (...given) => {
    const [, longest, refusal, code] = given;
    kernel(longest, refusal);
    const directory = tempDir();
    expect(await rejection(twin.measureSunPathLimit(directory))).toMatchObject({ code, syscall: 'bind' });
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});

/** What net.Server.listen does with a path: its error's code, or the path that the socket really has. */
async function listenWithNode(directory: string, file: string): Promise<string> {
  const server = net.createServer();
  const failed = await new Promise<string | null>((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
    server.listen(file, () => resolve(null));
  });
  const [found] = fs.readdirSync(directory);
  if (failed === null) await new Promise((resolve) => server.close(resolve));
  if (found !== undefined) fs.rmSync(`${directory}/${found}`, { force: true });
  return failed ?? `${directory}/${found}`;
}

describe('nodeTruncates', () => {
  it('is what this Node really does with a path, from 100 to 120 bytes and beyond', async () => {
    const directory = tempDir();
    for (const bytes of [...Array.from({ length: 21 }, (_, i) => 100 + i), 200]) {
      const file = `${directory}/${'x'.repeat(bytes - directory.length - 1)}`;
      const bound = await listenWithNode(directory, file);
      const cut = bound.startsWith('/') && bound !== file;
      expect([bytes, probeSocketPathSync(file).nodeTruncates]).toEqual([bytes, cut]);
    }
  });
});
