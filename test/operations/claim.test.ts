import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  exchangeWithPython,
  holdSockets,
  leaveDeadSocket,
  makeWorld,
  missingPython,
  promise,
  rejection,
} from '../helpers.js';

describe('claim', () => {
  it('makes the binding and gives the path of a name that is free', async () => {
    const box = makeWorld().box('b');
    expect(await box.claim('grpc.sock')).toBe(path.join(box.bindingDir, 'grpc.sock'));
    expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  promise(missingPython, 'removes a dead socket, so that a program binds there', async () => {
    const box = makeWorld().box('b');
    leaveDeadSocket(path.join(box.realDir, 'box.sock'));
    const claimed = await box.claim('box.sock');
    expect(exchangeWithPython([{ path: claimed, type: 'stream' }])).toEqual(['ok']);
  });

  promise(missingPython, 'leaves alone what is alive, and what is not a socket', async () => {
    const box = makeWorld().box('b');
    const names = ['stream.sock', 'dgram.sock', 'file', 'link', 'directory'];
    const at = (name: string): string => path.join(box.realDir, name);
    await holdSockets({ path: at('stream.sock'), type: 'stream' }, { path: at('dgram.sock'), type: 'dgram' });
    fs.writeFileSync(at('file'), 'content');
    fs.symlinkSync('nowhere', at('link'));
    fs.mkdirSync(at('directory'));
    for (const name of names) {
      expect(await rejection(box.claim(name))).toMatchObject({
        code: 'EADDRINUSE',
        syscall: 'bind',
        path: path.join(box.bindingDir, name),
      });
    }
    expect(fs.readdirSync(box.realDir).sort()).toEqual(names.sort());
  });

  it('refuses what ensure refuses', async () => {
    const box = makeWorld().box('b');
    fs.rmdirSync(box.realDir);
    expect(await rejection(box.claim('box.sock'))).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR' });
  });
});
