// XNU's rules of sockets, and what our code does under them.

import { expect } from 'vitest';
import type { Outcome, Scene } from './mac.js';
import type { Rule } from './rules.js';

export function socketRules(rule: Rule): void {
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
}
