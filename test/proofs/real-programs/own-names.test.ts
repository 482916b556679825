// Programs under the names that they give their sockets themselves, in a directory of 300 bytes: bound through its
// binding, dialed through it by their own clients. They run as an ordinary user where root runs the tests, because some
// of them refuse root.

import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { BoxSockets, type BoxSocketsOptions, DERIVED_NAMES } from '../../../dist/index.js';
import { callInChild, isRoot, makeDirOfBytes, missingTool, ownUid, promise, run, tempDir } from '../../helpers.js';

const NOBODY = 65534;
const USER = isRoot ? NOBODY : ownUid;

interface DeepDirectory {
  readonly box: BoxSockets;
  readonly realDir: string;
  /** Through the binding. */
  path(name: string): string;
  /** A command of the user whose binding it is. */
  as(program: string, ...args: string[]): [program: string, args: string[]];
}

/** A binding of a 300-byte directory, made, probed and owned by that user. */
function deepDirectory(names: NonNullable<BoxSocketsOptions['names']>, uid = USER): DeepDirectory {
  const base = fs.realpathSync(tempDir());
  const realDir = makeDirOfBytes(path.join(base, 'home'), 300);
  const id = BoxSockets.idFor(realDir);
  const options = { base, uid, names, standardNames: false };
  if (uid !== ownUid) run('chown', ['-R', `${uid}:${uid}`, base]);
  const box = { id, realDir, options };
  const calls = [
    { box, method: 'ensureSync' },
    { box, method: 'probeSync' },
  ];
  const [ensured, probed] = callInChild(calls, uid === ownUid ? {} : { uid });
  expect(ensured?.result).toMatchObject({ status: 'created' });
  expect(probed?.result).toMatchObject({ ok: true });
  const sockets = new BoxSockets(id, realDir, options);
  const prefix = uid === ownUid ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return {
    box: sockets,
    realDir,
    path: (name) => sockets.socket(name),
    as(...command) {
      const [program = '', ...args] = [...prefix, ...command];
      return [program, args];
    },
  };
}

/** Starts a program and waits until a socket of that name is there; it is killed at the end of the test. */
async function serve(directory: DeepDirectory, name: string, command: [string, string[]], env = {}): Promise<Served> {
  const [program, args] = command;
  const environment = { ...process.env, HOME: directory.realDir, ...env };
  const child = spawn(program, args, { cwd: directory.realDir, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  await expect
    .poll(() => (child.exitCode === null ? fs.existsSync(path.join(directory.realDir, name)) : said), {
      timeout: 30_000,
    })
    .toBe(true);
  return { kill };
}

interface Served {
  kill(): Promise<void>;
}

/** What a client says; asked again for as long as it fails, because a socket file is there before its owner listens. */
async function ask([program, args]: [string, string[]], env = {}): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      timeout: 20_000,
    });
    if (status === 0) return stdout;
    if (attempt > 100) throw new Error(stderr);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The first words that come from a socket, after some were written. */
async function exchange(file: string, words = ''): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const answer = await new Promise<string | null>((resolve) => {
      const socket = net.connect(file, () => socket.write(words));
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(String(chunk));
      });
      socket.once('error', () => resolve(null));
    });
    if (answer !== null) return answer;
    if (attempt > 100) throw new Error(`nobody answers on ${file}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const postgres = ['initdb', 'postgres', 'psql'].map((program) => missingTool(program)).find(Boolean) ?? null;
promise(postgres, 'postgres serves .s.PGSQL.5432, is killed, and serves it again', async () => {
  const name = '.s.PGSQL.5432';
  const directory = deepDirectory([name]);
  const data = path.join(directory.realDir, 'data');
  const { bindingDir } = directory.box;
  run(...directory.as('initdb', '-D', data, '-A', 'trust', '-U', 'me', '--no-sync'), { cwd: directory.realDir });
  const start = directory.as(
    'postgres',
    '-D',
    data,
    '-c',
    `unix_socket_directories=${bindingDir}`,
    '-c',
    'listen_addresses=',
  );
  const query = directory.as('psql', '-h', bindingDir, '-U', 'me', '-d', 'postgres', '-Atc', 'select 41 + 1');
  for (let round = 0; round < 2; round++) {
    const server = await serve(directory, name, start);
    expect(await ask(query)).toBe('42\n');
    await server.kill();
    // Its children end by themselves; then the socket that it left is dead, and in the way of nobody.
    await expect.poll(() => spawnSync(...directory.as('pg_isready', '-h', bindingDir)).status).not.toBe(0);
    expect(fs.existsSync(path.join(directory.realDir, name))).toBe(true);
    await expect.poll(() => spawnSync('pgrep', ['-f', data]).status, { timeout: 20_000 }).toBe(1);
  }
});

promise(missingTool('redis-server') ?? missingTool('redis-cli'), 'redis-server serves redis.sock', async () => {
  const directory = deepDirectory(['redis.sock']);
  const file = directory.path('redis.sock');
  await serve(directory, 'redis.sock', directory.as('redis-server', '--port', '0', '--unixsocket', file, '--save', ''));
  expect(await ask(directory.as('redis-cli', '-s', file, 'ping'))).toBe('PONG\n');
});

promise(missingTool('gpg-agent') ?? missingTool('gpg-connect-agent'), 'gpg-agent serves S.gpg-agent', async () => {
  const directory = deepDirectory(['S.gpg-agent', 'S.gpg-agent.extra', 'S.gpg-agent.browser', 'S.gpg-agent.ssh']);
  fs.chmodSync(directory.realDir, 0o700);
  const env = { GNUPGHOME: directory.box.bindingDir };
  await serve(directory, 'S.gpg-agent', directory.as('gpg-agent', '--daemon', '--no-detach', 'sleep', '600'), env);
  expect(await ask(directory.as('gpg-connect-agent', '--no-autostart', 'getinfo pid', '/bye'), env)).toMatch(
    /^D \d+\nOK/,
  );
});

promise(
  missingTool('dbus-daemon') ?? missingTool('sh', ['-c', 'command -v dbus-send']),
  'dbus-daemon serves bus',
  async () => {
    const directory = deepDirectory(['bus']);
    const address = `unix:path=${directory.path('bus')}`;
    await serve(
      directory,
      'bus',
      directory.as('dbus-daemon', '--session', '--nofork', '--nosyslog', `--address=${address}`),
    );
    const names = ['--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.ListNames'];
    const reply = await ask(directory.as('dbus-send', ...names), { DBUS_SESSION_BUS_ADDRESS: address });
    expect(reply).toContain('"org.freedesktop.DBus"');
  },
);

promise(missingTool('qemu-system-x86_64'), 'QEMU serves qmp', async () => {
  const directory = deepDirectory(['qmp']);
  const monitor = ['-qmp', `unix:${directory.path('qmp')},server=on,wait=off`];
  const machine = ['-M', 'none', '-display', 'none', '-nodefaults', ...monitor];
  await serve(directory, 'qmp', directory.as('qemu-system-x86_64', ...machine));
  expect(await exchange(directory.path('qmp'))).toContain('"QMP"');
});

const containerd = isRoot ? (missingTool('containerd') ?? missingTool('ctr')) : 'not run as root';
promise(containerd, 'containerd serves c.sock, and c.sock.ttrpc beside it', async () => {
  const directory = deepDirectory([{ name: 'c.sock', derives: DERIVED_NAMES.containerd }], 0);
  const configuration = path.join(directory.realDir, 'config.toml');
  fs.writeFileSync(
    configuration,
    [
      'version = 2',
      `root = "${directory.realDir}/root"`,
      `state = "${directory.realDir}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      '[grpc]',
      `address = "${directory.path('c.sock')}"`,
    ].join('\n'),
  );
  await serve(directory, 'c.sock.ttrpc', directory.as('containerd', '--config', configuration));
  expect(await ask(directory.as('ctr', '--address', directory.path('c.sock'), 'version'))).toContain('Server:');
});

const sshd = '/usr/sbin/sshd';
const missingSsh = [
  isRoot ? null : 'not run as root',
  missingTool('ssh', ['-V']),
  fs.existsSync(sshd) ? null : 'no sshd',
].find(Boolean);
promise(missingSsh ?? null, 'ssh serves cm-root@host:22, which it binds under a longer name', async () => {
  const name = 'cm-root@host:22';
  // Which sshd wants to be there, and systemd makes where it runs.
  if (fs.mkdirSync('/run/sshd', { recursive: true }) !== undefined) onTestFinished(() => fs.rmdirSync('/run/sshd'));
  const directory = deepDirectory([{ name, derives: DERIVED_NAMES.ssh }], 0);
  const at = (file: string): string => path.join(directory.realDir, file);
  for (const key of ['key', 'hostkey']) run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  const lines = [`HostKey ${at('hostkey')}`, `AuthorizedKeysFile ${at('key.pub')}`, 'StrictModes no', 'UsePAM no'];
  fs.writeFileSync(at('sshd_config'), `${[...lines, 'PermitRootLogin yes', 'PidFile none'].join('\n')}\n`);
  const trust = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'];
  const server = ['-o', `ProxyCommand=${sshd} -i -f ${at('sshd_config')}`];
  const control = ['-o', 'ControlMaster=yes', '-o', `ControlPath=${directory.box.bindingDir}/cm-%r@%h:%p`];
  const master = ['-F', 'none', ...trust, '-i', at('key'), ...server, ...control, '-N', 'root@host'];
  await serve(directory, name, directory.as('ssh', ...master));
  const through = ['-F', 'none', '-S', directory.path(name), 'root@host', 'echo', 'through'];
  expect(await ask(directory.as('ssh', ...through))).toBe('through\n');
});

const memcached = isRoot ? missingTool('memcached', ['-V']) : 'not run as root';
promise(memcached, 'memcached serves mc.sock as another user, through a parent of mode 0711', async () => {
  const base = fs.realpathSync(tempDir());
  fs.chmodSync(base, 0o755);
  const realDir = makeDirOfBytes(path.join(base, 'home'), 300);
  fs.chownSync(realDir, NOBODY, NOBODY);
  const names = ['mc.sock'];
  const box = new BoxSockets(BoxSockets.idFor(realDir), realDir, {
    base,
    names,
    standardNames: false,
    parentMode: 0o711,
  });
  box.ensureSync();
  expect(fs.statSync(box.parentDir).mode & 0o777).toBe(0o711);
  const child = spawn('memcached', ['-u', 'nobody', '-s', box.socket('mc.sock'), '-a', '700']);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  });
  expect(await exchange(box.socket('mc.sock'), 'version\r\n')).toMatch(/^VERSION /);
  expect(fs.statSync(path.join(realDir, 'mc.sock')).uid).toBe(NOBODY);
});
