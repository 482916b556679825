// A file system that makes no sockets: exFAT, whose server makes an empty file where it is asked for a socket.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { BoxSockets, probeSocketPathSync } from '../../../dist/index.js';
import { json, program } from '../../cli/run.js';
import { missingMount, missingTool, promise, rejection, run, tempDir } from '../../helpers.js';

const missing =
  missingMount() ??
  missingTool('losetup') ??
  missingTool('which', ['mkfs.exfat']) ??
  missingTool('which', ['mount.exfat-fuse']);

/** A home there, with two boxes that have bindings. */
function makeHome(): { home: string; base: string; boxes: BoxSockets[]; left(): string[]; mounted: string } {
  const [directory, base] = [tempDir(), tempDir()];
  const [image, mounted] = [path.join(directory, 'image'), path.join(directory, 'mounted')];
  fs.mkdirSync(mounted);
  fs.writeFileSync(image, '');
  fs.truncateSync(image, 16 << 20);
  run('mkfs.exfat', [image]);
  const device = run('losetup', ['-f', '--show', image]).trim();
  onTestFinished(() => void run('losetup', ['-d', device]));
  run('mount.exfat-fuse', [device, mounted], { stdio: 'ignore' });
  onTestFinished(() => void run('umount', [mounted]));
  const home = path.join(mounted, 'home');
  const boxes = ['b1', 'b2'].map((id) => {
    const realDir = path.join(home, 'boxes', id, 'sockets');
    fs.mkdirSync(realDir, { recursive: true });
    const box = new BoxSockets(id, realDir, { base });
    box.ensureSync();
    return box;
  });
  const left = () => boxes.flatMap(({ realDir }) => fs.readdirSync(realDir));
  return { home, base, boxes, left, mounted };
}

describe('on a file system that makes no sockets', () => {
  promise(missing, 'a bind, a probe and listen say so, and leave no file', async () => {
    const { boxes, left } = makeHome();
    const [box] = boxes as [BoxSockets];
    expect(probeSocketPathSync(path.join(box.realDir, 'a.sock'))).toMatchObject({ ok: false, code: 'ENOTSUP' });
    for (const { ok, code } of box.probeSync().sockets) expect([ok, code]).toEqual([false, 'ENOTSUP']);
    const error = await rejection(box.listen(net.createServer(), 'box.sock'));
    expect(error).toMatchObject({ code: 'ENOTSUP', syscall: 'bind' });
    expect(left()).toEqual([]);
    // Somebody's file is nobody's socket.
    fs.writeFileSync(path.join(box.realDir, 'box.sock'), '');
    expect(await rejection(box.listen(net.createServer(), 'box.sock'))).toMatchObject({ code: 'EADDRINUSE' });
    expect(left()).toEqual(['box.sock']);
  });

  promise(missing, 'doctor has one finding for all boxes, which names it', () => {
    const { home, base, left, mounted } = makeHome();
    const { findings } = json(program(['doctor', '--json', '--home', home, '--base', base]));
    const found = findings.filter(({ code }: { code: string }) => code.startsWith('sockets-'));
    expect(found).toMatchObject([{ code: 'sockets-unsupported', message: expect.stringContaining(`at ${mounted}`) }]);
    expect(left()).toEqual([]);
  });
});
