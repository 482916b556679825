// Which directories are taken for the home of a box that may go. Only asked: nothing is removed here.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BoxLayout } from '../../dist/box/index.js';
import { isRemovable } from '../../dist/box/removable.js';
import { runAsync, runSync } from '../../dist/twin.js';
import { nodeFs, nodeOs, restoreAfterEach, syncBuiltinESMExports } from '../helpers/builtins.js';
import { tempDir } from '../helpers.js';

let directory = '';
let home = '';

beforeEach(() => {
  directory = fs.realpathSync(tempDir());
  home = path.join(directory, 'b1');
  fs.mkdirSync(path.join(home, 'sockets'), { recursive: true });
});

restoreAfterEach();

const layout = (base = directory) => new BoxLayout(home, { boxId: 'b1', base });

/** Of both forms the answer, or the words of the refusal. */
async function asked({ base = directory, hasRow = false } = {}): Promise<unknown> {
  const said = (error: unknown) => {
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_UNSAFE', path: home });
    return (error as Error).message;
  };
  const later = await runAsync(isRemovable(layout(base), hasRow)).catch(said);
  try {
    expect(runSync(isRemovable(layout(base), hasRow))).toBe(later);
  } catch (error) {
    expect(said(error)).toBe(later);
  }
  return later;
}

it('is nothing where there is none, and a link that is there', async () => {
  fs.rmSync(home, { recursive: true });
  expect(await asked()).toBe(false);
  fs.symlinkSync('/', home);
  expect(await asked()).toBe(true);
  fs.unlinkSync(home);
  fs.writeFileSync(home, '');
  expect(await asked()).toContain('it is not a directory');
});

it('is what has its directory of sockets, a row, or nothing in it', async () => {
  expect(await asked()).toBe(true);
  fs.rmdirSync(path.join(home, 'sockets'));
  expect(await asked()).toBe(true);
  fs.writeFileSync(path.join(home, 'file'), '');
  expect(await asked()).toContain("it holds files but no 'sockets'");
  expect(await asked({ hasRow: true })).toBe(true);
  fs.writeFileSync(path.join(home, 'file2'), '');
  expect(await asked()).toContain("it holds files but no 'sockets'");
});

describe('is none in which lies what is not of a box', () => {
  const inside = () => path.join(home, 'inside');

  it('the base, or the parent in it', async () => {
    expect(await asked({ base: inside() })).toContain(`'${inside()}' lies in it`);
    // A parent that is a link into it, in a base elsewhere.
    const parent = layout().sockets.parentDir;
    fs.symlinkSync(home, parent);
    expect(await asked()).toContain(`'${parent}' lies in it`);
  });

  it.each<[string, () => void]>([
    ['the home of the user, by its environment', () => vi.spyOn(nodeOs, 'homedir').mockReturnValue(inside())],
    ['and by the list of users', () => vi.spyOn(nodeOs, 'userInfo').mockReturnValue({ homedir: inside() } as never)],
    ['where temporary files are made', () => vi.spyOn(nodeOs, 'tmpdir').mockReturnValue(inside())],
    ['where this process works', () => vi.spyOn(process, 'cwd').mockReturnValue(inside())],
  ])('%s', async (_, stand) => {
    fs.mkdirSync(inside());
    stand();
    syncBuiltinESMExports();
    expect(await asked()).toContain(`'${inside()}' lies in it`);
  });

  it('the program that runs', async () => {
    const { execPath } = process;
    process.execPath = inside();
    try {
      expect(await asked()).toContain(`'${inside()}' lies in it`);
    } finally {
      process.execPath = execPath;
    }
  });

  it('where it is spelled through a link', async () => {
    fs.symlinkSync(home, path.join(directory, 'link'));
    vi.spyOn(nodeOs, 'tmpdir').mockReturnValue(path.join(directory, 'link'));
    syncBuiltinESMExports();
    expect(await asked()).toContain(`'${path.join(directory, 'link')}' lies in it`);
  });

  it('but what is no path, or is of nobody, is no place', async () => {
    vi.spyOn(nodeOs, 'homedir').mockReturnValue('');
    vi.spyOn(nodeOs, 'userInfo').mockImplementation(() => {
      throw new Error('no entry');
    });
    syncBuiltinESMExports();
    expect(await asked()).toBe(true);
  });

  it.runIf(process.platform === 'linux')('a file system that is mounted there', async () => {
    const { readFileSync } = nodeFs;
    const at = (point: string) => {
      vi.spyOn(nodeFs, 'readFileSync').mockImplementation(((file: string, ...rest: []) =>
        file === '/proc/self/mountinfo' ? `1 2 0:1 / ${point} rw\n` : readFileSync(file, ...rest)) as never);
      syncBuiltinESMExports();
    };
    at(`${home}/m`);
    expect(await asked()).toContain(`a file system is mounted on '${home}/m', and its files would go too`);
    at(`${home}er`);
    expect(await asked()).toBe(true);
    at(directory);
    expect(await asked()).toBe(true);
  });
});
