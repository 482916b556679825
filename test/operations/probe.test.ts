import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets, sunPathLimit } from '../../dist/index.js';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { failure, replaceNative } from '../helpers/addon.js';
import {
  dist,
  fixtures,
  holdSockets,
  isRoot,
  leaveDeadSocket,
  listen,
  makeWorld,
  missingPython,
  missingTool,
  promise,
  rejection,
  run,
  snapshot,
  tempDir,
  twins,
  usedWorld,
} from '../helpers.js';

const NET = process.platform === 'darwin' ? 'dgram' : 'stream';

describe.each(twins)('probe ($name)', (twin) => {
  it('reports every name of the budget, and leaves nothing behind', async () => {
    const world = usedWorld();
    const box = world.box('b', undefined, { names: ['ssh.sock', { name: 'log.sock', type: 'dgram' }] });
    box.ensureSync();
    const before = Object.keys(snapshot(world.base));
    const { sockets, ...rest } = await twin.probe(box);
    expect(rest).toEqual({ ok: true, bindingDir: box.bindingDir });
    expect(sockets).toEqual(
      box.budget().sockets.map(({ name, path: file, bytes, type }) => ({
        name,
        path: file,
        bytes,
        type,
        limit: process.platform === 'linux' ? 108 : 104,
        ok: true,
      })),
    );
    expect(sockets.map(({ type }) => type)).toEqual(['stream', 'stream', NET, 'stream', 'dgram', 'stream', 'dgram']);
    expect(Object.keys(snapshot(world.base))).toEqual(before);
  });

  it('touches no live socket, and none of the files in the real directory', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const seen = await listen(box.boxSock);
    fs.writeFileSync(path.join(box.realDir, 'ready.sock'), 'a file');
    const { [box.realDir]: _, ...before } = snapshot(box.realDir);
    expect(await twin.probe(box)).toMatchObject({ ok: true });
    expect(snapshot(box.realDir)).toMatchObject(before);
    expect(fs.readdirSync(box.realDir).sort()).toEqual(['box.sock', 'ready.sock']);
    expect(seen.connections).toBe(0);
  });

  it('does not make the binding: a missing one is what it reports', async () => {
    const world = makeWorld();
    const box = world.box('b');
    const report = await twin.probe(box);
    expect(report.ok).toBe(false);
    for (const socket of report.sockets) {
      expect(socket).toMatchObject({
        ok: false,
        code: 'ENOENT',
        syscall: 'bind',
        path: `${box.bindingDir}/${socket.name}`,
      });
      expect(socket.message).toBe(`ENOENT: no such file or directory, bind '${socket.path}'`);
    }
    expect(fs.existsSync(world.parent)).toBe(false);
  });

  it('says so where the real directory is missing', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    fs.rmSync(box.realDir, { recursive: true });
    const { ok, sockets } = await twin.probe(box);
    expect(ok).toBe(false);
    for (const socket of sockets) expect(socket).toMatchObject({ ok: false, code: 'ENOENT' });
  });

  it('makes nothing in the directory of another home to which the binding leads', async () => {
    const world = usedWorld();
    const theirs = world.box('b', 'theirs');
    theirs.ensureSync();
    const box = world.box('b');
    const before = snapshot(world.base);
    const { ok, sockets } = await twin.probe(box);
    expect(ok).toBe(false);
    for (const socket of sockets) {
      expect(socket).toMatchObject({
        code: 'ERR_BOX_SOCKETS_MISPLACED',
        message: expect.stringMatching(/Call ensure/),
      });
    }
    expect(snapshot(world.base)).toEqual(before);
  });

  it('tells which names are too long, and binds the others', async () => {
    const world = makeWorld();
    const fitting = 108 - `${world.parent}//ready.sock`.length;
    const box = world.box('x'.repeat(fitting));
    fs.mkdirSync(world.parent, { mode: 0o700 });
    fs.symlinkSync(box.realDir, box.bindingDir);
    const { sockets } = await twin.probe(box);
    const linux = process.platform === 'linux';
    expect(sockets.map(({ name, ok, code }) => [name, ok, code])).toEqual([
      ['box.sock', linux, linux ? undefined : 'ENAMETOOLONG'],
      ['ready.sock', linux, linux ? undefined : 'ENAMETOOLONG'],
      ['net.sock', linux, linux ? undefined : 'ENAMETOOLONG'],
      ['gvproxy-ctl.sock', false, 'ENAMETOOLONG'],
      ['net.sock-krun.sock', false, 'ENAMETOOLONG'],
    ]);
    expect(sockets[4]).toMatchObject({ bytes: 116, syscall: 'bind' });
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  it('removes what a killed probe left, and no socket that is held or no stand-in', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const file = (name: string): string => path.join(box.realDir, name);
    for (const name of ['.~abcdefg', '.~ABCDEFG01', '.~abc-efg', '.abcdefgh', 'abcdefgh']) leaveDeadSocket(file(name));
    const seen = await listen(file('.~heldone'));
    fs.writeFileSync(file('.~afile00'), '');
    fs.symlinkSync('.~abcdefg', file('.~alink00'));
    expect(await twin.probe(box)).toMatchObject({ ok: true });
    expect(fs.readdirSync(box.realDir).sort()).toEqual(
      ['.~abc-efg', '.abcdefgh', '.~afile00', '.~alink00', '.~heldone', 'abcdefgh'].sort(),
    );
    expect(seen.connections).toBe(0);
  });

  it('cleans up after probes that were killed in the middle', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const program = `const { BoxSockets } = require(${JSON.stringify(dist)});
      const box = new BoxSockets('b', process.argv[1], { base: process.argv[2] });
      box.probeSync(); process.stdout.write('x'); for (;;) box.probeSync();`;
    for (let i = 0; i < 5; i++) {
      const child = spawn(process.execPath, ['-e', program, box.realDir, world.base], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
    }
    expect(await twin.probe(box)).toMatchObject({ ok: true });
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  it('may run many times at once', async () => {
    const world = usedWorld();
    const box = world.box('b');
    box.ensureSync();
    const reports = await Promise.all(Array.from({ length: 40 }, () => twin.probe(box)));
    expect(reports.filter(({ ok }) => !ok)).toEqual([]);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });
});

describe('probe, of many names', () => {
  const missing = process.platform === 'linux' ? missingTool('strace', ['-o', '/dev/null', 'true']) : 'not Linux';

  promise(missing, 'makes each socket of the type that its owner makes', () => {
    const world = usedWorld();
    const names = Array.from({ length: 70 }, (_, i) => ({ name: `name${i}.sock`, type: i >= 60 ? 'dgram' : 'stream' }));
    const box = { id: 'b', realDir: world.realDir('b'), options: { base: world.base, names } };
    world.box('b').ensureSync();
    const calls = [{ box, method: 'probeSync' }];
    const trace = path.join(world.base, 'trace');
    const task = JSON.stringify({ dist, calls });
    const child = [process.execPath, path.join(fixtures, 'call.js'), task];
    const output = run('strace', ['-o', trace, '-e', 'trace=socket', ...child]);
    expect(JSON.parse(output)).toMatchObject([{ result: { ok: true } }]);
    const made = fs.readFileSync(trace, 'utf8');
    // Two ends each: four declared streams and 60 more, the derived datagram socket and ten more.
    expect(made.match(/AF_UNIX, SOCK_STREAM/g)).toHaveLength(2 * 64);
    expect(made.match(/AF_UNIX, SOCK_DGRAM/g)).toHaveLength(2 * 11);
  });
});

describe.each(twins)('probeSocketPath ($name)', (twin) => {
  describe.each(['stream', 'dgram'] as const)('of a %s socket', (type) => {
    it('binds at a free path of any length that fits, and leaves nothing', async () => {
      const directory = tempDir();
      const longest = process.platform === 'linux' ? 108 : 103;
      for (const bytes of [directory.length + 2, directory.length + 5, 103, longest]) {
        const file = `${directory}/${'x'.repeat(bytes - directory.length - 1)}`;
        expect(await twin.probeSocketPath(file, { type })).toEqual({
          path: file,
          type,
          bytes,
          limit: process.platform === 'linux' ? 108 : 104,
          ok: true,
          nodeTruncates: false,
        });
      }
      expect(fs.readdirSync(directory)).toEqual([]);
    });

    it('tells why not: too long, no such directory, in use', async () => {
      const directory = tempDir();
      const probe = (file: string) => twin.probeSocketPath(file, { type });
      const long = `${directory}/${'x'.repeat(109 - directory.length - 1)}`;
      expect(await probe(long)).toMatchObject({ ok: false, code: 'ENAMETOOLONG', bytes: 109, syscall: 'bind' });
      const nowhere = `/nonexistent/${'x'.repeat(200)}`;
      expect(await probe(nowhere)).toMatchObject({ ok: false, code: 'ENAMETOOLONG' });
      expect(await probe(`${directory}/no/a.sock`)).toMatchObject({ ok: false, code: 'ENOENT' });
      fs.writeFileSync(`${directory}/file`, 'precious');
      expect(await probe(`${directory}/file/a.sock`)).toMatchObject({ ok: false, code: 'ENOTDIR' });
      fs.symlinkSync('nowhere', `${directory}/link`);
      fs.symlinkSync('loop', `${directory}/loop`);
      expect(await probe(`${directory}/loop/a.sock`)).toMatchObject({ ok: false, code: 'ELOOP' });
      const before = snapshot(`${directory}/file`);
      for (const existing of ['file', 'link', 'loop', '.', '..']) {
        expect(await probe(`${directory}/${existing}`)).toEqual({
          path: `${directory}/${existing}`,
          type,
          bytes: directory.length + 1 + existing.length,
          limit: process.platform === 'linux' ? 108 : 104,
          ok: false,
          code: 'EADDRINUSE',
          syscall: 'bind',
          message: `EADDRINUSE: address already in use, bind '${directory}/${existing}'`,
          held: false,
          nodeTruncates: false,
        });
      }
      expect(snapshot(`${directory}/file`)).toEqual(before);
      expect(fs.readdirSync(directory).sort()).toEqual(['file', 'link', 'loop']);
    });
  });

  it('tells a held socket from a dead one, and wakes nobody', async () => {
    const directory = tempDir();
    const seen = await listen(`${directory}/live.sock`);
    leaveDeadSocket(`${directory}/dead.sock`);
    expect(await twin.probeSocketPath(`${directory}/live.sock`)).toMatchObject({ code: 'EADDRINUSE', held: true });
    expect(await twin.probeSocketPath(`${directory}/dead.sock`)).toMatchObject({ code: 'EADDRINUSE', held: false });
    expect(seen.connections).toBe(0);
  });

  promise(missingPython, 'knows held datagram sockets, connected ones too', async () => {
    const directory = tempDir();
    const [a, b] = [`${directory}/a.sock`, `${directory}/b.sock`];
    const holder = await holdSockets({ path: a, type: 'dgram' }, { path: b, type: 'connected-dgram' });
    for (const file of [a, b])
      expect(await twin.probeSocketPath(file)).toMatchObject({ code: 'EADDRINUSE', held: true });
    await holder.end();
    for (const file of [a, b])
      expect(await twin.probeSocketPath(file)).toMatchObject({ code: 'EADDRINUSE', held: false });
  });

  const noSockets = process.platform === 'linux' && isRoot ? null : 'not root on Linux';
  promise(noSockets, 'tells a file system that has no sockets (sysfs)', async () => {
    expect(await twin.probeSocketPath('/sys/kernel/a.sock')).toMatchObject({
      ok: false,
      code: 'EPERM',
      syscall: 'bind',
    });
  });

  it('takes a path as it stands, of any characters', async () => {
    const directory = fs.realpathSync(tempDir());
    const relative = path.relative(process.cwd(), `${directory}/rel.sock`);
    expect(await twin.probeSocketPath(relative)).toMatchObject({ path: relative, ok: true, bytes: relative.length });
    expect(await twin.probeSocketPath(`${directory}//./😀.sock`)).toMatchObject({ ok: true });
    expect(await twin.probeSocketPath(Buffer.from(`${directory}/a`))).toMatchObject({
      path: `${directory}/a`,
      ok: true,
    });
    expect(await twin.probeSocketPath(new URL(`file://${directory}/a%20b`))).toMatchObject({
      path: `${directory}/a b`,
    });
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['', 'ERR_INVALID_ARG_VALUE'],
    ['/a\0b', 'ERR_INVALID_ARG_VALUE'],
    ['/\ud800', 'ERR_INVALID_ARG_VALUE'],
    [Buffer.from([0xff]), 'ERR_INVALID_ARG_VALUE'],
    [new URL('http://a/b'), 'ERR_INVALID_ARG_VALUE'],
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [7, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses the path %j', async (file, code) => {
    expect(await rejection(twin.probeSocketPath(file as never))).toMatchObject({ name: 'TypeError', code });
  });

  it('refuses a type that is none', async () => {
    const error = await rejection(twin.probeSocketPath('/tmp/a', { type: 'udp' } as never));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe.each(twins)('what a probe makes of what the addon found ($name)', (twin) => {
  const denied = failure({ errno: os.constants.errno.EACCES, syscall: 'bind', subject: Subject.socket });
  const elsewhere = failure({ refusal: Refusal.misplaced, subject: Subject.socket });

  it('is fine where every name is, and says of each that is not why', async () => {
    const box = makeWorld().box('b', 'home', { names: ['a', 'c', 'd'], standardNames: false });
    const path = (name: string): string => `${box.bindingDir}/${name}`;
    const failures = [denied, null, elsewhere];
    replaceNative({ probe: () => failures, probeAsync: async () => failures });
    const { ok, sockets } = await twin.probe(box);
    expect(ok).toBe(false);
    const { capacity: limit } = sunPathLimit();
    const common = { type: 'stream', bytes: path('a').length, limit };
    expect(sockets).toEqual([
      {
        ...common,
        name: 'a',
        path: path('a'),
        ok: false,
        code: 'EACCES',
        syscall: 'bind',
        message: `EACCES: permission denied, bind '${path('a')}'`,
      },
      { ...common, name: 'c', path: path('c'), ok: true },
      {
        ...common,
        name: 'd',
        path: path('d'),
        ok: false,
        code: 'ERR_BOX_SOCKETS_MISPLACED',
        message: expect.stringContaining(`'${path('d')}' does not lead to`),
      },
    ]);
  });

  it('of a path tries other stand-ins where one is taken, 16 at most', async () => {
    const taken = failure({ errno: os.constants.errno.EADDRINUSE, syscall: 'bind', subject: Subject.socket });
    for (const free of [3, 16, 17]) {
      const standIns: string[] = [];
      const probePath = ({ standIn }: { standIn: string }) => {
        standIns.push(standIn);
        return { failure: standIns.length < free ? taken : null, judgement: 3, reason: 0, errno: 0 };
      };
      replaceNative({ probePath, probePathAsync: async (request) => probePath(request) });
      const found = await twin.probeSocketPath('/x/some.sock');
      expect(standIns).toHaveLength(Math.min(free, 16));
      expect(new Set(standIns).size).toBeGreaterThan(1);
      expect(found).toMatchObject(free <= 16 ? { ok: true } : { ok: false, code: 'EADDRINUSE', syscall: 'bind' });
      // It is the stand-in that is taken: nothing is known of the path itself.
      expect(found).not.toHaveProperty('held');
    }
  });

  it('of a path that cannot be bound is why, whatever stands there', async () => {
    const answer = { failure: denied, judgement: 1, reason: 0, errno: 0 };
    replaceNative({ probePath: () => answer, probePathAsync: async () => answer });
    const found = await twin.probeSocketPath('/x/some.sock');
    expect(found).toMatchObject({ ok: false, code: 'EACCES' });
    expect(found).not.toHaveProperty('held');
  });

  it('of a path at which something stands is who holds it, and why that is not known', async () => {
    const answer = { failure: null, judgement: 2, reason: 1, errno: os.constants.errno.EACCES };
    replaceNative({ probePath: () => answer, probePathAsync: async () => answer });
    expect(await twin.probeSocketPath('/x/some.sock')).toMatchObject({
      ok: false,
      code: 'EADDRINUSE',
      held: 'unknown',
      reason: 'EACCES when it was asked',
    });
  });
});

describe('a probe', () => {
  it('answers the same for a name and for its path', () => {
    const world = usedWorld();
    const box = new BoxSockets('b', world.realDir('b'), { base: world.base });
    box.ensureSync();
    for (const { name: _, ...socket } of box.probeSync().sockets) {
      expect(socket).toEqual({ ...socket, ok: true });
    }
  });
});
