import * as fs from 'node:fs';
import * as path from 'node:path';
import * as util from 'node:util';
import * as vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import * as errors from '../dist/errors.js';
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

describe('what is made of a failure', () => {
  it.skipIf(process.platform !== 'linux')('has the name and the number that Linux has for it', () => {
    // Those that Node does not name: errno.h, with the words of TEXTS.
    const names =
      `15 ENOTBLK 35 EDEADLK 37 ENOLCK 44 ECHRNG 45 EL2NSYNC 46 EL3HLT 47 EL3RST 48 ELNRNG 50 ENOCSI 51 EL2HLT
      52 EBADE 53 EBADR 54 EXFULL 55 ENOANO 56 EBADRQC 57 EBADSLT 59 EBFONT 60 ENOSTR 61 ENODATA 62 ETIME 63 ENOSR 65 ENOPKG
      66 EREMOTE 67 ENOLINK 68 EADV 69 ESRMNT 70 ECOMM 72 EMULTIHOP 73 EDOTDOT 74 EBADMSG 76 ENOTUNIQ 77 EBADFD 78 EREMCHG
      79 ELIBACC 80 ELIBBAD 81 ELIBSCN 82 ELIBMAX 83 ELIBEXEC 85 ERESTART 86 ESTRPIPE 87 EUSERS 96 EPFNOSUPPORT
      109 ETOOMANYREFS 116 ESTALE 117 EUCLEAN 118 ENOTNAM 119 ENAVAIL 120 EISNAM 122 EDQUOT 123 ENOMEDIUM 124 EMEDIUMTYPE
      126 ENOKEY 127 EKEYEXPIRED 128 EKEYREVOKED 129 EKEYREJECTED 130 EOWNERDEAD 131 ENOTRECOVERABLE 132 ERFKILL
      133 EHWPOISON`.split(/\s+/);
    for (let at = 0; at < names.length; at += 2) expect(errors.errnoName(Number(names[at]))).toBe(names[at + 1]);
    expect(errors.errnoName(0)).toBe('E0');
    expect([errors.errnoName(-13), errors.errnoName(13), errors.errnoName(4711)]).toEqual([
      'EACCES',
      'EACCES',
      'E4711',
    ]);
    const words = (errno: number): string => systemError(errno, 'x').message;
    expect([74, 35, 122, 127, 129, 128, 72, 126, 37, 67, 123, 66, 116, 62, 117, 4711].map(words)).toEqual([
      'EBADMSG: bad message, x',
      'EDEADLK: resource deadlock avoided, x',
      'EDQUOT: disk quota exceeded, x',
      'EKEYEXPIRED: key has expired, x',
      'EKEYREJECTED: key was rejected by service, x',
      'EKEYREVOKED: key has been revoked, x',
      'EMULTIHOP: multihop attempted, x',
      'ENOKEY: required key not available, x',
      'ENOLCK: no locks available, x',
      'ENOLINK: link has been severed, x',
      'ENOMEDIUM: no medium found, x',
      'EREMOTE: object is remote, x',
      'ESTALE: stale file handle, x',
      'ETIME: timer expired, x',
      'EUCLEAN: structure needs cleaning, x',
      'E4711: system error 4711, x',
    ]);
  });

  it('by its errno, of either sign, is a failed call with its paths', () => {
    for (const errno of [13, -13]) {
      expect({ ...systemError(errno, 'rename', '/a', '/b') }).toEqual({
        code: 'EACCES',
        errno: -13,
        syscall: 'rename',
        path: '/a',
        dest: '/b',
      });
    }
    expect({ ...errors.namedSystemError('EAGAIN', 'connect', '/a') }).toMatchObject({ code: 'EAGAIN', path: '/a' });
    expect({ ...errors.namedSystemError('EADDRINUSE', 'bind', '/a') }).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('of Node, is one with its path; any other is as it is', () => {
    const node = Object.assign(new Error('spawn ENOENT'), { errno: -2, code: 'ENOENT' });
    expect({ ...errors.fromSystemError(node, 'spawn', '/a') }).toMatchObject({ code: 'ENOENT', errno: -2, path: '/a' });
    for (const other of [new Error('x'), Object.assign(new Error('x'), { errno: 'ENOENT' })]) {
      expect(errors.fromSystemError(other, 'spawn', '/a')).toBe(other);
    }
  });

  it('too long a path tells both lengths, and how many bytes are left for it', () => {
    const error = errors.pathTooLong('/a', 120, 104);
    expect({ ...error }).toEqual({ code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG', path: '/a', length: 120, limit: 104 });
    expect(error.message).toContain("'/a' is 120 bytes long, and a socket address holds 103 and a NUL");
  });

  it('a descriptor that a worker cannot take names the path that was not bound', () => {
    const fields = { code: 'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED', path: '/a' };
    expect({ ...errors.descriptorUnsupported('/a') }).toEqual(fields);
  });

  it('as Node says it: an abort with its reason, a server that listens, a permission', () => {
    const why = new Error('why');
    const aborted = errors.abortError(AbortSignal.abort(why));
    expect([aborted.name, aborted.cause, aborted.message]).toEqual(['AbortError', why, 'The operation was aborted']);
    expect({ ...aborted }).toMatchObject({ code: 'ABORT_ERR' });
    expect(errors.abortError().cause).toBeUndefined();
    expect({ ...errors.serverAlreadyListens() }).toEqual({ code: 'ERR_SERVER_ALREADY_LISTEN' });
    const denied = { code: 'ERR_ACCESS_DENIED', resource: '/a' };
    expect({ ...errors.accessDenied('/a', 'net') }).toEqual({ ...denied, permission: 'Net' });
    expect({ ...errors.accessDenied('/a', 'read') }).toEqual({ ...denied, permission: 'read' });
  });

  it('whatever was thrown is an Error, one of another realm as it is', () => {
    const foreign = vm.runInNewContext('new TypeError("foreign")') as Error;
    expect(errors.asError(foreign)).toBe(foreign);
    for (const thrown of ['text', 7, null, undefined, { message: 'no error' }]) {
      expect(errors.asError(thrown)).toBeInstanceOf(Error);
      expect(errors.asError(thrown).message).toBe(String(thrown));
    }
  });

  it('a wrong argument is shown by its type and value, in 128 characters at most', () => {
    expect(errors.invalidArgType('a', 'a string', undefined).message).toMatch(/must be a string\. Received undefined$/);
    expect(errors.invalidArgType('a', 'a string', null).message).toMatch(/Received null$/);
    expect(errors.invalidArgType('a', 'a string', 7).message).toMatch(/Received type number \(7\)$/);
    expect(errors.shorten('x'.repeat(126))).toBe(`'${'x'.repeat(126)}'`);
    expect(errors.shorten('x'.repeat(127))).toBe(`'${'x'.repeat(127)}…`);
    expect(errors.shorten({ a: { b: 1 } })).toBe('{ a: [Object] }');
  });

  it('a cause that is not there is no property, and no field is undefined', () => {
    const error = new BoxSocketsError('E', 'text', { path: undefined, cause: undefined, owner: 0 });
    expect({ ...error }).toEqual({ code: 'E', owner: 0 });
    expect(Object.keys(error).sort()).toEqual(['code', 'owner']);
    expect(Object.hasOwn(error, 'cause')).toBe(false);
  });
});
