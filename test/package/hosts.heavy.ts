// Programs that JavaScript is tested and run in: jest with its realms, fake timers, jsdom and happy-dom; pm2 and
// node:cluster; Next.js. docs/runtimes.md and docs/bundling.md say what this shows.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { installedProject, root, run, runOk, scratch, titled, whyNoTools } from './installed.js';

let installed: string;
beforeAll(() => {
  installed = path.join(installedProject(), 'node_modules/boxsockets');
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A project with the package and the tools of a pinned folder, as if they were installed in it. */
function project(tools: string, files: Readonly<Record<string, string>>): string {
  const folder = scratch();
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  const from = installPinned(tools);
  for (const name of fs.readdirSync(from)) fs.symlinkSync(path.join(from, name), path.join(modules, name));
  fs.cpSync(installed, path.join(modules, 'boxsockets'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** The first bytes of as many connections, one after another. */
const DIAL = `
  const net = require('node:net');
  const dial = () => new Promise((resolve, reject) => {
    const socket = net.connect(process.argv[2]);
    socket.once('data', (data) => { socket.destroy(); resolve(String(data)); }).once('error', reject);
  });
  (async () => {
    const seen = new Set();
    for (let i = 0; i < 200 && seen.size < 2; i++) seen.add(await dial());
    console.log(seen.size);
  })();
`;

const whyNoHosts = whyNoTools('hosts');

describe('jest', () => {
  const JEST = `
    const fs = require('node:fs'), net = require('node:net'), os = require('node:os'), path = require('node:path');
    const { execFileSync, spawn } = require('node:child_process');
    const boxsockets = require('boxsockets');
    const { BoxSockets } = boxsockets;
    const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
    afterAll(() => fs.rmSync(base, { recursive: true }));

    test('takes bytes, URLs and signals of its realm', async () => {
      const box = new BoxSockets('a', Buffer.from(base), { base: new URL('file://' + base) });
      expect(box.realDir).toBe(base);
      const { signal } = new AbortController();
      const server = net.createServer((socket) => socket.end('hello'));
      await box.listen(server, 'box.sock', { signal });
      const socket = await box.connect('box.sock', { signal, verifyPeer: true });
      const [data] = await require('node:events').once(socket, 'data');
      expect(String(data)).toBe('hello');
      await new Promise((resolve) => server.close(resolve));
    });

    test('can replace an export', () => {
      jest.spyOn(boxsockets, 'sunPathLimit').mockReturnValue('mocked');
      expect(boxsockets.sunPathLimit()).toBe('mocked');
      jest.restoreAllMocks();
      expect(boxsockets.sunPathLimit().portableMaxBytes).toBe(103);
    });

    test('has no method called undefined', async () => {
      const box = new BoxSockets('c', base, { base });
      const hold = await box.hold();
      expect(Object.getOwnPropertyNames(Object.getPrototypeOf(hold)).sort()).toEqual(['constructor', 'release']);
      hold.release();
    });

    test('fakes its own timers, and not those of a time-out or of a hold', async () => {
      jest.useFakeTimers();
      const box = new BoxSockets('d', base, { base });
      box.ensureSync();
      const lock = spawn('flock', ['--no-fork', path.join(box.parentDir, '.lock'), 'sh', '-c', 'echo; exec sleep 100']);
      await new Promise((resolve) => lock.stdout.once('data', resolve));
      const other = fs.mkdtempSync(path.join(base, 'o'));
      const moved = new BoxSockets('d', other, { base }).ensure({ lockTimeout: 50 });
      await expect(moved).rejects.toMatchObject({ code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT' });
      lock.kill('SIGKILL');
      const hold = await box.hold({ refreshInterval: 10 });
      fs.lutimesSync(box.bindingDir, 1, 1);
      while (fs.lstatSync(box.bindingDir).mtimeMs < 1e6) await fs.promises.stat('/');
      hold.release();
      await expect(box.connect('no.sock')).rejects.toMatchObject({ code: 'ENOENT' });
      jest.useRealTimers();
    });
  `;

  for (const environment of ['node', 'jsdom', '@happy-dom/jest-environment']) {
    test.skipIf(whyNoHosts !== undefined)(
      titled(`tests run in its ${environment} environment`, whyNoHosts),
      async () => {
        const folder = project('hosts', { 'a.test.js': `/** @jest-environment ${environment} */\n${JEST}` });
        const { stdout, stderr } = await run('node_modules/.bin/jest', ['--colors=false', '--ci'], { cwd: folder });
        expect(stdout + stderr).toMatch(/^Tests: +4 passed, 4 total$/m);
      },
    );
  }
});

describe('workers that share a socket', () => {
  const WORKER = `
    const net = require('node:net');
    const { BoxSockets } = require('boxsockets');
    const [base, told] = [process.env.BASE, process.env.BASE + '/told'];
    const box = new BoxSockets('b', base, { base });
    box.listen(net.createServer(), 'own.sock').catch(({ code, message }) => {
      require('node:fs').appendFileSync(told, code + ' ' + message + '\\n');
      net.createServer((socket) => socket.end(String(process.pid))).listen(box.boxSock);
    });
  `;
  const PRIMARY = `
    const cluster = require('node:cluster');
    if (cluster.isWorker) return void require('./worker.js');
    const { BoxSockets } = require('boxsockets');
    new BoxSockets('b', process.env.BASE, { base: process.env.BASE }).claim('box.sock').then((path) => {
      console.log(path);
      for (let i = 0; i < 2; i++) cluster.fork();
    });
  `;
  const expectShared = async (folder: string, base: string, remedy: RegExp): Promise<void> => {
    const file = path.join(fs.readdirSync(base).filter((name) => name.startsWith('bl-'))[0] ?? '', 'b/box.sock');
    await expect.poll(() => fs.existsSync(path.join(base, file)), { timeout: 30_000 }).toBe(true);
    await expect
      .poll(async () => (await run(process.execPath, ['dial.js', path.join(base, file)], { cwd: folder })).stdout, {
        timeout: 30_000,
      })
      .toBe('2\n');
    const told = fs.readFileSync(path.join(base, 'told'), 'utf8').trim().split('\n');
    for (const line of told) expect(line).toMatch(/^ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED /);
    expect(told[0]).toMatch(remedy);
  };

  test('of node:cluster: the primary claims the path, and the workers listen on it', async () => {
    const folder = scratch();
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.cpSync(installed, path.join(folder, 'node_modules/boxsockets'), { recursive: true });
    for (const [name, text] of Object.entries({ 'worker.js': WORKER, 'primary.js': PRIMARY, 'dial.js': DIAL })) {
      fs.writeFileSync(path.join(folder, name), text);
    }
    const base = scratch();
    const env = { ...process.env, BASE: base };
    const primary = spawn(process.execPath, ['primary.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(primary);
    await new Promise((resolve) => primary.stdout?.once('data', resolve));
    await expectShared(folder, base, /Listen in the primary process, or call claim\(\) there/);
  });

  test.skipIf(whyNoHosts !== undefined)(
    titled('of pm2 in cluster mode: the path is claimed before they start', whyNoHosts),
    async () => {
      const claim = `const { BoxSockets } = require('boxsockets');
        new BoxSockets('b', process.env.BASE, { base: process.env.BASE }).claim('box.sock');`;
      const folder = project('hosts', { 'worker.js': WORKER, 'claim.js': claim, 'dial.js': DIAL });
      const base = scratch();
      const env = { ...process.env, BASE: base, PM2_HOME: path.join(folder, 'pm2'), PM2_DISCRETE_MODE: 'true' };
      const pm2 = (...args: string[]) => runOk('node_modules/.bin/pm2', args, { cwd: folder, env });
      await runOk(process.execPath, ['claim.js'], { cwd: folder, env });
      try {
        await pm2('start', 'worker.js', '-i', '2');
        await expectShared(folder, base, /Set exec_mode: 'fork', or call claim\(\) before pm2 starts the workers/);
      } finally {
        await pm2('kill');
      }
    },
  );
});

describe('Next.js', () => {
  const whyNoNext = whyNoTools('next');
  const NEXT = 'node_modules/next/dist/bin/next';
  const config = /^## Next\.js$.*?^```js next\.config\.mjs\n(.*?)^```$/ms.exec(
    fs.readFileSync(path.join(root, 'docs/bundling.md'), 'utf8'),
  )?.[1];
  const standalone = config?.replace("['boxsockets']", "$&, output: 'standalone'") ?? '';
  const FILES = {
    'next.config.mjs': standalone,
    'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>;\n',
    'app/api/route.js': `
      import { BoxSockets } from 'boxsockets';
      export const dynamic = 'force-dynamic';
      export async function GET() {
        const base = process.env.BASE;
        const box = new BoxSockets('b', base, { base });
        await box.ensure();
        return Response.json(await box.probe());
      }
    `,
  };

  /** What the route answers, of a server that tells its address. */
  async function answerOf(args: string[], cwd: string, env: Record<string, string>): Promise<unknown> {
    const server = spawn(process.execPath, args, { cwd, env });
    children.push(server);
    let said = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => (said += String(data)));
    await expect.poll(() => said, { timeout: 60_000 }).toMatch(/http:\/\/localhost:\d+/);
    const [url] = /http:\/\/localhost:\d+/.exec(said) ?? [];
    return (await fetch(`${url}/api`)).json();
  }

  for (const bundler of ['turbopack', 'webpack']) {
    test.skipIf(whyNoNext !== undefined)(
      titled(`a route built by ${bundler} binds, by one line of configuration, standalone too`, whyNoNext),
      async () => {
        expect(standalone).toContain('standalone');
        const folder = project('next', FILES);
        // Turbopack follows no link that leads out of the project. A hard link is a copy, where the file system has them.
        const modules = path.join(folder, 'node_modules');
        fs.rmSync(modules, { recursive: true });
        const linked = await run('cp', ['-al', installPinned('next'), modules]);
        if (linked.status !== 0) fs.cpSync(installPinned('next'), modules, { recursive: true, force: true });
        fs.cpSync(installed, path.join(modules, 'boxsockets'), { recursive: true });
        const base = scratch();
        // Not this process's environment: with vitest's NODE_ENV=test, the build never ends.
        const env = { PATH: process.env.PATH ?? '', HOME: folder, BASE: base, NEXT_TELEMETRY_DISABLED: '1' };
        await runOk(process.execPath, [NEXT, 'build', `--${bundler}`], { cwd: folder, env });
        fs.writeFileSync(path.join(folder, 'next.config.mjs'), config ?? '');
        expect(await answerOf([NEXT, 'start', '-p', '0'], folder, env)).toMatchObject({ ok: true });

        // What is deployed is that folder alone.
        const elsewhere = path.join(scratch(), 'app');
        fs.renameSync(path.join(folder, '.next/standalone'), elsewhere);
        fs.rmSync(modules, { recursive: true });
        const port = String(await freePort());
        expect(await answerOf(['server.js'], elsewhere, { ...env, PORT: port })).toMatchObject({ ok: true });
      },
      600_000,
    );
  }
});

/** A port that nobody has now: Next.js takes 0 for 3000. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  return port;
}
