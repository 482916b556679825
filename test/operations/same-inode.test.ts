import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { rejection, tempDir, twins } from '../helpers.js';

describe.each(twins)('sameInode ($name)', (twin) => {
  it('is true for two spellings, a link and a hard link, and false for twins', async () => {
    const directory = tempDir();
    const file = (name: string): string => path.join(directory, name);
    fs.mkdirSync(file('a'));
    fs.mkdirSync(file('b'));
    fs.symlinkSync('a', file('link'));
    fs.writeFileSync(file('f'), 'same');
    fs.writeFileSync(file('g'), 'same');
    fs.linkSync(file('f'), file('hard'));
    expect(await twin.sameInode(file('a'), `${directory}/b/../a/.`)).toBe(true);
    expect(await twin.sameInode(file('link'), Buffer.from(file('a')))).toBe(true);
    expect(await twin.sameInode(file('hard'), new URL(`file://${file('f')}`))).toBe(true);
    expect(await twin.sameInode(file('a'), file('b'))).toBe(false);
    expect(await twin.sameInode(file('f'), file('g'))).toBe(false);
    expect(await twin.sameInode('/', '/..')).toBe(true);
  });

  it('compares the device, too: the roots of two file systems may have one inode number', async () => {
    const roots = ['/', '/proc', '/sys', '/dev', '/dev/shm', '/run'].filter((file) => fs.existsSync(file));
    const devices = new Set(roots.map((file) => fs.statSync(file).dev));
    for (const a of roots) {
      for (const b of roots) {
        const node = [fs.statSync(a), fs.statSync(b)].map(({ dev, ino }) => `${dev}:${ino}`);
        expect([a, b, await twin.sameInode(a, b)]).toEqual([a, b, node[0] === node[1]]);
      }
    }
    if (process.platform === 'linux') expect(devices.size).toBeGreaterThan(1);
  });

  it("fails in the shape of Node's own stat, and names the path that failed", async () => {
    const directory = tempDir();
    fs.writeFileSync(path.join(directory, 'file'), '');
    fs.symlinkSync('loop', path.join(directory, 'loop'));
    for (const name of ['missing', 'file/below', 'loop', 'x'.repeat(256), 'y/'.repeat(2500)]) {
      const file = path.join(directory, name);
      const node = await rejection(fs.promises.stat(file));
      for (const pair of [
        [file, directory],
        [directory, file],
      ] as const) {
        const error = await rejection(twin.sameInode(...pair));
        expect({ ...error, message: error.message }).toEqual({ ...node, message: node.message });
        expect(error.name).toBe('BoxSocketsError');
      }
    }
  });

  it.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    ['', 'ERR_INVALID_ARG_VALUE'],
    ['a\0', 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %j as either path', async (value, code) => {
    expect(await rejection(twin.sameInode(value as never, '/'))).toMatchObject({ name: 'TypeError', code });
    expect(await rejection(twin.sameInode('/', value as never))).toMatchObject({ name: 'TypeError', code });
  });
});
