import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoxSockets, type BoxSocketsOptions, type KrunDerivation } from '../dist/index.js';
import { dist, ownUid, run, tempDir } from './helpers.js';

const anything = (value: unknown) => value as never;
const refused = (code: 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE', ...words: string[]) =>
  expect.objectContaining({
    name: 'TypeError',
    code,
    message: expect.stringMatching(new RegExp(words.join('.*'), 's')),
  });
const make = (id: unknown, realDir: unknown = '/r', options?: unknown) =>
  new BoxSockets(anything(id), anything(realDir), anything(options));

describe('the paths of a box', () => {
  it('are <base>/bl-<uid>/<id>/<name>, for the caller and /tmp where nothing is said', () => {
    const box = new BoxSockets('b1', '/home/me/boxes/b1/sockets');
    const binding = `/tmp/bl-${ownUid}/b1`;
    expect({ ...box }).toEqual({
      boxId: 'b1',
      realDir: '/home/me/boxes/b1/sockets',
      parentDir: `/tmp/bl-${ownUid}`,
      bindingDir: binding,
    });
    expect(box.boxSock).toBe(`${binding}/box.sock`);
    expect(box.readySock).toBe(`${binding}/ready.sock`);
    expect(box.netBackendSock).toBe(`${binding}/net.sock`);
    expect(box.netControlSock).toBe(`${binding}/gvproxy-ctl.sock`);
    expect(box.netPeerSock).toBe(`${binding}/net.sock-krun.sock`);
    expect(box.socket('ssh.sock')).toBe(`${binding}/ssh.sock`);
  });

  it('do not follow TMPDIR, which differs between host and shim', () => {
    const print = 'console.log(new (require(process.argv[1]).BoxSockets)("b", "/r").bindingDir)';
    const env = { ...process.env, TMPDIR: '/var/tmp' };
    expect(run(process.execPath, ['-e', print, dist], { env })).toBe(`/tmp/bl-${ownUid}/b\n`);
  });

  it('take the uid of the host for the name of the parent', () => {
    expect(new BoxSockets('b', '/r', { uid: 0 }).parentDir).toBe('/tmp/bl-0');
    expect(new BoxSockets('b', '/r', { uid: 4294967294, base: '/x' }).bindingDir).toBe('/x/bl-4294967294/b');
  });

  it.each<[KrunDerivation, string | null, Record<string, string>]>([
    ['suffix', '/x/bl-7/b/net.sock-krun.sock', {}],
    ['none', null, {}],
    ['temp-dir', null, { TMPDIR: '/x/bl-7/b' }],
    [
      { scheme: 'suffix', suffix: '-k.sock', longestName: 'net.sock-k.sock', evidence: [] },
      '/x/bl-7/b/net.sock-k.sock',
      {},
    ],
  ])('follow the vendor: %j', (krun, netPeerSock, shimEnv) => {
    const box = new BoxSockets('b', '/r', { base: '/x', uid: 7, krun });
    expect(box.netPeerSock).toBe(netPeerSock);
    expect(box.shimEnv()).toEqual(shimEnv);
  });

  it('are what a sandbox must let through: real directory, binding, parent, their kinds stated', () => {
    expect(new BoxSockets('b', '/r', { base: '/x', uid: 7 }).policyPaths()).toEqual([
      { path: '/r', writable: true, kind: 'directory' },
      { path: '/x/bl-7/b', writable: true, kind: 'directory', linkTo: '/r' },
      { path: '/x/bl-7', writable: false, kind: 'directory' },
    ]);
  });

  it('are strings whatever the path was given as', () => {
    const real = '/home/mé/boxes/b 1/sockets';
    for (const given of [real, Buffer.from(real), new Uint8Array(Buffer.from(real)), pathToFileURL(real)]) {
      expect(make('b', given).realDir).toBe(real);
    }
    expect(make('b', '/r', { base: Buffer.from('/x') }).parentDir).toBe(`/x/bl-${ownUid}`);
    expect(make('b', '/r', { base: new URL('file:///x') }).parentDir).toBe(`/x/bl-${ownUid}`);
  });

  it.each([
    ['/a/b/', '/a/b'],
    ['//a//./b/.', '/a/b'],
    ['/', '/'],
    ['/../../a', '/a'],
    ['/a/../b', '/a/../b'],
    ['/a/b/..', '/a/b/..'],
    ['/a/./../b//', '/a/../b'],
  ])('keep %s as %s: behind a name, .. may lead anywhere', (given, realDir) => {
    expect(make('b', given).realDir).toBe(realDir);
  });

  it.each([
    ['a', '<cwd>/a'],
    ['./a/', '<cwd>/a'],
    ['.', '<cwd>'],
    ['..', '<above>'],
    ['../a', '<above>/a'],
    ['a/..', '<cwd>/a/..'],
  ])('of a relative directory (%s) are resolved at once against the working directory', (given, expected) => {
    const realDir = expected.replace('<cwd>', process.cwd()).replace('<above>', path.dirname(process.cwd()));
    expect(make('b', given).realDir).toBe(realDir);
  });

  it('of an absolute directory need no working directory; a relative one fails as Node does where that is gone', () => {
    const script = `const { BoxSockets } = require(process.argv[1]);
      const fs = require('node:fs');
      fs.mkdirSync('gone');
      process.chdir('gone');
      fs.rmdirSync('../gone');
      console.log(new BoxSockets('b', '/r').realDir);
      try { new BoxSockets('b', 'r'); } catch ({ code, syscall }) { console.log(code, syscall); }`;
    const output = run(process.execPath, ['-e', script, dist], { cwd: tempDir() });
    expect(output).toBe('/r\nENOENT uv_cwd\n');
  });

  it('keep their meaning where .. follows a symlink', () => {
    const directory = tempDir();
    fs.mkdirSync(path.join(directory, 'far/away/sockets'), { recursive: true });
    fs.mkdirSync(path.join(directory, 'far/sockets'));
    fs.mkdirSync(path.join(directory, 'sockets'));
    fs.symlinkSync('far/away', path.join(directory, 'link'));
    const box = new BoxSockets('b', `${directory}/link/../sockets`, { base: directory });
    box.ensureSync();
    expect(fs.realpathSync.native(box.bindingDir)).toBe(fs.realpathSync.native(path.join(directory, 'far/sockets')));
  });

  it('cannot be changed into others by whoever holds the options', () => {
    const names: { name: string; type: 'stream' | 'dgram' }[] = [{ name: 'ssh.sock', type: 'stream' }];
    const options: BoxSocketsOptions = { base: '/x', uid: 7, names };
    const box = new BoxSockets('b', '/r', options);
    const before = box.budget();
    options.base = '/y';
    names[0] = { name: 'x'.repeat(64), type: 'dgram' };
    names.push({ name: 'y'.repeat(64), type: 'dgram' });
    expect(box.budget()).toEqual(before);
    expect(box.bindingDir).toBe('/x/bl-7/b');
  });
});

describe('an id', () => {
  it.each(['a', '0', '-', '_', '-rf', 'A_b-9', 'x'.repeat(128), 'fedora-40.1', 'web@1', 'a.b', 'a..', 'a:b=c+d'])(
    'may be %s',
    (id) => {
      expect(make(id).boxId).toBe(id);
    },
  );

  it.each([
    '',
    'x'.repeat(129),
    'a/b',
    '/',
    '.',
    '..',
    '.a',
    '@a',
    '+a',
    ':a',
    '=a',
    'a,b',
    'a~',
    'a\0',
    '\0',
    'a b',
    ' ',
    'a\n',
    '📦',
    'é',
    'а',
    '\ud83d',
    'a\udc00b',
  ])('may not be %j', (id) => {
    expect(() => make(id)).toThrow(refused('ERR_INVALID_ARG_VALUE', 'boxId', '1 to 128'));
  });

  it.each([undefined, null, 1, 1n, true, [], ['a'], {}, () => 'a', Symbol('a'), Object('a')])(
    'may not be a %o at all',
    (id) => {
      expect(() => make(id)).toThrow(refused('ERR_INVALID_ARG_TYPE', 'boxId', 'must be a string'));
    },
  );
});

describe('a real directory', () => {
  it.each([
    ['nothing', ''],
    ['a NUL', '/a\0b'],
    ['a NUL in a Buffer', Buffer.from('/a\0b')],
    ['a NUL in a URL', new URL('file:///a%00b')],
    ['half a character', '/a\ud83db'],
    ['the other half', '/\udc00'],
    ['invalid UTF-8', Buffer.from([0x2f, 0xff, 0xfe])],
    ['an overlong slash', Buffer.from([0xc0, 0xaf])],
    ['a surrogate in UTF-8', Buffer.from([0x2f, 0xed, 0xa0, 0x80])],
    ['a cut character', Buffer.from('/é').subarray(0, 2)],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a URL of the web', new URL('https://example.org/a')],
    ['a URL of another host', new URL('file://other/a')],
    ['an encoded slash in a URL', new URL('file:///a%2Fb')],
    ['invalid UTF-8 in a URL', new URL('file:///a%FF')],
  ])('may not be %s', (_, realDir) => {
    expect(() => make('b', realDir)).toThrow(refused('ERR_INVALID_ARG_VALUE', 'realDir'));
  });

  it.each([undefined, null, 1, true, {}, [], ['/a'], Symbol('/a'), new ArrayBuffer(2), Object('/a')])(
    'may not be a %o at all',
    (realDir) => {
      expect(() => new BoxSockets('b', anything(realDir))).toThrow(refused('ERR_INVALID_ARG_TYPE', 'realDir'));
    },
  );

  it('may not be the binding, which would lead to itself', () => {
    expect(() => make('b', '/x/bl-7//b/', { base: '/x', uid: 7 })).toThrow(refused('ERR_INVALID_ARG_VALUE', 'realDir'));
    expect(make('b', '/x/bl-7/c', { base: '/x', uid: 7 }).realDir).toBe('/x/bl-7/c');
  });

  it('may be of any length: only an operation looks at it', () => {
    expect(make('b', `/${'x'.repeat(100_000)}`).realDir).toHaveLength(100_001);
  });
});

describe('an option', () => {
  it.each([
    ['base', '', 'ERR_INVALID_ARG_VALUE'],
    ['base', 'relative', 'ERR_INVALID_ARG_VALUE'],
    ['base', './x', 'ERR_INVALID_ARG_VALUE'],
    ['base', '/a\0', 'ERR_INVALID_ARG_VALUE'],
    ['base', '/\ud800', 'ERR_INVALID_ARG_VALUE'],
    ['base', null, 'ERR_INVALID_ARG_TYPE'],
    ['base', 7, 'ERR_INVALID_ARG_TYPE'],
    ['uid', -1, 'ERR_INVALID_ARG_VALUE'],
    ['uid', 1.5, 'ERR_INVALID_ARG_VALUE'],
    ['uid', Number.NaN, 'ERR_INVALID_ARG_VALUE'],
    ['uid', Number.POSITIVE_INFINITY, 'ERR_INVALID_ARG_VALUE'],
    ['uid', 2 ** 32 - 1, 'ERR_INVALID_ARG_VALUE'],
    ['uid', '0', 'ERR_INVALID_ARG_TYPE'],
    ['uid', 0n, 'ERR_INVALID_ARG_TYPE'],
    ['uid', null, 'ERR_INVALID_ARG_TYPE'],
    ['krun', 'suffix2', 'ERR_INVALID_ARG_VALUE'],
    ['krun', 1, 'ERR_INVALID_ARG_TYPE'],
    ['names', 'ssh.sock', 'ERR_INVALID_ARG_TYPE'],
    ['names', null, 'ERR_INVALID_ARG_TYPE'],
    ['names', {}, 'ERR_INVALID_ARG_TYPE'],
    ['names', [7], 'ERR_INVALID_ARG_TYPE'],
    ['names', [null], 'ERR_INVALID_ARG_TYPE'],
    ['names', [{}], 'ERR_INVALID_ARG_TYPE'],
    ['names', [{ name: 'a', derives: '.x' }], 'ERR_INVALID_ARG_TYPE'],
    ['names', [{ name: 'a', derives: [7] }], 'ERR_INVALID_ARG_TYPE'],
    ['names', [{ name: 'a', derives: ['/x'] }], 'ERR_INVALID_ARG_VALUE'],
    ['names', [{ name: 'a', derives: ['x'.repeat(100)] }], 'ERR_INVALID_ARG_VALUE'],
    ['names', [{ name: 'a', typ: 'dgram' }], 'ERR_INVALID_ARG_VALUE'],
    ['standardNames', 0, 'ERR_INVALID_ARG_TYPE'],
    ['standardNames', null, 'ERR_INVALID_ARG_TYPE'],
    ['names', ['ok.sock', '../x'], 'ERR_INVALID_ARG_VALUE'],
    ['names', [{ name: 'ssh.sock', type: 'udp' }], 'ERR_INVALID_ARG_VALUE'],
    ['names', [{ name: 'ssh.sock', type: null }], 'ERR_INVALID_ARG_VALUE'],
  ] as const)('%s may not be %o', (option, value, code) => {
    expect(() => make('b', '/r', { [option]: value })).toThrow(refused(code, option));
  });

  it.each([null, 1, 'x', true, () => ({})])('list may not be %o', (options) => {
    expect(() => make('b', '/r', options)).toThrow(refused('ERR_INVALID_ARG_TYPE', 'options'));
  });

  it.each([
    ['bse', "did you mean 'base'"],
    ['Base', "did you mean 'base'"],
    ['standardName', "did you mean 'standardNames'"],
    ['parent', 'there are base, uid'],
    ['toString', 'there are base, uid'],
  ])('that is none, %s, is refused with the nearest that is one', (option, hint) => {
    expect(() => make('b', '/r', { [option]: undefined })).toThrow(refused('ERR_INVALID_ARG_VALUE', option, hint));
  });

  it('left undefined is one that was left out', () => {
    const given = make('b', '/r', { base: undefined, uid: undefined, krun: undefined, names: undefined });
    expect(given.budget()).toEqual(new BoxSockets('b', '/r').budget());
  });
});

describe('socket()', () => {
  const box = new BoxSockets('b', '/r', { base: '/x', uid: 7 });

  const NAMES = [
    'a',
    '-',
    'bus',
    'X0',
    'qmp',
    '.s.PGSQL.5432',
    '.bp.sock',
    'cm-user@host:22',
    '...',
    '~',
    'ähm.sock',
    'a bc',
  ];
  it.each([...NAMES, `${'0f'.repeat(32)}.sock`, 'é'.repeat(50), 'x'.repeat(100)])('takes %s', (name) => {
    expect(box.socket(name)).toBe(`/x/bl-7/b/${name}`);
  });

  const REFUSED = ['', '.', '..', '../x', 'a/b.sock', 'a\0bc', 'abcd\n', 'a\x7f', 'a\x85', '.~', '.~abc', '\ud800x'];
  it.each([...REFUSED, 'x'.repeat(101), 'é'.repeat(51)])('refuses %j', (name) => {
    expect(() => box.socket(name)).toThrow(refused('ERR_INVALID_ARG_VALUE', 'name', '1 to 100'));
  });

  it.each([undefined, null, 5, {}, ['abcd']])('refuses a %o', (name) => {
    expect(() => box.socket(anything(name))).toThrow(refused('ERR_INVALID_ARG_TYPE', 'name'));
  });
});

describe('arguments of another realm', () => {
  const other = vm.createContext({});
  const of = (code: string): never => vm.runInContext(code, other) as never;

  it('are what they are here: bytes and URLs', () => {
    class ForeignUrl {
      get href() {
        return 'file:///r';
      }
      get protocol() {
        return 'file:';
      }
    }
    expect(make('b', of('Uint8Array.from([0x2f, 0x72])')).realDir).toBe('/r');
    expect(make('b', new ForeignUrl()).realDir).toBe('/r');
    expect(() => make('b', of('({ href: 7 })'))).toThrow(refused('ERR_INVALID_ARG_TYPE', 'realDir'));
    expect(() => make('b', { href: 'file:///r', protocol: 'file:', path: '/r', auth: null })).toThrow(
      refused('ERR_INVALID_ARG_TYPE', 'realDir'),
    );
  });

  it('in a context without URL and AbortSignal, the package works all the same', () => {
    const source = fs.readFileSync(dist.endsWith('.js') ? dist : path.join(dist, 'index.js'), 'utf8');
    const context = vm.createContext({ Buffer, process, Uint8Array });
    const load = vm.runInContext(`(function (require, module, exports, __dirname) {${source}\n})`, context);
    const module = { exports: {} as typeof import('../dist/index.js') };
    load(createRequire(dist), module, module.exports, path.dirname(dist));
    const base = tempDir();
    const box = new module.exports.BoxSockets('b', Buffer.from(base), { base });
    expect(box.ensureSync().status).toBe('created');
    expect(() => new module.exports.BoxSockets('b', anything({}))).toThrow('must be a string, a Buffer');
  });
});

describe('idFor', () => {
  it('is readable, ends in a hash, and never changes', () => {
    expect(BoxSockets.idFor('/home/me/projects/shop/test/postgres')).toBe('shop-test-postgres-p5xig7kx74pu');
    expect(BoxSockets.idFor('')).toBe('4oymiquy7qob');
    expect(BoxSockets.idFor('box1')).toMatch(/^box1-[a-z2-7]{12}$/);
  });

  it('is an id of at most 32 bytes, of any text, and another one of another text', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const id = BoxSockets.idFor(text);
        expect(new BoxSockets(id, '/r').boxId).toBe(id);
        expect(id).toMatch(/^[a-z0-9-]{12,32}$/);
        expect(seen.get(id) ?? text).toBe(text);
        seen.set(id, text);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is of texts alone', () => {
    expect(() => BoxSockets.idFor(anything(Buffer.from('a')))).toThrow(refused('ERR_INVALID_ARG_TYPE', 'text'));
    expect(() => BoxSockets.idFor('\ud800')).toThrow(refused('ERR_INVALID_ARG_VALUE', 'text'));
  });
});

describe('any string at all', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('/', '.', 'a', '\0', '\ud800', 'é') }),
  );
  const isWellFormed = (value: string): boolean => Buffer.from(value).toString() === value;
  const documented = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE'];
  /** What `action` returned, or undefined where it threw a TypeError of a documented code. */
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      expect(documented).toContain((error as { code?: unknown }).code);
      return undefined;
    }
  };

  it('as an id is refused, or names the binding', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.stringMatching(/^[A-Za-z0-9_.@+:=-]{0,140}$/)), (id) => {
        const box = attempt(() => make(id, '/r', { base: '/x', uid: 7 }));
        expect(box !== undefined).toBe(/^(?![.@+:=])[A-Za-z0-9_.@+:=-]{1,128}$/.test(id));
        if (box !== undefined) expect(box.bindingDir).toBe(`/x/bl-7/${id}`);
      }),
      { numRuns: 10_000 },
    );
  });

  it('as a socket name is refused, or lies right below the binding', () => {
    const box = new BoxSockets('b', '/r', { base: '/x', uid: 7 });
    fc.assert(
      fc.property(fc.oneof(text, fc.stringMatching(/^[A-Za-z0-9._~ -]{0,110}$/)), (name) => {
        const socket = attempt(() => box.socket(name));
        const bytes = Buffer.byteLength(name);
        const isFile = !/^\.{0,2}$|^\.~|[/\p{Cc}]/u.test(name) && isWellFormed(name) && bytes <= 100;
        expect(socket !== undefined).toBe(isFile);
        if (socket !== undefined) expect(path.dirname(path.normalize(socket))).toBe('/x/bl-7/b');
      }),
      { numRuns: 10_000 },
    );
  });

  it('as a path is refused, or leads where it led, in one absolute spelling', () => {
    fc.assert(
      fc.property(text, (realDir) => {
        const box = attempt(() => make('b', realDir));
        const valid = realDir !== '' && !realDir.includes('\0') && isWellFormed(realDir);
        expect(box !== undefined).toBe(valid);
        if (box === undefined) return;
        // Where .. is behind no link, Node's own resolution comes to the same.
        expect(path.resolve(box.realDir)).toBe(path.resolve(realDir));
        expect(box.realDir).toMatch(/^\/$|^(\/[^/]+)+$/);
        expect(box.realDir.split('/')).not.toContain('.');
        expect(make('b', Buffer.from(realDir)).realDir).toBe(box.realDir);
        expect(make('b', box.realDir).realDir).toBe(box.realDir);
      }),
      { numRuns: 10_000 },
    );
  });

  it('as a base is refused, or is what the parent lies in', () => {
    fc.assert(
      fc.property(text, (base) => {
        const box = attempt(() => make('b', '/r', { base, uid: 7 }));
        expect(box !== undefined).toBe(base.startsWith('/') && !base.includes('\0') && isWellFormed(base));
        if (box !== undefined) expect(path.resolve(box.parentDir)).toBe(path.resolve(base, 'bl-7'));
      }),
      { numRuns: 10_000 },
    );
  });
});
