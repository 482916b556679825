// Each behaviour in which XNU differs from Linux (host/rules.h, with the source of each), and what our code does under
// it. A rule whose test does not meet it, or that has no test, is a failure.

import { afterAll, describe, expect, it } from 'vitest';
import { ARCHS, missingMac, type Outcome, run, type Scene, type Setting } from './mac.js';
import { rawRules } from './raw.js';

/** Of rules.h; the host tells it. */
interface Rule {
  readonly name: string;
  readonly what: string;
}

describe.each(ARCHS)('under XNU, on %s', (arch) => {
  const missing = missingMac(arch);
  const tested = new Set<string>();

  function rule<T>(
    name: string,
    promise: string,
    body: (scene: Scene) => T | Promise<T>,
    check: (outcome: Outcome<T>) => void,
    { meets = true, ...setting }: Omit<Setting, 'arch'> & { meets?: boolean } = {},
  ): void {
    tested.add(name);
    it.skipIf(missing !== null)(`${name}: ${promise}`, () => {
      const outcome = run({ arch, ...setting }, body);
      check(outcome);
      // Where the rule is harmful, the promise is that our code never meets it.
      if (meets) expect(outcome.taken[name]).toBeGreaterThan(0);
      else expect(outcome.taken[name]).toBe(0);
    });
  }

  rule(
    'AddressLength',
    'a probe stops at 103 bytes, as sunPathLimit does; the kernel takes 253',
    ({ B, directory }) => {
      const at = (bytes: number) => `${directory}/${'p'.repeat(bytes - directory.length - 1)}`;
      const probe = (bytes: number) => B.probeSocketPathSync(at(bytes)).code ?? 'ok';
      return [B.sunPathLimit().maxBytes, probe(103), probe(104), probe(253), B.measureSunPathLimitSync(directory)];
    },
    ({ result }) => {
      expect(result).toEqual([103, 'ok', 'ENAMETOOLONG', 'ENAMETOOLONG', { declared: 104, measured: 253 }]);
    },
  );

  const plantedLink = async ({ B, fs, net, path, directory }: Scene) => {
    const realDir = path.join(directory, 'home/b/sockets');
    const outside = path.join(directory, 'outside');
    for (const each of [realDir, outside]) fs.mkdirSync(each, { recursive: true });
    const box = new B.BoxSockets('b', realDir, { base: directory });
    fs.symlinkSync(path.join(outside, 'planted'), path.join(realDir, 'box.sock'));
    const code = await box.listen(net.createServer(), 'box.sock').then(
      () => 'bound',
      (error) => error.code,
    );
    return { code, outside: fs.readdirSync(outside), inside: fs.readdirSync(realDir) };
  };
  const nothingMade = ({ result }: Outcome<Awaited<ReturnType<typeof plantedLink>>>) => {
    expect(result).toEqual({ code: 'EADDRINUSE', outside: [], inside: ['box.sock'] });
  };
  rule('BindFollows', 'listen makes nothing where a planted link leads', plantedLink, nothingMade, { meets: false });

  rule(
    'RenameExclusive',
    'listen serves where a volume cannot rename exclusively, and replaces nothing',
    async (scene) => {
      const { B, fs, net, path, directory } = scene;
      const realDir = path.join(directory, 'home/c/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const server = net.createServer();
      await new B.BoxSockets('c', realDir, { base: directory }).listen(server, 'box.sock');
      const made = fs.readdirSync(realDir);
      await new Promise((resolve) => server.close(resolve));
      return { made, left: fs.readdirSync(realDir) };
    },
    ({ result }) => {
      expect(result).toEqual({ made: ['box.sock'], left: [] });
    },
    { env: { DARWIN_NO_RENAME_EXCL: '1' } },
  );

  rule(
    'BindMode',
    'a socket has its mode before it has its name',
    async ({ B, fs, net, path, directory }) => {
      process.umask(0);
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      await new B.BoxSockets('b', realDir, { base: directory }).listen(net.createServer(), 'box.sock');
      return (fs.statSync(path.join(realDir, 'box.sock')).mode & 0o7777).toString(8);
    },
    ({ result }) => expect(result).toBe('600'),
  );

  rule(
    'NotASocket',
    'connect says so of a file in the place of a socket',
    async ({ B, fs, path, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      fs.writeFileSync(path.join(realDir, 'box.sock'), '');
      const box = new B.BoxSockets('b', realDir, { base: directory });
      box.ensureSync();
      return box.connect('box.sock', { verifyPeer: true }).then(
        () => 'connected',
        (error) => error.code,
      );
    },
    ({ result }) => expect(['ENOTSOCK', 'ERR_BOX_SOCKETS_MISPLACED']).toContain(result),
  );

  rule(
    'FullQueue',
    'a full queue is no dead socket: it is waited for, and its box is alive',
    async (scene) => {
      const { B, fs, path, spawn, directory } = scene;
      const realDir = path.join(directory, 'home/b/sockets');
      const other = path.join(directory, 'other/b/sockets');
      for (const each of [realDir, other]) fs.mkdirSync(each, { recursive: true });
      const box = new B.BoxSockets('b', realDir, { base: directory });
      box.ensureSync();
      const program = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
c = []
for i in range(3):
    x = socket.socket(socket.AF_UNIX); x.setblocking(False); c.append(x)
    try: x.connect(sys.argv[1])
    except BlockingIOError: pass
print('full', flush=True); sys.stdin.read()`;
      const holder = spawn('python3', ['-c', program, path.join(realDir, 'box.sock')]);
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      const code = (promise: Promise<unknown>) =>
        promise.then(
          () => 'fine',
          (error) => error.code,
        );
      const dialed = await code(box.connect('box.sock', { verifyPeer: true, signal: AbortSignal.timeout(1500) }));
      const moved = await code(new B.BoxSockets('b', other, { base: directory }).ensure());
      const [entry] = B.BoxSockets.listSync({ base: directory });
      holder.kill();
      return { dialed, moved, held: entry?.sockets.map(({ held }) => held) };
    },
    ({ result }) => {
      expect(result).toMatchObject({ moved: 'ERR_BOX_SOCKETS_BINDING_IN_USE', held: [true] });
      expect(result.dialed).not.toBe('ECONNREFUSED');
    },
  );

  rule(
    'TypeFirst',
    'the datagram question tells a stream that is held',
    async ({ B, fs, net, path, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      let visitors = 0;
      const server = net.createServer(() => visitors++);
      await new B.BoxSockets('b', realDir, { base: directory }).listen(server, 'box.sock');
      const held = B.BoxSockets.listSync({ base: directory })[0]?.sockets.map((socket) => socket.held);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { held, visitors };
    },
    ({ result }) => expect(result).toEqual({ held: [true], visitors: 0 }),
  );

  rule(
    'AcceptInherits',
    'a probe exchanges its byte',
    ({ B, directory }) => B.probeSocketPathSync(`${directory}/s.sock`).ok,
    ({ result }) => expect(result).toBe(true),
  );

  rule(
    'PathMax',
    'a real directory of 1,024 bytes is refused, and nothing is made',
    ({ B, fs, directory }) => {
      const long = directory + '/d'.repeat((1024 - directory.length) / 2);
      const codeOf = (realDir: string) => {
        try {
          return new B.BoxSockets('b', realDir, { base: directory }).ensureSync().status;
        } catch (error) {
          return (error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException }).cause?.code;
        }
      };
      return [codeOf(long.padEnd(1024, 'd')), fs.existsSync(`${directory}/bl-0/b`)];
    },
    ({ result }) => expect(result).toEqual(['ENAMETOOLONG', false]),
  );

  rule(
    'MostLinks',
    'a real directory behind 33 links is refused, and behind 32 no link is left',
    ({ B, fs, directory }) => {
      fs.mkdirSync(`${directory}/l0`);
      for (let i = 1; i <= 33; i++) fs.symlinkSync(`l${i - 1}`, `${directory}/l${i}`);
      return [31, 32, 33].map((links) => {
        const box = new B.BoxSockets(`b${links}`, `${directory}/l${links}`, { base: directory });
        try {
          return [links, box.ensureSync().status, fs.readdirSync(box.parentDir).includes(box.boxId)];
        } catch (error) {
          const { code, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
          return [links, cause?.code ?? code, fs.readdirSync(box.parentDir).includes(box.boxId)];
        }
      });
    },
    ({ result }) => {
      expect(result).toEqual([
        [31, 'created', true],
        [32, 'ELOOP', false],
        [33, 'ELOOP', false],
      ]);
    },
  );

  const unreadable = async ({ B, fs, net, path, directory }: Scene) => {
    const realDir = path.join(directory, 'sockets');
    fs.mkdirSync(realDir, { mode: 0o300 });
    const box = new B.BoxSockets('b', realDir, { base: directory });
    const report = box.probeSync();
    const server = net.createServer((socket) => socket.end('hello'));
    const before = box.ensureSync().status;
    await box.listen(server, 'box.sock');
    const listening = fs.existsSync(box.boxSock);
    await new Promise((resolve) => server.close(resolve));
    return { before, probed: report.ok, listening, left: fs.existsSync(box.boxSock) };
  };
  const served = ({ result }: Outcome<Awaited<ReturnType<typeof unreadable>>>) => {
    expect(result).toMatchObject({ listening: true, left: false });
  };
  rule('OpenSearch', 'an unreadable real directory serves, by O_SEARCH', unreadable, served, { uid: 65534 });
  rule('OpenSearch', 'and on macOS 11 and 12, by its path', unreadable, served, {
    uid: 65534,
    env: { DARWIN_OLD: '1' },
  });

  rule(
    'OpenSocket',
    'a socket in the place of the lock is told by what it is',
    ({ B, fs, net, path, directory }) => {
      const box = new B.BoxSockets('b', directory, { base: directory });
      fs.mkdirSync(box.parentDir, { mode: 0o700 });
      return new Promise<string>((resolve) => {
        const server = net.createServer().listen(path.join(box.parentDir, '.lock'), () => {
          fs.symlinkSync(directory, path.join(box.parentDir, 'b'));
          try {
            resolve(box.removeSync().status);
          } catch (error) {
            resolve((error as NodeJS.ErrnoException).code ?? '');
          }
          server.close();
        });
      });
    },
    ({ result }) => expect(result).toBe('ERR_BOX_SOCKETS_LOCK_UNTRUSTED'),
  );

  rule(
    'ForgetfulReading',
    'one sweep finds every stale link',
    ({ B, fs, directory }) => {
      new B.BoxSockets('b', directory, { base: directory }).ensureSync();
      for (let i = 0; i < 12; i++) fs.symlinkSync('/nowhere', `${directory}/bl-0/stale${i}`);
      return B.BoxSockets.sweepStaleSync({ base: directory }).removed.length;
    },
    ({ result }) => expect(result).toBe(12),
    { env: { DARWIN_FORGETFUL: '1' } },
  );

  rule(
    'BirthTime',
    'a closing server leaves the socket that took its name',
    async ({ B, fs, net, path, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const box = new B.BoxSockets('b', realDir, { base: directory });
      const [first, second] = [net.createServer(), net.createServer()];
      await box.listen(first, 'box.sock');
      fs.unlinkSync(path.join(realDir, 'box.sock'));
      await box.listen(second, 'box.sock');
      await new Promise((resolve) => first.close(resolve));
      const stays = fs.existsSync(path.join(realDir, 'box.sock'));
      await new Promise((resolve) => second.close(resolve));
      return [stays, fs.existsSync(path.join(realDir, 'box.sock'))];
    },
    ({ result }) => expect(result).toEqual([true, false]),
  );

  const dialed = async ({ B, fs, net, path, directory }: Scene) => {
    const realDir = path.join(directory, 'home/b/sockets');
    fs.mkdirSync(realDir, { recursive: true });
    const box = new B.BoxSockets('b', realDir, { base: directory });
    await box.listen(
      net.createServer((socket) => socket.end('hello')),
      'box.sock',
    );
    const socket = await box.connect('box.sock', { verifyPeer: true });
    return new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
  };
  const greeted = ({ result }: Outcome<string>) => expect(result).toBe('hello');
  rule('MountedLocal', 'a box is dialed where its home is local', dialed, greeted);
  rule('MountedLocal', 'and where another machine serves it', dialed, greeted, { env: { DARWIN_REMOTE: '1' } });

  rule(
    'PeerId',
    'a peer of another user is refused',
    async ({ B, fs, path, spawn, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true, mode: 0o777 });
      fs.chmodSync(realDir, 0o777);
      const box = new B.BoxSockets('b', realDir, { base: directory });
      box.ensureSync();
      const program = `import os, socket, sys
os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
print('there', flush=True); sys.stdin.read()`;
      const stranger = spawn('python3', ['-c', program, path.join(realDir, 'box.sock')]);
      await new Promise((resolve) => stranger.stdout.once('data', resolve));
      const code = await box.connect('box.sock', { verifyPeer: true }).then(
        () => 'connected',
        (error) => error.code,
      );
      stranger.kill();
      return code;
    },
    ({ result }) => expect(result).toBe('ERR_BOX_SOCKETS_PEER'),
  );

  rule(
    'LockConflict',
    'a lock that is held is waited for, and no longer than asked',
    async ({ B, fs, spawn, directory }) => {
      const box = new B.BoxSockets('b', directory, { base: directory });
      box.ensureSync();
      fs.unlinkSync(box.bindingDir);
      const holder = spawn('flock', ['-x', `${box.parentDir}/.lock`, 'sh', '-c', 'echo locked; read x']);
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      fs.symlinkSync('/', box.bindingDir);
      const began = performance.now();
      try {
        return [box.ensureSync({ lockTimeout: 100 }).status, 0];
      } catch (error) {
        return [(error as NodeJS.ErrnoException).code, performance.now() - began];
      } finally {
        holder.kill();
      }
    },
    ({ result: [code, ms] }) => {
      expect(code).toBe('ERR_BOX_SOCKETS_LOCK_TIMEOUT');
      expect(ms).toBeGreaterThan(99);
    },
  );

  rule(
    'CaseInsensitive',
    'two ids that differ by case share no binding',
    ({ B, fs, path, directory }) => {
      const [small, large] = ['home/box', 'home/BOX-2'].map((each) => path.join(directory, each));
      for (const each of [small, large]) fs.mkdirSync(each ?? '', { recursive: true });
      const first = new B.BoxSockets('box', small ?? '', { base: directory });
      const second = new B.BoxSockets('BOX', large ?? '', { base: directory });
      first.ensureSync();
      let code = 'bound';
      try {
        second.ensureSync();
      } catch (error) {
        code = (error as NodeJS.ErrnoException).code ?? '';
      }
      return [code, fs.readlinkSync(first.bindingDir) === small];
    },
    ({ result }) => expect(result).toEqual([expect.stringMatching(/^ERR_/), true]),
    { env: { DARWIN_CASE_INSENSITIVE: '1' } },
  );

  rule(
    'NoProcess',
    'a process that is gone, or a zombie, is not alive',
    async ({ ShimProcess, spawn }) => {
      const program =
        "import subprocess, sys; p = subprocess.Popen(['true']); print(p.pid, flush=True); sys.stdin.read()";
      const parent = spawn('python3', ['-c', program]);
      const zombie = await new Promise<number>((resolve) =>
        parent.stdout.once('data', (data) => resolve(Number(data))),
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      const states = [zombie, 4194300].map((pid) => ShimProcess.ofSync(pid));
      parent.kill();
      return states;
    },
    ({ result }) => expect(result).toEqual([null, null]),
  );

  rawRules(arch, missing, tested);

  it.skipIf(missing !== null)('every rule of the table has a test', () => {
    const { result } = run({ arch }, (scene) => {
      const { host } = scene as unknown as { host: { rules(): Rule[] } };
      return host.rules().map(({ name }) => name);
    });
    expect([...tested].sort()).toEqual([...result].sort());
  });

  afterAll(() => tested.clear());
});
