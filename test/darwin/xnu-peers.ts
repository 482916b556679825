// XNU's rules of who is at the other end of a socket, and what our code does under them.

import { expect } from 'vitest';
import type { Rule } from './rules.js';

export function peerRules(rule: Rule): void {
  // A box that exchanges its socket for a link between the look at it and the connect, and back after that.
  rule(
    'PeerName',
    'a listener elsewhere is refused, though a link to it had the name when it was dialed, and is sent nothing',
    async ({ B, fs, net, path, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const heard = { inside: '', outside: '', visitors: 0 };
      const box = new B.BoxSockets('b', realDir, { base: directory });
      const server = net.createServer((socket) => socket.on('data', (data) => (heard.inside += data)));
      await box.listen(server, 'box.sock');
      const agent = net.createServer((socket) => {
        heard.visitors++;
        socket.on('data', (data) => (heard.outside += data));
      });
      await new Promise<void>((resolve) => agent.listen(path.join(directory, 'agent'), resolve));
      const entry = path.join(realDir, 'box.sock');
      fs.symlinkSync(path.join(directory, 'agent'), `${entry}.other`);
      const say = (text: string) =>
        box.connect('box.sock').then(
          (socket) =>
            new Promise<string>((resolve) => socket.end(text, () => socket.once('close', () => resolve('said')))),
          (error) => `${error.code}: ${error.message}`,
        );
      process.env.DARWIN_EXCHANGE = entry;
      const said = [await say('secret')];
      delete process.env.DARWIN_EXCHANGE;
      said.push(await say('hello'));
      return { said, heard };
    },
    ({ result: { said, heard } }) => {
      expect(said[0]).toMatch(/^ERR_BOX_SOCKETS_MISPLACED: .*'\/.*\/agent'.* Nothing was sent/);
      expect(said[1]).toBe('said');
      expect(heard).toEqual({ inside: 'hello', outside: '', visitors: 1 });
    },
  );

  // `rm -rf /tmp/bl-<uid>` in the moment between the connect and the question who has answered.
  rule(
    'PeerName',
    'a binding that is removed just after it was dialed is made anew, and dialed again, as on Linux',
    async ({ B, fs, net, path, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const box = new B.BoxSockets('b', realDir, { base: directory });
      let visitors = 0;
      const server = net.createServer((socket) => {
        visitors++;
        socket.on('error', () => {}).end('hello');
      });
      await box.listen(server, 'box.sock');
      process.env.DARWIN_REMOVE = box.parentDir;
      const socket = await box.connect('box.sock');
      const heard = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
      return {
        heard,
        visitors,
        removed: fs.readdirSync(`${box.parentDir}.removed`).sort(),
        made: fs.readdirSync(box.parentDir),
      };
    },
    ({ result }) => expect(result).toEqual({ heard: 'hello', visitors: 2, removed: ['.lock', 'b'], made: ['b'] }),
  );

  rule(
    'WorkingDirectory',
    'a listener that was bound by a relative path is at home in the real directory, and nowhere else',
    async ({ B, fs, path, spawn, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const box = new B.BoxSockets('b', realDir, { base: directory });
      box.ensureSync();
      const listener = async (name: string, end: string) => {
        const program = `import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); ${end}
print('there', flush=True); sys.stdin.read()`;
        const holder = spawn('python3', ['-c', program, name], { cwd: path.dirname(realDir) });
        await new Promise((resolve) => holder.stdout.once('data', resolve));
        const code = await box.connect(path.basename(name)).then(
          (socket) => {
            socket.destroy();
            return 'connected';
          },
          (error) => error.code,
        );
        holder.kill();
        return code;
      };
      return [
        await listener('sockets/stays.sock', ''),
        await listener('sockets/moves.sock', "os.chdir('/')"),
        await listener('sockets/worse.sock', "os.mkdir('sockets/sockets'); os.chdir('sockets')"),
      ];
    },
    ({ result }) => {
      expect(result).toEqual(['connected', 'ERR_BOX_SOCKETS_MISPLACED', 'ERR_BOX_SOCKETS_MISPLACED']);
    },
  );

  rule(
    'LastUser',
    'a listener by a relative path that somebody elsewhere has used since is not talked to',
    async ({ B, fs, path, spawn, directory }) => {
      const realDir = path.join(directory, 'home/b/sockets');
      fs.mkdirSync(realDir, { recursive: true });
      const box = new B.BoxSockets('b', realDir, { base: directory });
      box.ensureSync();
      const program = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
print('there', flush=True); sys.stdin.read()`;
      const holder = spawn('python3', ['-c', program, 'box.sock'], { cwd: realDir });
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      const codes = [];
      for (const pid of [holder.pid, process.pid]) {
        process.env.DARWIN_LAST_USER = String(pid);
        codes.push(
          await box.connect('box.sock').then(
            (socket) => socket.destroy() && 'connected',
            (error) => error.code,
          ),
        );
      }
      holder.kill();
      return codes;
    },
    ({ result }) => expect(result).toEqual(['connected', 'ERR_BOX_SOCKETS_MISPLACED']),
  );

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
}
