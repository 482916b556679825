import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as url from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalizeKeepingLeaf, canonicalizeKeepingLeafSync } from '../../dist/sandbox/index.js';

type Input = string | Buffer | URL;
type Twin = (file: Input) => Promise<string>;
const twins: [string, Twin][] = [
  ['canonicalizeKeepingLeaf', canonicalizeKeepingLeaf],
  ['canonicalizeKeepingLeafSync', async (file) => canonicalizeKeepingLeafSync(file)],
];
const refused = (code: string) => expect.objectContaining({ name: 'TypeError', code });

describe.each(twins)('%s', (_, canonicalize) => {
  let directory: string;
  let real: string;
  const inside = (name: string): string => path.join(directory, name);

  beforeEach(() => {
    directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
    real = inside('real');
    fs.mkdirSync(path.join(real, 'sub'), { recursive: true });
    fs.writeFileSync(path.join(real, 'file'), '');
    fs.symlinkSync('real', inside('link'));
    fs.symlinkSync('link', inside('second'));
    fs.symlinkSync('gone', inside('dangling'));
    fs.symlinkSync('loop', inside('loop'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  it.each([
    ['a symlink at the end stays literal', 'link', 'link'],
    ['a dangling one too', 'dangling', 'dangling'],
    ['and one that leads to itself', 'loop', 'loop'],
    ['a symlink on the way is resolved', 'link/sub', 'real/sub'],
    ['a chain of them too', 'second/file', 'real/file'],
    ['what is no symlink is itself', 'real/file', 'real/file'],
    ['a missing leaf is kept, its parent resolved', 'link/new', 'real/new'],
    ['of a missing path the nearest existing ancestor is resolved', 'second/a/b/c', 'real/a/b/c'],
    ['a dangling symlink on the way is kept as a name', 'dangling/box.sock', 'dangling/box.sock'],
    ['a file on the way too', 'link/file/a/b', 'real/file/a/b'],
    ['trailing and doubled slashes do not count', 'link//', 'link'],
    ['.. is taken behind the symlink, not by the letter', 'link/sub/../file', 'real/file'],
    ['. at the end leaves no leaf to keep', 'link/.', 'real'],
    ['nor does ..', 'link/sub/..', 'real'],
    ['.. behind a missing name is that name taken back', 'link/a/../b', 'real/b'],
  ])('%s: %s', async (_name, given, expected) => {
    expect(await canonicalize(`${directory}/${given}`)).toBe(inside(expected));
  });

  it('gives the same before a binding exists, while it does, while it dangles, and after', async () => {
    fs.symlinkSync(directory, inside('tmp'));
    const given = inside('tmp/bl-0/b1');
    const answers = [await canonicalize(given)];
    fs.mkdirSync(inside('bl-0'));
    answers.push(await canonicalize(given));
    fs.symlinkSync(real, inside('bl-0/b1'));
    answers.push(await canonicalize(given));
    fs.rmSync(real, { recursive: true });
    answers.push(await canonicalize(given));
    expect(answers).toEqual(answers.map(() => inside('bl-0/b1')));
  });

  it('counts a relative path from the working directory, and has the root as it is', async () => {
    expect(await canonicalize('no/such')).toBe(path.join(fs.realpathSync(process.cwd()), 'no/such'));
    expect(await canonicalize('/')).toBe('/');
    expect(await canonicalize('/no-such-entry')).toBe('/no-such-entry');
    expect(await canonicalize('.')).toBe(fs.realpathSync(process.cwd()));
  });

  it('takes a Buffer and a file: URL', async () => {
    expect(await canonicalize(Buffer.from(inside('link/ü')))).toBe(inside('real/ü'));
    expect(await canonicalize(url.pathToFileURL(inside('link/a b')))).toBe(inside('real/a b'));
  });

  it('reports what keeps it from looking, as the system call does', async () => {
    await expect(canonicalize(inside('loop/x'))).rejects.toMatchObject({ code: 'ELOOP', syscall: 'realpath' });
    const long = inside('n'.repeat(256));
    await expect(canonicalize(`${long}/x`)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  });

  it.each<[unknown, string]>([
    ['', 'ERR_INVALID_ARG_VALUE'],
    ['/a\0b', 'ERR_INVALID_ARG_VALUE'],
    [Buffer.from([0x2f, 0xff]), 'ERR_INVALID_ARG_VALUE'],
    [1, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [undefined, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j', async (file, code) => {
    await expect(canonicalize(file as string)).rejects.toEqual(refused(code));
  });
});
