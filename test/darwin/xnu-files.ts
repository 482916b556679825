// XNU's rules of files and processes, and what our code does under them.

import { expect } from 'vitest';
import type { Outcome, Scene } from './mac.js';
import type { Rule } from './rules.js';

export function fileRules(rule: Rule): void {
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
    // Where the directory cannot be held, the file is unlinked after the close, on another thread.
    for (let i = 0; i < 500 && fs.existsSync(box.boxSock); i++) await new Promise((resolve) => setTimeout(resolve, 10));
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
    // All is read before anything is removed.
    { env: { DARWIN_FORGETFUL: '1' }, meets: false },
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
    async ({ ShimProcess, fs, spawn }) => {
      const program =
        "import subprocess, sys; p = subprocess.Popen(['true']); print(p.pid, flush=True); sys.stdin.read()";
      const parent = spawn('python3', ['-c', program]);
      const zombie = await new Promise<number>((resolve) =>
        parent.stdout.once('data', (data) => resolve(Number(data))),
      );
      while (!/\) Z /.test(fs.readFileSync(`/proc/${zombie}/stat`, 'utf8')))
        await new Promise((resolve) => setTimeout(resolve, 5));
      const states = [zombie, 4194300].map((pid) => ShimProcess.ofSync(pid));
      parent.kill();
      return states;
    },
    ({ result }) => expect(result).toEqual([null, null]),
  );
}
