import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as beneath from '../dist/beneath.js';
import { Refusal, Subject } from '../dist/native/contract.js';
import type { Steps } from '../dist/twin.js';
import { failure, recordNative, replaceNative } from './helpers/addon.js';
import { expectDescriptors, openDescriptors } from './helpers/descriptors.js';
import { forms, modeOf, rejection, tempDir } from './helpers.js';

describe.each(forms)('files below a directory, $name', ({ run }) => {
  it('are read in part or whole, and null where they are missing', async () => {
    const directory = tempDir();
    fs.writeFileSync(path.join(directory, 'file'), '0123456789');
    const file = { directory, path: 'file' };
    expect(await run(beneath.readFile(file, 100))).toEqual({ bytes: Buffer.from('0123456789'), size: 10 });
    expect((await run(beneath.readFile(file, 3)))?.bytes.toString()).toBe('012');
    expect((await run(beneath.readFile(file, 3, { fromEnd: true })))?.bytes.toString()).toBe('789');
    expect(await run(beneath.readFile({ directory, path: 'none' }, 3))).toBeNull();
    expect((await run(beneath.readFile({ directory: '/proc/self', path: 'none' }, 3))) ?? null).toBeNull();
  });

  it('are replaced and opened, but never through what was planted', async () => {
    const directory = tempDir();
    const outside = path.join(tempDir(), 'precious');
    fs.writeFileSync(outside, 'secret');
    fs.symlinkSync(outside, path.join(directory, 'log'));
    const file = { directory, path: 'log' };
    for (const steps of [beneath.readFile(file, 10), beneath.openFile(file, 'empty')] as Steps<unknown>[]) {
      const error = await rejection(run(steps));
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_FILE_UNTRUSTED', path: path.join(directory, 'log') });
      expect(error.message).toContain('is a link');
    }
    await run(beneath.replaceFile(file, 'ours', 0o640));
    expect(fs.lstatSync(path.join(directory, 'log'))).toMatchObject({ mode: 0o100640, size: 4 });
    const descriptor = await run(beneath.openFile(file, 'append'));
    fs.writeSync(descriptor, ' too');
    beneath.closeFile(descriptor);
    expect(fs.readFileSync(path.join(directory, 'log'), 'utf8')).toBe('ours too');
    beneath.closeFile(await run(beneath.openFile(file, 'empty')));
    expect(fs.statSync(path.join(directory, 'log')).size).toBe(0);
    expect(fs.readFileSync(outside, 'utf8')).toBe('secret');
  });

  it('are looked at, listed, made and removed', async () => {
    const directory = tempDir();
    expect(await run(beneath.makeDirectory({ directory, path: 'logs' }))).toBe(true);
    expect(await run(beneath.makeDirectory({ directory, path: 'logs' }))).toBe(false);
    fs.symlinkSync('/', path.join(directory, 'logs/link'));
    fs.writeFileSync(path.join(directory, 'logs/file'), '12345', { mode: 0o600 });
    const link = { directory, path: 'logs/link' };
    expect(await run(beneath.lookAt(link))).toMatchObject({ type: 'link', links: 1, uid: process.getuid?.() });
    expect(await run(beneath.lookAt({ directory, path: 'logs/file' }))).toMatchObject({ type: 'file', size: 5 });
    expect(await run(beneath.listDirectory({ directory, path: 'logs' }, 2))).toEqual([
      { name: 'file', type: 'file' },
      { name: 'link', type: 'link' },
    ]);
    expect(await run(beneath.listDirectory({ directory, path: '.' }, 2))).toEqual([
      { name: 'logs', type: 'directory' },
    ]);
    const error = await rejection(run(beneath.listDirectory({ directory, path: 'logs' }, 1)));
    expect(error).toMatchObject({ code: 'E2BIG', path: path.join(directory, 'logs') });
    expect(await run(beneath.removeFile(link))).toBe(true);
    expect(await run(beneath.removeFile(link))).toBe(false);
    expect(await run(beneath.lookAt(link))).toBeNull();
  });

  it('lead nowhere else', async () => {
    const directory = tempDir();
    for (const outside of ['../file', '/etc/passwd', 'a/../../file']) {
      const error = await rejection(run(beneath.readFile({ directory, path: outside }, 10)));
      expect(error).toMatchObject({ code: 'EXDEV' });
    }
  });

  it('go as a tree, and what cannot be removed is named', async () => {
    const directory = tempDir();
    fs.mkdirSync(path.join(directory, 'tree/a/b'), { recursive: true });
    fs.writeFileSync(path.join(directory, 'tree/a/b/file'), '');
    await run(beneath.removeTree({ directory, path: 'tree' }));
    await run(beneath.removeTree({ directory, path: 'tree' }));
    expect(fs.readdirSync(directory)).toEqual([]);
    const error = await rejection(run(beneath.removeTree({ directory: '/proc/self', path: 'attr' })));
    expect(error.message).toMatch(/^E\w+: .*, \w+ '\/proc\/self\/attr\/\w+'/);
  });

  it('are their user’s alone where nothing else is said, and as they are told to be', async () => {
    const directory = tempDir();
    const at = (name: string) => ({ directory, path: name });
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    await run(beneath.replaceFile(at('written'), 'zwölf'));
    beneath.closeFile(await run(beneath.openFile(at('opened'), 'append')));
    await run(beneath.makeDirectory(at('made')));
    await run(beneath.replaceFile(at('written-so'), Buffer.from([0, 255]), 0o644));
    beneath.closeFile(await run(beneath.openFile(at('opened-so'), 'empty', 0o640)));
    await run(beneath.makeDirectory(at('made-so'), 0o510));
    const names = ['written', 'opened', 'made', 'written-so', 'opened-so', 'made-so'];
    expect(names.map((name) => modeOf(path.join(directory, name)))).toEqual(['600', '600', '700', '644', '640', '510']);
    expect(fs.readFileSync(path.join(directory, 'written'), 'utf8')).toBe('zwölf');
    expect([...fs.readFileSync(path.join(directory, 'written-so'))]).toEqual([0, 255]);
  });

  it('are told with their whole mode, and nothing of their type in it', async () => {
    const directory = tempDir();
    fs.mkdirSync(path.join(directory, 'open'));
    fs.chmodSync(path.join(directory, 'open'), 0o3777);
    const found = await run(beneath.lookAt({ directory, path: 'open' }));
    const { ino, dev, nlink, uid, size } = fs.statSync(path.join(directory, 'open'), { bigint: true });
    expect(found).toEqual({
      type: 'directory',
      mode: 0o3777,
      size: Number(size),
      uid: Number(uid),
      links: Number(nlink),
      device: dev,
      inode: ino,
    });
  });

  it('once opened are closed, and leave nothing open', async () => {
    const directory = tempDir();
    fs.writeFileSync(path.join(directory, 'file'), '0123');
    const before = openDescriptors(directory);
    const descriptor = await run(beneath.openFile({ directory, path: 'file' }, 'read'));
    expect(fs.readFileSync(descriptor, 'utf8')).toBe('0123');
    expect(openDescriptors(directory)).toContain(fs.realpathSync(path.join(directory, 'file')));
    beneath.closeFile(descriptor);
    await expectDescriptors(directory, before);
  });

  it('say what failed, and are not missing for any other reason than that', async () => {
    const directory = tempDir();
    const file = { directory, path: 'file' };
    const at = path.join(directory, 'file');
    const about = { subject: Subject.file };
    const denied = failure({ ...about, errno: os.constants.errno.EACCES, syscall: 'openat' });
    const refused = failure({
      ...about,
      errno: 2,
      refusal: Refusal.fileUntrusted,
      mode: 0o120777,
      owner: 5,
      expected: 7,
    });
    const names = ['readFile', 'replaceFile', 'openFile', 'lookAt', 'listDirectory', 'makeDirectory', 'removeFile'];
    const calls = (): Steps<unknown>[] => [
      beneath.readFile(file, 9),
      beneath.replaceFile(file, ''),
      beneath.openFile(file, 'read'),
      beneath.lookAt(file),
      beneath.listDirectory(file, 9),
      beneath.makeDirectory(file),
      beneath.removeFile(file),
    ];
    for (const [answer, expected] of [
      [denied, { code: 'EACCES', syscall: 'openat', path: at }],
      [refused, { code: 'ERR_BOX_SOCKETS_FILE_UNTRUSTED', path: at, owner: 5, expected: 7 }],
    ] as const) {
      const both = names.flatMap((name) => [
        [name, () => answer],
        [`${name}Async`, async () => answer],
      ]);
      replaceNative(Object.fromEntries(both));
      for (const steps of calls()) expect(await rejection(run(steps))).toMatchObject(expected);
    }
  });

  it('that are removed as a tree name the entry that could not be, below the tree, or the tree', async () => {
    const tree = { directory: '/home/b', path: 'tree' };
    for (const [entry, named] of [
      ['tree/a/b', '/home/b/tree/a/b'],
      ['', '/home/b/tree'],
      [undefined, '/home/b/tree'],
    ] as const) {
      const fields = { errno: os.constants.errno.EXDEV, syscall: entry === '' ? null : 'openat' };
      const answer = failure({ ...fields, ...(entry !== undefined && { entry }) });
      replaceNative({ removeTree: () => answer, removeTreeAsync: async () => answer });
      const error = await rejection(run(beneath.removeTree(tree)));
      const syscall = entry === '' ? 'unlinkat' : 'openat';
      expect(error).toMatchObject({ code: 'EXDEV', errno: -os.constants.errno.EXDEV, syscall, path: named });
    }
  });

  it('hand on which entry of a tree goes last', async () => {
    const directory = tempDir();
    fs.mkdirSync(path.join(directory, 'tree'));
    const calls = recordNative();
    await run(beneath.removeTree({ directory, path: 'tree' }, 'last'));
    await run(beneath.removeTree({ directory, path: 'tree' }));
    expect(calls.map(([, [request]]) => request)).toEqual([
      { directory, path: 'tree', last: 'last' },
      { directory, path: 'tree', last: '' },
    ]);
  });

  it('are handed out apart from the memory that they were read into', async () => {
    const memory = Uint8Array.from([9, 9, 1, 2, 3, 9]);
    const answer = { bytes: memory.subarray(2, 5), size: 3 };
    replaceNative({ readFile: () => answer, readFileAsync: async () => answer });
    const { bytes } = (await run(beneath.readFile({ directory: '/', path: 'a' }, 9))) ?? {};
    expect([...(bytes ?? [])]).toEqual([1, 2, 3]);
    expect(Buffer.isBuffer(bytes)).toBe(true);
  });

  it('are listed in the order of their names', async () => {
    const answer = ['b', 'a', 'B', 'c'].map((name) => ({ name, mode: 0o140000 }));
    replaceNative({ listDirectory: () => answer, listDirectoryAsync: async () => answer });
    const found = await run(beneath.listDirectory({ directory: '/', path: '.' }, 9));
    expect(found).toEqual(['B', 'a', 'b', 'c'].map((name) => ({ name, type: 'socket' })));
  });
});

it.each([
  ['/a/b/c', '/a/b', 'c'],
  ['/c', '/', 'c'],
  ['c', '.', 'c'],
  ['a/c', 'a', 'c'],
])('the file %s lies in %s as %s', (file, directory, name) => {
  expect(beneath.fileAt(file)).toEqual({ directory, path: name });
});
