import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxLayout } from '../../dist/box/index.js';
import { diskAccess, diskAccessSync } from '../../dist/sandbox/index.js';
import { tempDir } from '../helpers.js';

/** A home of BoxLite's with one box. */
function makeHome() {
  const base = tempDir();
  const home = path.join(base, 'home');
  const layout = new BoxLayout(path.join(home, 'boxes', 'b1'), { base });
  for (const directory of [
    'bases',
    'images/disk-images',
    'boxes/b1/disks',
    'boxes/b1/snapshots/s',
    'boxes/b2/snapshots/s',
  ]) {
    fs.mkdirSync(path.join(home, directory), { recursive: true });
  }
  /** A qcow2 header that names a backing file, the length as the header has it. */
  const image = (file: string, backing: string, length = Buffer.byteLength(backing)): string => {
    const bytes = Buffer.alloc(4096);
    bytes.write('QFI\xfb', 'latin1');
    bytes.writeUInt32BE(3, 4);
    if (backing !== '') {
      bytes.writeBigUInt64BE(512n, 8);
      bytes.writeUInt32BE(length, 16);
      bytes.write(backing, 512);
    }
    const absolute = path.join(home, file);
    fs.writeFileSync(absolute, bytes);
    return absolute;
  };
  const at = (file: string) => path.join(home, file);
  return { base, home, layout, image, at };
}

const twins = [
  { name: 'sync', access: async (layout: BoxLayout) => diskAccessSync(layout) },
  { name: 'async', access: (layout: BoxLayout) => diskAccess(layout) },
];

describe.each(twins)('diskAccess, $name', ({ access }) => {
  it('follows a chain to its end: a base, a snapshot that it was made of, an image', async () => {
    const { layout, image, at } = makeHome();
    const raw = at('images/disk-images/i.ext4');
    fs.writeFileSync(raw, 'an ext4 image');
    const snapshot = image('boxes/b2/snapshots/s/disk.qcow2', raw);
    const base = image('bases/abc.qcow2', snapshot);
    image('boxes/b1/disks/disk.qcow2', base);
    image('boxes/b1/disks/second.qcow2', base);
    image('boxes/b1/disks/alone.qcow2', '');
    expect(await access(layout)).toEqual(
      [base, snapshot, raw].sort().map((file) => ({ path: file, writable: false, kind: 'file' })),
    );
  });

  it('is empty where there is no disk, or none that is based on another', async () => {
    const { layout, image, at } = makeHome();
    expect(await access(layout)).toEqual([]);
    image('boxes/b1/disks/disk.qcow2', '');
    fs.writeFileSync(at('boxes/b1/disks/raw.img'), 'raw');
    fs.writeFileSync(at('boxes/b1/disks/empty'), '');
    expect(await access(layout)).toEqual([]);
    fs.rmSync(at('boxes/b1'), { recursive: true });
    expect(await access(layout)).toEqual([]);
  });

  it('grants nothing that a box names elsewhere, however it is spelt, and ends in a circle', async () => {
    const { base, home, layout, image, at } = makeHome();
    const secret = path.join(base, 'secret');
    fs.writeFileSync(secret, 'secret');
    fs.symlinkSync(secret, at('bases/link'));
    fs.mkdirSync(at('bases/directory'));
    const foreign = image('boxes/b2/snapshots/s/disk.qcow2', '');
    fs.writeFileSync(at('db'), 'rows');
    const names = [
      secret,
      '/etc/passwd',
      'relative',
      `${home}/bases/../../secret`,
      `${home}/bases/link`,
      `${home}/bases/directory`,
      `${home}/bases/none`,
      `${home}/db`,
      `${home}/bases`,
      // Another box's snapshots are for what was made of them, and this disk is the box's own to write.
      foreign,
    ];
    for (const name of names) {
      image('boxes/b1/disks/disk.qcow2', name);
      expect(await access(layout), name).toEqual([]);
    }
    image('boxes/b1/disks/disk.qcow2', 'x'.repeat(100), 2 ** 31);
    expect(await access(layout)).toEqual([]);
    const circle = at('bases/circle.qcow2');
    image('bases/circle.qcow2', circle);
    image('boxes/b1/disks/disk.qcow2', circle);
    expect((await access(layout)).map((entry) => entry.path)).toEqual([circle]);
  });
});
