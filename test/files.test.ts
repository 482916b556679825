// The calls of node:fs that are made in both forms: each does the same in both, and fails in the shape of this package.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it, vi } from 'vitest';
import * as files from '../dist/files.js';
import type { Steps } from '../dist/twin.js';
import { openDescriptors } from './helpers/descriptors.js';
import { forms, modeOf, rejection, run as runProgram, tempDir } from './helpers.js';

const nodeFs = createRequire(__filename)('node:fs') as typeof fs;

describe.each(forms)('calls of node:fs ($name)', ({ run }) => {
  it('open, look, read on and close', async () => {
    const directory = tempDir();
    const file = `${directory}/file`;
    fs.writeFileSync(file, '0123456789');
    const before = openDescriptors(directory);
    const fd = await run(files.openFile(file));
    expect((await run(files.statDescriptor(fd, file))).size).toBe(10);
    const read: string[] = [];
    const into = Buffer.alloc(4);
    for (let count = -1; count !== 0; ) {
      count = await run(files.readInto(fd, into, file));
      read.push(into.toString('latin1', 0, count));
    }
    expect(read).toEqual(['0123', '4567', '89', '']);
    await run(files.closeFile(fd, file));
    expect(openDescriptors(directory)).toEqual(before);
  });

  it('read all of a file, or all that is left of one that is open', async () => {
    const file = `${tempDir()}/file`;
    fs.writeFileSync(file, 'zwölf');
    expect(await run(files.readText(file))).toBe('zwölf');
    const fd = await run(files.openFile(file));
    await run(files.readInto(fd, Buffer.alloc(2), file));
    expect(await run(files.readText(fd, file))).toBe('ölf');
    await run(files.closeFile(fd, file));
  });

  it('do not wait for whoever opens the other end of a FIFO', async () => {
    const fifo = `${tempDir()}/fifo`;
    runProgram('mkfifo', [fifo]);
    const fd = await run(files.openFile(fifo));
    expect((await run(files.statDescriptor(fd, fifo))).isFIFO()).toBe(true);
    await run(files.closeFile(fd, fifo));
  });

  it('list in the order of the names', async () => {
    const directory = tempDir();
    const names = ['b', 'a', 'c10', 'c2', 'B', 'ä', '_'];
    for (const name of names) fs.writeFileSync(`${directory}/${name}`, '');
    // Node sorts them by itself; other runtimes do not.
    const unsorted = names.map((name) => Object.assign(new fs.Dirent(), { name }));
    const [atOnce, later] = [vi.spyOn(nodeFs, 'readdirSync'), vi.spyOn(nodeFs.promises, 'readdir')];
    atOnce.mockReturnValueOnce(unsorted as never);
    later.mockResolvedValueOnce(unsorted as never);
    const given = await run(files.listDirectory(directory));
    atOnce.mockRestore();
    later.mockRestore();
    expect(given.map(({ name }) => name)).toEqual([...names].sort());
    const entries = await run(files.listDirectory(directory));
    expect(entries.map(({ name }) => name)).toEqual([...names].sort());
    expect(entries[0]?.isFile()).toBe(true);
  });

  it('make directories of that mode, those above included, and say which was the first', async () => {
    const directory = tempDir();
    expect(await run(files.makeDirectory(`${directory}/a/b`, 0o700))).toBe(`${directory}/a`);
    expect([modeOf(`${directory}/a`), modeOf(`${directory}/a/b`)]).toEqual(['700', '700']);
    expect(await run(files.makeDirectory(`${directory}/a/b`, 0o700))).toBeUndefined();
    await run(files.removeEmptyDirectory(`${directory}/a/b`));
    expect(fs.readdirSync(`${directory}/a`)).toEqual([]);
  });

  it('look at a link itself, or at what it leads to', async () => {
    const directory = fs.realpathSync(tempDir());
    fs.mkdirSync(`${directory}/a`);
    fs.symlinkSync('a', `${directory}/link`);
    expect((await run(files.lookAt(`${directory}/link`)))?.isSymbolicLink()).toBe(true);
    expect((await run(files.statPath(`${directory}/link`))).isDirectory()).toBe(true);
    expect(await run(files.realPath(`${directory}/link/../link`))).toBe(`${directory}/a`);
    for (const missing of ['none', 'none/below']) {
      expect(await run(files.lookAt(`${directory}/${missing}`))).toBeNull();
      expect(await run(files.realPath(`${directory}/${missing}`))).toBeNull();
    }
    fs.writeFileSync(`${directory}/file`, '');
    expect(await run(files.lookAt(`${directory}/file/below`))).toBeNull();
    expect(await run(files.realPath(`${directory}/file/below`))).toBeNull();
    fs.symlinkSync('loop', `${directory}/loop`);
    expect(await rejection(run(files.realPath(`${directory}/loop`)))).toMatchObject({ code: 'ELOOP' });
  });

  const none = '/nonexistent/file';
  const failing: [string, string, (file: string) => Steps<unknown>, string?][] = [
    ['openFile', 'open', files.openFile],
    ['statDescriptor', 'fstat', (file) => files.statDescriptor(2 ** 20, file), 'EBADF'],
    ['closeFile', 'close', (file) => files.closeFile(2 ** 20, file), 'EBADF'],
    ['statPath', 'stat', files.statPath],
    ['listDirectory', 'scandir', files.listDirectory],
    ['readInto', 'read', (file) => files.readInto(2 ** 20, Buffer.alloc(1), file), 'EBADF'],
    ['removeEmptyDirectory', 'rmdir', files.removeEmptyDirectory],
    ['readText', 'open', files.readText],
  ];

  it.each(failing)('%s fails as a call %s of that path', async (_, syscall, call, code = 'ENOENT') => {
    const error = await rejection(run(call(none)));
    expect({ ...error, name: error.name }).toEqual({
      name: 'BoxSocketsError',
      code,
      errno: code === 'ENOENT' ? -2 : -9,
      syscall,
      path: none,
    });
    expect(error.message).toMatch(new RegExp(`^${code}: [a-z ]+, ${syscall} '${none}'$`));
  });

  it('throw what is no failed call as it is', async () => {
    const wrong = new TypeError('not a path');
    const throws = (): never => {
      throw wrong;
    };
    expect(await rejection(run(files.call('/a', { sync: throws, async: async () => throws() })))).toBe(wrong);
    expect(await rejection(run(files.openFile('a\0b')))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});
