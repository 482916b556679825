import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import {
  isRoot,
  leaveDeadSocket,
  makeDirOfBytes,
  makeWorld,
  ownUid,
  pathOfBytes,
  promise,
  rejection,
  run,
  snapshot,
  twins,
  usedWorld,
  type World,
} from '../helpers.js';

/** The refusal, and proof that it changed nothing; the same with a takeover. */
async function refusedUnchanged(
  ensure: (options?: { takeover: boolean }) => Promise<unknown>,
  { base }: World,
): Promise<Error & Record<string, unknown>> {
  const before = snapshot(base);
  const error = await rejection(ensure());
  const again = await rejection(ensure({ takeover: true }));
  expect(snapshot(base)).toEqual(before);
  expect({ ...again, message: again.message }).toEqual({ ...error, message: error.message });
  return error;
}

describe.each(twins)('ensure ($name) refuses, and changes nothing:', (twin) => {
  it.each<[string, (file: string) => unknown]>([
    ['a file', (file) => fs.writeFileSync(file, 'precious')],
    ['a directory', (file) => fs.mkdirSync(path.join(file, 'precious'), { recursive: true })],
    ['a fifo', (file) => run('mkfifo', [file])],
    ['a socket', (file) => leaveDeadSocket(file)],
  ])('%s in the place of the binding', async (_, make) => {
    const world = usedWorld();
    const box = world.box('b');
    make(world.binding('b'));
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK',
      path: box.bindingDir,
      message: expect.stringMatching(/left as it is.*move it away/s),
    });
  });

  it('a file in the place of the fresh link', async () => {
    const world = usedWorld();
    const box = world.box('b');
    fs.symlinkSync('/nonexistent', box.bindingDir);
    fs.writeFileSync(path.join(world.parent, '.b.new'), 'precious');
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      code: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK',
      path: path.join(world.parent, '.b.new'),
    });
  });

  it.each<[string, string, (real: string) => unknown]>([
    ['missing', 'ENOENT', () => {}],
    ['a file', 'ENOTDIR', (real) => fs.writeFileSync(real, '')],
    ['below a file', 'ENOTDIR', (real) => fs.rmdirSync(path.dirname(real)) ?? fs.writeFileSync(path.dirname(real), '')],
    ['a dangling link', 'ENOENT', (real) => fs.symlinkSync('/nonexistent', real)],
    ['a loop', 'ELOOP', (real) => fs.symlinkSync(real, real)],
  ])('a real directory that is %s', async (_, code, make) => {
    const world = makeWorld();
    const real = path.join(world.base, 'home/sockets');
    fs.mkdirSync(path.dirname(real));
    make(real);
    const box = new BoxSockets('b', real, { base: world.base });
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_REAL_DIR',
      path: real,
      cause: { code, syscall: 'stat', path: real },
      message: expect.stringMatching(/must be an existing directory.*Create it first/s),
    });
  });

  it('a real directory of more bytes than any path has, though it exists', async () => {
    const world = makeWorld();
    const real = pathOfBytes(path.join(world.base, 'deep'), 4097);
    const program = 'for (const c of process.argv[1].split("/")) { fs.mkdirSync(c); process.chdir(c); }';
    run(process.execPath, ['-e', program, path.relative(world.base, real)], { cwd: world.base });
    for (const bytes of [4096, 4097]) {
      const box = new BoxSockets('b', real.slice(0, bytes), { base: world.base });
      const error = await rejection(twin.ensure(box));
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR', cause: { code: 'ENAMETOOLONG' } });
      expect(fs.existsSync(world.parent)).toBe(false);
    }
  });

  it('a longer real directory, instead of a shorter one to which it could be cut', async () => {
    const world = makeWorld();
    const shorter = `${makeDirOfBytes(path.join(world.base, 'deep'), 4094 - 41)}/${'📦'.repeat(10)}`;
    fs.mkdirSync(shorter);
    expect(Buffer.byteLength(shorter)).toBe(4094);
    for (const more of ['📦', '📦📦', 'x📦', 'xx📦', 'xxx']) {
      const box = new BoxSockets('b', shorter + more, { base: world.base });
      const error = await rejection(twin.ensure(box));
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_REAL_DIR', cause: { code: 'ENAMETOOLONG' } });
    }
  });

  it('a name that does not fit, with its numbers', async () => {
    const world = makeWorld();
    const id = 'x'.repeat(128);
    const box = world.box(id);
    const { path: file = '', bytes } = box.budget().longest ?? {};
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG',
      path: file,
      length: bytes,
      limit: 104,
      message: expect.stringMatching(new RegExp(`${bytes} bytes.*103.*[Uu]se a shorter`, 's')),
    });
    expect(file).toBe(`${box.bindingDir}/net.sock-krun.sock`);
  });

  it.each<[string, string | undefined, (base: string) => unknown]>([
    ['missing', 'ENOENT', () => {}],
    ['a file', undefined, (base) => fs.writeFileSync(base, '')],
    ['below a file', 'ENOTDIR', (base) => fs.writeFileSync(path.dirname(base), '')],
    ['a loop', 'ELOOP', (base) => fs.symlinkSync(base, base)],
    ['writable by all and not sticky', undefined, (base) => fs.mkdirSync(base) ?? fs.chmodSync(base, 0o777)],
    ['writable by a group and not sticky', undefined, (base) => fs.mkdirSync(base) ?? fs.chmodSync(base, 0o770)],
  ])('a base that is %s', async (what, cause, make) => {
    const world = makeWorld();
    const base = path.join(world.base, 'above/base');
    if (what !== 'below a file') fs.mkdirSync(path.dirname(base));
    make(base);
    const box = world.box('b', undefined, { base });
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED',
      path: base,
      message: expect.stringContaining(base),
    });
    expect((error.cause as { code?: string } | undefined)?.code).toBe(cause);
    if (what.startsWith('writable')) {
      expect(error).toMatchObject({ owner: ownUid, message: expect.stringMatching(/mode 07[07][07].*sticky bit/s) });
    }
  });

  it.each<[string, (parent: string) => unknown]>([
    ['a file', (parent) => fs.writeFileSync(parent, '')],
    ['a link to a directory', (parent) => fs.mkdirSync(`${parent}x`) ?? fs.symlinkSync(`${parent}x`, parent)],
    ['a dangling link', (parent) => fs.symlinkSync('nowhere', parent)],
    ['a loop', (parent) => fs.symlinkSync(parent, parent)],
    ['a fifo', (parent) => run('mkfifo', [parent])],
  ])('a parent that is %s', async (_, make) => {
    const world = makeWorld();
    const box = world.box('b');
    make(world.parent);
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
      path: world.parent,
    });
  });

  const notRoot = isRoot ? null : 'not run as root';
  promise(notRoot, "another user's parent", async () => {
    const world = usedWorld();
    fs.chownSync(world.parent, 1234, 1234);
    const box = world.box('b');
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({
      name: 'BoxSocketsError',
      code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
      path: world.parent,
      owner: 1234,
      expected: ownUid,
      message: expect.stringMatching(/uid 1234.*uid 0/s),
    });
  });

  promise(notRoot, "another user's base, sticky or not", async () => {
    for (const mode of [0o755, 0o1777]) {
      const world = makeWorld();
      const box = world.box('b');
      fs.chmodSync(world.base, mode);
      fs.chownSync(world.base, 1234, 1234);
      const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', owner: 1234, path: world.base });
    }
  });

  it.each<[string, (lock: string) => unknown]>([
    ['a link', (lock) => fs.symlinkSync('elsewhere', lock)],
    ['a directory', (lock) => fs.mkdirSync(lock)],
    ['a fifo', (lock) => run('mkfifo', [lock])],
    ['a socket', (lock) => leaveDeadSocket(lock)],
    ['of two links', (lock) => fs.writeFileSync(lock, '') ?? fs.linkSync(lock, `${lock}2`)],
    ...(isRoot
      ? [["another user's", (lock: string) => fs.writeFileSync(lock, '') ?? fs.chownSync(lock, 1234, 1234)] as const]
      : []),
  ] as [string, (lock: string) => unknown][])('a lock file that is %s', async (_, make) => {
    const world = makeWorld();
    const box = world.box('b');
    const lock = path.join(world.parent, '.lock');
    fs.mkdirSync(world.parent, { mode: 0o700 });
    make(lock);
    // A missing one would be made without the lock.
    fs.symlinkSync('/nonexistent', box.bindingDir);
    const error = await refusedUnchanged((options) => twin.ensure(box, options), world);
    expect(error).toMatchObject({ name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED', path: lock });
  });

  it.each([
    ['takeover', 'yes', 'ERR_INVALID_ARG_TYPE'],
    ['takeover', null, 'ERR_INVALID_ARG_TYPE'],
    ['lockTimeout', '5', 'ERR_INVALID_ARG_TYPE'],
    ['lockTimeout', -1, 'ERR_INVALID_ARG_VALUE'],
    ['lockTimeout', Number.NaN, 'ERR_INVALID_ARG_VALUE'],
    ['lockTimeout', Number.POSITIVE_INFINITY, 'ERR_INVALID_ARG_VALUE'],
    ['lockTimeout', 86_400_001, 'ERR_INVALID_ARG_VALUE'],
  ] as const)('%s: %o', async (option, value, code) => {
    const world = makeWorld();
    const box = world.box('b');
    const before = snapshot(world.base);
    const error = await rejection(twin.ensure(box, { [option]: value } as never));
    expect(error).toMatchObject({ name: 'TypeError', code, message: expect.stringContaining(option) });
    expect(await rejection(twin.ensure(box, 7 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(snapshot(world.base)).toEqual(before);
  });
});

describe('the tools of these tests', () => {
  it('see every change that a refusal might make', () => {
    const world = usedWorld();
    const before = snapshot(world.base);
    fs.chmodSync(world.parent, 0o711);
    fs.chmodSync(world.parent, 0o700);
    expect(snapshot(world.base)).not.toEqual(before);
  });
});
