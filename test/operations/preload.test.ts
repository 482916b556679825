import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { preload, runtimeBase } from '../../dist/index.js';
import { promise, run, tempDir } from '../helpers.js';

const ROOT = path.join(__dirname, '..', '..');

/** Uses everything that is loaded late, after the package was removed from the disk. */
const PROGRAM = `
  const fs = require('node:fs'), net = require('node:net');
  const boxsockets = require(process.argv[1] + '/dist');
  const { BoxSockets } = boxsockets;
  if (process.argv[2] === 'preload') boxsockets.preload();
  fs.rmSync(process.argv[1], { recursive: true });
  const base = process.argv[3];
  (async () => {
    const box = new BoxSockets(BoxSockets.idFor(base), base, { base });
    (await box.hold()).release();
    await BoxSockets.ensureAll([box]);
    const server = net.createServer((socket) => socket.end());
    await box.listen(server, 'box.sock');
    (await box.connect('box.sock', { verifyPeer: true })).destroy();
    await new Promise((resolve) => server.close(resolve));
    await box.claim('box.sock');
    await BoxSockets.list({ base });
    await BoxSockets.sweepStale({ base });
    await boxsockets.probeSocketPath(base + '/x');
    await boxsockets.measureSunPathLimit(base);
    fs.writeFileSync(base + '/a.rs', '');
    console.log((await boxsockets.checkKrunPin({ source: base + '/a.rs' })).scheme);
  })().catch(({ code }) => console.log(code));
`;

function copyOfPackage(): string {
  const copy = path.join(tempDir(), 'package');
  for (const part of ['dist', 'prebuilds', 'package.json']) {
    const from = path.join(ROOT, part);
    if (fs.existsSync(from)) fs.cpSync(from, path.join(copy, part), { recursive: true });
  }
  return copy;
}

it('after preload(), everything works without the package on the disk; without it, nothing that is loaded late does', () => {
  const used = (how: string) => run(process.execPath, ['-e', PROGRAM, copyOfPackage(), how, tempDir()]).trim();
  expect(used('preload')).toBe('unknown');
  expect(used('late')).toBe('MODULE_NOT_FOUND');
  expect(preload()).toBeUndefined();
});

it('a hold of one copy of the package warns of a lost server that another copy has started', () => {
  const base = tempDir();
  const program = `
    const [one, two] = process.argv.slice(1, 3).map((copy) => require(copy + '/dist').BoxSockets);
    const base = process.argv[3];
    const server = require('node:net').createServer();
    process.on('warning', ({ code }) => (console.log(code), process.exit()));
    (async () => {
      await new one('b', base, { base }).listen(server, 'box.sock');
      await new two('b', base, { base }).hold({ refreshInterval: 10 });
      require('node:fs').unlinkSync(base + '/box.sock');
    })();`;
  const output = run(process.execPath, ['-e', program, copyOfPackage(), copyOfPackage(), base]);
  expect(output).toBe('BOX_SOCKETS_LISTENER_LOST\n');
});

/** What runtimeBase() says where the environment is only this. */
function baseIn(env: Record<string, string>): string {
  const { XDG_RUNTIME_DIR, RUNTIME_DIRECTORY } = process.env;
  try {
    delete process.env.XDG_RUNTIME_DIR;
    delete process.env.RUNTIME_DIRECTORY;
    Object.assign(process.env, env);
    return runtimeBase();
  } finally {
    for (const [name, value] of Object.entries({ XDG_RUNTIME_DIR, RUNTIME_DIRECTORY })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

it('the runtime base is a private directory of the user, of the session or else of the service, or /tmp', () => {
  const session = tempDir();
  const service = tempDir();
  expect(baseIn({})).toBe('/tmp');
  expect(baseIn({ XDG_RUNTIME_DIR: session, RUNTIME_DIRECTORY: service })).toBe(session);
  expect(baseIn({ RUNTIME_DIRECTORY: `${session}/missing:${service}` })).toBe(service);
  fs.chmodSync(session, 0o750);
  expect(baseIn({ XDG_RUNTIME_DIR: session })).toBe('/tmp');
  expect(baseIn({ XDG_RUNTIME_DIR: session, RUNTIME_DIRECTORY: service })).toBe(service);
  fs.symlinkSync(service, `${service}/link`);
  fs.writeFileSync(`${service}/file`, '', { mode: 0o600 });
  for (const other of ['', 'relative', `${service}/link`, `${service}/file`]) {
    expect(baseIn({ XDG_RUNTIME_DIR: other })).toBe('/tmp');
  }
});

promise(process.getuid?.() === 0 ? null : 'not root', 'a directory of somebody else is no base', () => {
  const session = tempDir();
  fs.chownSync(session, 65534, 65534);
  expect(baseIn({ XDG_RUNTIME_DIR: session })).toBe('/tmp');
});

it.each([
  [0o700, true],
  [0o500, true],
  [0o1700, true],
  [0o701, false],
  [0o704, false],
  [0o710, false],
  [0o740, false],
])('a directory of mode %i is private: %s', (mode, isPrivate) => {
  const session = tempDir();
  fs.chmodSync(session, mode);
  expect(baseIn({ XDG_RUNTIME_DIR: session })).toBe(isPrivate ? session : '/tmp');
});

it('the user is the one whose rights the process has, not the one who started it', () => {
  const session = tempDir();
  const own = process.geteuid?.() ?? 0;
  const effective = vi.spyOn(process, 'geteuid').mockReturnValue(own + 1);
  onTestFinished(() => void effective.mockRestore());
  expect(baseIn({ XDG_RUNTIME_DIR: session })).toBe('/tmp');
  effective.mockReturnValue(own);
  const real = vi.spyOn(process, 'getuid').mockReturnValue(own + 1);
  onTestFinished(() => void real.mockRestore());
  expect(baseIn({ XDG_RUNTIME_DIR: session })).toBe(session);
});

it('a directory that is named from where the process stands is no base', () => {
  const session = tempDir();
  expect(baseIn({ XDG_RUNTIME_DIR: path.relative(process.cwd(), session) })).toBe('/tmp');
});
