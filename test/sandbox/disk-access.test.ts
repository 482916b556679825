import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxLayout } from '../../dist/box/index.js';
import { diskAccess, diskAccessSync } from '../../dist/sandbox/index.js';
import { missingTool, promise, tempDir } from '../helpers.js';

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

/** Puts a program of that name, a shell script, before all others; `seen()` is what it was called with. */
function withQemuImg(script: string) {
  const directory = tempDir();
  const before = process.env.PATH;
  onTestFinished(() => {
    process.env.PATH = before;
  });
  const calls = path.join(directory, 'calls');
  const program = path.join(directory, 'qemu-img');
  fs.writeFileSync(program, `#!/bin/sh\necho "$@" >> ${calls}\n${script}\n`, { mode: 0o755 });
  process.env.PATH = `${directory}:${before}`;
  return { seen: () => (fs.existsSync(calls) ? fs.readFileSync(calls, 'utf8').trimEnd().split('\n') : []) };
}

const answering = (file: string) => `echo '${JSON.stringify({ 'backing-filename': file })}'`;

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

  it('asks qemu-img where there is one, of a copy, and believes it no more than a header', async () => {
    const { base, home, layout, image, at } = makeHome();
    const [told, written] = [image('bases/told.qcow2', ''), image('bases/written.qcow2', '')];
    image('boxes/b1/disks/disk.qcow2', written);
    const { seen } = withQemuImg(answering(told));
    expect((await access(layout)).map((entry) => entry.path)).toEqual([told]);
    expect(seen()[0]).toMatch(/^info --output=json -f qcow2 \//);
    expect(seen().join()).not.toContain(home);
    fs.writeFileSync(path.join(base, 'secret'), 'secret');
    for (const name of [
      path.join(base, 'secret'),
      `${home}/bases/../../secret`,
      at('boxes/b2/snapshots/s/disk.qcow2'),
    ]) {
      withQemuImg(answering(name));
      expect(await access(layout), name).toEqual([]);
    }
  });

  it('reads the header where qemu-img fails, talks nonsense, or would hang', async () => {
    const { layout, image } = makeHome();
    const written = image('bases/written.qcow2', '');
    for (let i = 0; i < 20; i++) image(`boxes/b1/disks/${i}.qcow2`, written);
    for (const script of ['exit 1', 'echo nonsense', 'echo null', 'exec sleep 60']) {
      withQemuImg(script);
      const began = performance.now();
      expect(
        (await access(layout)).map((entry) => entry.path),
        script,
      ).toEqual([written]);
      expect(performance.now() - began).toBeLessThan(15_000);
    }
  });

  it('shows qemu-img no image that has its data in another file, which it would open', async () => {
    const { layout, image } = makeHome();
    const written = image('bases/written.qcow2', '');
    const disk = image('boxes/b1/disks/disk.qcow2', written);
    const bytes = fs.readFileSync(disk);
    bytes[79] = 4;
    fs.writeFileSync(disk, bytes);
    const { seen } = withQemuImg(answering('/etc/passwd'));
    fs.rmSync(written);
    expect(await access(layout)).toEqual([]);
    expect(seen()).toEqual([]);
  });

  promise(missingTool('qemu-img'), 'says of real images what their headers say', async () => {
    const { layout, image, at } = makeHome();
    const base = at('bases/base.qcow2');
    const create = ['create', '-q', '-f', 'qcow2'];
    execFileSync('qemu-img', [...create, base, '1G']);
    execFileSync('qemu-img', [...create, '-b', base, '-F', 'qcow2', at('boxes/b1/disks/disk.qcow2')]);
    expect((await access(layout)).map((entry) => entry.path)).toEqual([base]);
    expect(fs.readdirSync(at('boxes/b1/disks'))).toEqual(['disk.qcow2']);
    image('boxes/b1/disks/disk.qcow2', base);
    expect((await access(layout)).map((entry) => entry.path)).toEqual([base]);
  });
});
