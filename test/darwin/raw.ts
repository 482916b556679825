// raw/raw.c, built for macOS and called: the rules that our own code never meets, and what must end a process.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { openZig } from '../../scripts/release/zig.mjs';
import { buildHost } from './build.mjs';
import type { Arch } from './mac.js';

const root = path.resolve(__dirname, '../..');
const TRIPLES = { x64: 'x86_64-macos.11.0', arm64: 'aarch64-macos.11.0' };

/** Built where it is older than its source; by each of the files that use it, which run side by side. */
async function buildRaw(arch: Arch): Promise<string> {
  const headers = createRequire(path.join(root, 'package.json'))('node-api-headers').include_dir as string;
  const source = path.join(__dirname, 'raw/raw.c');
  const image = path.join(__dirname, `build/raw-${arch}.node`);
  const built = fs.statSync(image, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > fs.statSync(source).mtimeMs) return image;
  fs.mkdirSync(path.dirname(image), { recursive: true });
  const partial = `${image}.${process.pid}`;
  await openZig().run(
    [
      ...[
        'build-lib',
        '-dynamic',
        '-target',
        TRIPLES[arch],
        '--name',
        'raw',
        `-femit-bin=${partial}`,
        '-OReleaseSmall',
      ],
      ...['-fstrip', '-fno-compiler-rt', '-lc', '-fallow-shlib-undefined', '-I', headers, '-cflags', '-O1'],
      ...['-D_FORTIFY_SOURCE=0', '-fvisibility=hidden', '-fno-sanitize=all', '-fno-stack-protector', '--', source],
    ],
    root,
  );
  fs.renameSync(partial, image);
  return image;
}

/** What a function of raw.c returned, and which rules decided; or what the host said when it ended the process. */
interface Called {
  readonly errno: number | null;
  readonly taken: readonly string[];
  readonly ended: string;
}

async function call(arch: Arch, name: string, argument: string): Promise<Called> {
  const env = { ...process.env, DARWIN_IMAGE: await buildRaw(arch) };
  const program = `const host = require(${JSON.stringify(buildHost(arch))});
    const errno = host.guest[${JSON.stringify(name)}](${JSON.stringify(argument)});
    console.log(JSON.stringify({ errno, taken: host.rules().filter((r) => r.taken > 0).map((r) => r.name) }))`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], { env, encoding: 'utf8' });
  return status === 0 ? { ...JSON.parse(stdout), ended: '' } : { errno: null, taken: [], ended: stderr || 'a signal' };
}

/** For the rules that our code gives no occasion: what XNU would do. Errnos are Darwin's. */
export function rawRules(arch: Arch, missing: string | null, tested: Set<string>): void {
  const raw = (name: string, promise: string, test: (directory: string) => Promise<void>) => {
    tested.add(name);
    it.skipIf(missing !== null)(`${name}: ${promise}`, async () => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
      try {
        await test(directory);
      } finally {
        fs.rmSync(directory, { recursive: true, force: true });
      }
    });
  };

  raw(
    'BindFollows',
    'a bind at a dangling link makes what it leads to (and that is why listen makes none)',
    async (directory) => {
      fs.symlinkSync(`${directory}/planted`, `${directory}/s`);
      expect(await call(arch, 'bindAt', `${directory}/s`)).toMatchObject({
        errno: 0,
        taken: expect.arrayContaining(['BindFollows']),
      });
      expect(fs.lstatSync(`${directory}/planted`).isSocket()).toBe(true);
      // EADDRINUSE
      expect(await call(arch, 'bindAt', `${directory}/s`)).toMatchObject({ errno: 48 });
    },
  );

  raw('SocketMode', 'fchmod of a socket is EINVAL (and that is why the mode is set by name)', async () => {
    expect(await call(arch, 'chmodSocket', '')).toMatchObject({ errno: 22, taken: ['SocketMode'] });
  });

  raw('UnlinkDirectory', 'unlink of a directory is EPERM (and none is ever unlinked)', async (directory) => {
    expect(await call(arch, 'unlinkDirectory', directory)).toMatchObject({ errno: 1, taken: ['UnlinkDirectory'] });
  });
}

/** What the host says when it ends a process, by the function of raw.c that must be ended. */
export const ENDS: Readonly<Record<string, RegExp>> = {
  unknownFlag: /flags that Darwin does not know/,
  strayWrite: /a stray access|a signal/,
  constWrite: /a stray access|a signal/,
  heapOverflow: /wrote beyond a block/,
  doubleFree: /freed what it had not allocated/,
  keepsNoRegister: /a register that a callee must keep/,
};

/** What is left of a 1 in a register that a call may change. */
export async function keptByACall(arch: Arch): Promise<number | null> {
  return (await call(arch, 'keptByACall', '')).errno;
}

export async function endOf(arch: Arch, name: string): Promise<string> {
  const { ended } = await call(arch, name, '/tmp');
  return ended;
}
