import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as beneath from '../dist/beneath.js';
import { runAsync, runSync, type Steps } from '../dist/twin.js';
import { rejection, tempDir } from './helpers.js';

const twins = [
  { name: 'sync', run: async <T>(steps: Steps<T>): Promise<T> => runSync(steps) },
  { name: 'async', run: <T>(steps: Steps<T>): Promise<T> => runAsync(steps) },
] as const;

describe.each(twins)('files below a directory, $name', ({ run }) => {
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
});
