// That the host can fail: what a Mac would not allow ends the process.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildHost } from './build.mjs';
import { imageOf } from './images.mjs';
import { ARCHS, macEnvironment, missingMac } from './mac.js';
import { ENDS, endOf, keptByACall } from './raw.js';

describe.each(ARCHS)('the host for %s', (arch) => {
  const missing = missingMac(arch);

  it.skipIf(missing !== null).each(Object.keys(ENDS))('ends a guest that does %s', async (name) => {
    expect(await endOf(arch, name)).toMatch(ENDS[name] ?? /^$/);
  });

  it.skipIf(missing !== null)('leaves nothing in a register that a call may change', async () => {
    // 0xbadbadbadbad0000 and the register's number, of which the lower half is returned.
    expect(((await keptByACall(arch)) ?? 0) >>> 16).toBe(0xdbad);
  });

  /** What the host says of an image in which `from` was replaced, everywhere. */
  const load = (from: string, to: string): string => {
    macEnvironment(arch);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
    const image = path.join(directory, 'boxsockets.node');
    const bytes = fs.readFileSync(imageOf(arch), 'latin1').replaceAll(from, to);
    fs.writeFileSync(image, bytes, 'latin1');
    const env = { ...process.env, DARWIN_IMAGE: image };
    const { stderr, status } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(buildHost(arch))})`], {
      env,
      encoding: 'utf8',
    });
    fs.rmSync(directory, { recursive: true });
    return status === 0 ? '' : stderr;
  };

  it.skipIf(missing !== null)('loads the image as it is', () => expect(load('\0none', '\0none')).toBe(''));

  it.skipIf(missing !== null)('refuses an import that it does not model', () => {
    expect(load('_getpeereid\0', '_getpeereie\0')).toMatch(/there is no _getpeereie/);
  });

  it.skipIf(missing !== null || arch === 'arm64')('refuses the variant of a call that has an i-node of 32 bits', () => {
    expect(load('_fstatat$INODE64\0', '_fstatat$INODE32\0')).toMatch(/there is no _fstatat\$INODE32/);
  });
});
