import * as fs from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { inodeOfListener, rememberListener, warnOfLostListeners } from '../../dist/operations/own-listeners.js';
import { hearWarnings, tempDir } from '../helpers.js';

function remember(realDir: string, name: string, inode: bigint): () => void {
  const forget = rememberListener({ realDir, name, inode });
  onTestFinished(forget);
  return forget;
}

it('a listener is known by its directory and its name, until it is forgotten', () => {
  const forget = remember('/one', 'a.sock', 1n);
  remember('/two', 'a.sock', 2n);
  remember('/two', 'b.sock', 3n);
  const inodes = () =>
    [
      ['/one', 'a.sock'],
      ['/two', 'a.sock'],
      ['/two', 'b.sock'],
      ['/one', 'b.sock'],
    ].map(([realDir = '', name = '']) => inodeOfListener(realDir, name));
  expect(inodes()).toEqual([1n, 2n, 3n, undefined]);
  forget();
  expect(inodes()).toEqual([undefined, 2n, 3n, undefined]);
});

it('a listener is lost where its file is gone or another one, and that is told once; else it is not', async () => {
  const [directory, other] = [tempDir(), tempDir()];
  const heard = hearWarnings();
  const file = `${directory}/kept.sock`;
  fs.writeFileSync(file, '');
  remember(directory, 'kept.sock', fs.lstatSync(file, { bigint: true }).ino);
  remember(directory, 'gone.sock', 1n);
  remember(directory, 'kept.sock', 1n);
  // Lost as well, but nobody has asked about that directory.
  remember(other, 'gone.sock', 1n);
  await Promise.all([warnOfLostListeners(directory), warnOfLostListeners(directory)]);
  await warnOfLostListeners(directory);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard.map(({ code, name }) => [code, name])).toEqual([
    ['BOX_SOCKETS_LISTENER_LOST', 'BoxSocketsWarning'],
    ['BOX_SOCKETS_LISTENER_LOST', 'BoxSocketsWarning'],
  ]);
  expect(heard.map(({ message }) => message).sort()).toEqual([
    expect.stringContaining(`'${directory}/gone.sock' was removed`),
    expect.stringContaining(`'${directory}/kept.sock' was replaced`),
  ]);
});

it('a listener whose file cannot be looked at is not lost', async () => {
  const heard = hearWarnings();
  const file = `${tempDir()}/file`;
  fs.writeFileSync(file, '');
  remember(file, 'a.sock', 1n); // ENOTDIR
  remember('/', 'x'.repeat(300), 1n); // ENAMETOOLONG
  await warnOfLostListeners(file);
  await warnOfLostListeners('/');
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([]);
});
