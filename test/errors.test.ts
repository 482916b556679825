import * as fs from 'node:fs';
import * as path from 'node:path';
import * as util from 'node:util';
import { describe, expect, it } from 'vitest';
import { systemError } from '../dist/errors.js';
import { BoxSockets, BoxSocketsError, sameInodeSync } from '../dist/index.js';
import { makeWorld, rejection, twins } from './helpers.js';

function thrown(action: () => unknown): BoxSocketsError {
  try {
    action();
  } catch (error) {
    if (error instanceof BoxSocketsError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

describe('an error of this package', () => {
  it('has the fields of Node, and its message', () => {
    const ours = thrown(() => sameInodeSync('/nonexistent', '/'));
    const theirs = util.inspect(ours);
    expect(Object.keys(ours).sort()).toEqual(['code', 'errno', 'path', 'syscall']);
    expect(ours.message).toBe("ENOENT: no such file or directory, stat '/nonexistent'");
    expect(ours.errno).toBe(-2);
    expect(theirs).toContain("BoxSocketsError: ENOENT: no such file or directory, stat '/nonexistent'");
    expect(theirs).toContain("code: 'ENOENT'");
  });

  it('is an Error of its own class, whose stack says where it was thrown', () => {
    const error = thrown(() => sameInodeSync('/nonexistent', '/'));
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('BoxSocketsError');
    expect(util.inspect(error)).toMatch(/^BoxSocketsError: ENOENT/);
    expect(Object.hasOwn(error, 'name')).toBe(false);
    expect(String(error)).toMatch(/^BoxSocketsError: ENOENT/);
    expect(error.stack).toContain(path.basename(__filename));
  });

  it.skipIf(process.platform !== 'linux')('names every errno that Linux has', () => {
    const names = Array.from({ length: 133 }, (_, index) => systemError(index + 1, 'stat', '/a').code);
    // The two numbers that Linux leaves out.
    expect(names.filter((name) => /^E\d+$/.test(name))).toEqual(['E41', 'E58']);
    expect(new Set(names).size).toBe(133);
    expect(systemError(116, 'stat', '/a').message).toBe("ESTALE: stale file handle, stat '/a'");
    expect(systemError(55, 'stat', '/a').message).toBe("ENOANO: system error 55, stat '/a'");
  });

  it('has no field that does not apply', () => {
    const box = new BoxSockets('x'.repeat(128), '/', { base: '/nonexistent' });
    expect(Object.keys(thrown(() => box.ensureSync())).sort()).toEqual(['code', 'length', 'limit', 'path']);
    expect(thrown(() => box.ensureSync()).cause).toBeUndefined();
  });

  it('tells what led to a refusal: the failed call is its cause', () => {
    const { base } = makeWorld();
    const real = path.join(base, 'missing');
    const error = thrown(() => new BoxSockets('b', real, { base }).ensureSync());
    expect(error.code).toBe('ERR_BOX_SOCKETS_REAL_DIR');
    expect(error.cause).toBeInstanceOf(BoxSocketsError);
    const node = thrownByNode(() => fs.statSync(real));
    const cause = error.cause as BoxSocketsError;
    expect({ ...cause, message: cause.message }).toEqual({ ...node, message: node.message });
    expect(error.message).toContain(cause.message);
  });

  it('may be made by a host for its own tests', () => {
    const error = new BoxSocketsError('ERR_BOX_SOCKETS_BINDING_IN_USE', 'text', { path: '/a', cause: 'why' });
    expect({ ...error }).toEqual({ code: 'ERR_BOX_SOCKETS_BINDING_IN_USE', path: '/a' });
    expect([error.message, error.cause]).toEqual(['text', 'why']);
  });
});

function thrownByNode(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('did not throw');
}

describe.each(twins)('the twins ($name)', (twin) => {
  it('fail alike, also for wrong arguments: one throws, the other rejects', async () => {
    const box = new BoxSockets('b', '/nonexistent', { base: '/nonexistent' });
    const failures = [
      twin.ensure(box),
      twin.ensure(box, { takeover: 1 } as never),
      twin.remove(box, { lockTimeout: 'x' } as never),
      twin.sweepStale({ base: 'x' }),
      twin.list({ uid: -1 }),
      twin.probeSocketPath(''),
      twin.measureSunPathLimit('/nonexistent'),
      twin.sameInode('/', ''),
    ];
    const codes = (await Promise.all(failures.map(rejection))).map(({ code }) => code);
    expect(codes).toEqual([
      'ERR_BOX_SOCKETS_REAL_DIR',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_TYPE',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_VALUE',
      'ENOENT',
      'ERR_INVALID_ARG_VALUE',
    ]);
  });
});

describe('a wrong argument', () => {
  it('is shown, and cut where it is long', () => {
    expect(() => new BoxSockets('a/b', '/')).toThrow(/'boxId' must be 1 to 128 .*Received 'a\/b'$/);
    expect(() => new BoxSockets(7 as never, '/')).toThrow(
      /"boxId" argument must be a string. Received type number \(7\)$/,
    );
    expect(() => new BoxSockets(null as never, '/')).toThrow(/Received null$/);
    expect(() => new BoxSockets('!'.repeat(10_000), '/')).toThrow(/Received '!{50,}…$/);
  });
});
