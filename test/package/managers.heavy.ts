// The package as each package manager installs it, loaded by what that manager makes of an import. There is no compiler,
// and nothing comes from a network: the tarball is all there is.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { bareEnvironment, executable, runOk, scratch, titled, whyNoRuntime, whyNoTools } from './installed.js';
import { launch, RUNTIMES, type Runtime } from './runtimes/runtimes.mjs';

// By name, by require and by import; a socket that is bound, dialed and heard.
const SMOKE = `
  import fs from 'node:fs';
  import net from 'node:net';
  import { createRequire } from 'node:module';
  import { BoxSockets } from 'boxsockets';
  import { buildPathAccess } from 'boxsockets/sandbox';
  if (createRequire(import.meta.url)('boxsockets').BoxSockets !== BoxSockets) throw new Error('twice');
  const base = process.argv[2];
  fs.mkdirSync(base + '/home', { recursive: true });
  const box = new BoxSockets('b', base + '/home', { base });
  const server = net.createServer((socket) => socket.end('hello'));
  await box.listen(server, 'box.sock');
  const socket = await box.connect('box.sock');
  for await (const data of socket) console.log(String(data), typeof buildPathAccess);
  server.close();
`;

const whyNot = whyNoTools('package-managers');
const tools = whyNot === undefined ? installPinned('package-managers') : '';
let node: Record<'node20' | 'node24', string>;

function runtime(name: string): Runtime {
  const found = RUNTIMES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no runtime ${name}`);
  return found;
}

const reason = whyNot ?? whyNoRuntime(runtime('node24')) ?? whyNoRuntime(runtime('node20'));

beforeAll(async () => {
  if (reason !== undefined) return;
  node = { node20: await executable(runtime('node20')), node24: await executable(runtime('node24')) };
});

/** A project that depends on the tarball. */
function project(more: object = {}): string {
  const folder = scratch();
  fs.copyFileSync(inject('tarball'), path.join(folder, 'boxsockets.tgz'));
  const manifest = { name: 'host', private: true, dependencies: { boxsockets: 'file:./boxsockets.tgz' }, ...more };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  fs.writeFileSync(path.join(folder, 'smoke.mjs'), SMOKE);
  return folder;
}

/** What the smoke test prints, run by a command that begins with these arguments. */
async function smoke(folder: string, file: string, args: readonly string[] = []): Promise<string> {
  const base = fs.mkdtempSync(path.join(folder, 'b'));
  return runOk(file, [...args, 'smoke.mjs', base], { cwd: folder, env: bareEnvironment(file) });
}

function packageOf(folder: string): string {
  return fs.realpathSync(path.join(folder, 'node_modules/boxsockets'));
}

describe('npm', () => {
  const versions = [
    ['npm-10', 'node20'],
    ['npm-11', 'node20'],
    ['npm-12', 'node24'],
  ] as const;

  for (const [npm, on] of versions) {
    const cases = [['install'], ['install', '--ignore-scripts'], ['ci'], ['ci', '--ignore-scripts']];

    test.skipIf(reason !== undefined)(
      titled(`${npm}: install and ci, with and without scripts; nothing is built and nobody is warned`, reason),
      async () => {
        const folder = project();
        const cli = path.join(tools, npm, 'bin/npm-cli.js');
        const env = bareEnvironment(node[on]);
        for (const args of cases) {
          const options = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=warn'];
          fs.rmSync(path.join(folder, 'node_modules'), { recursive: true, force: true });
          const output = await runOk(node[on], [cli, ...args, ...options], { cwd: folder, env });
          expect(output, args.join(' ')).toMatch(/^\s*added 1 package in \S+\s*$/);
          expect(fs.existsSync(path.join(packageOf(folder), 'build'))).toBe(false);
          expect(await smoke(folder, node[on]), args.join(' ')).toBe('hello function\n');
        }
        const program = path.join(folder, 'node_modules/.bin/boxsockets');
        expect(await runOk(program, ['--version'], { env })).toMatch(/^\d+\.\d+\.\d+\n$/);
      },
    );
  }
});

describe('pnpm', () => {
  const linkers = [
    ['isolated', 'strict: the package lies outside of node_modules'],
    ['hoisted', 'hoisted'],
  ] as const;
  const pnpms = [
    ['pnpm 11', (): string[] => [node.node24, path.join(tools, 'pnpm-11/bin/pnpm.mjs')]],
    ['pnpm 12', (): string[] => [path.join(tools, '@pnpm/exe.linux-x64/pnpm')]],
  ] as const;

  for (const [name, command] of pnpms) {
    test.skipIf(reason !== undefined).each(linkers)(titled(`${name}, node-linker=%s: %s`, reason), async (linker) => {
      const folder = project();
      const env = { ...bareEnvironment(node.node24), XDG_DATA_HOME: scratch(), CI: 'true' };
      const [file = '', ...args] = command();
      const settings = [`--config.node-linker=${linker}`, `--store-dir=${path.join(folder, 'store')}`];
      await runOk(file, [...args, 'install', '--offline', ...settings], { cwd: folder, env });
      expect(packageOf(folder).includes('node_modules/.pnpm')).toBe(linker === 'isolated');
      expect(await smoke(folder, node.node24)).toBe('hello function\n');
    });
  }
});

test.skipIf(reason !== undefined)(titled("Yarn with Plug'n'Play: from its own archive", reason), async () => {
  const folder = project();
  const settings = {
    nodeLinker: 'pnp',
    enableGlobalCache: false,
    enableTelemetry: false,
    enableNetwork: false,
    pnpEnableEsmLoader: true,
  };
  const yaml = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
  fs.writeFileSync(path.join(folder, '.yarnrc.yml'), yaml.join(''));
  fs.writeFileSync(path.join(folder, 'yarn.lock'), '');
  const yarn = path.join(tools, '@yarnpkg/cli-dist/bin/yarn.js');
  await runOk(node.node24, [yarn, 'install'], { cwd: folder, env: bareEnvironment(node.node24) });
  expect(fs.existsSync(path.join(folder, 'node_modules'))).toBe(false);
  expect(fs.existsSync(path.join(folder, '.pnp.cjs'))).toBe(true);
  expect(await smoke(folder, node.node24, [yarn, 'node'])).toBe('hello function\n');
});

const whyNoBun = whyNoRuntime(runtime('bun'));

test.skipIf(whyNoBun !== undefined)(titled("Bun's installer", whyNoBun), async () => {
  const folder = project();
  const { command } = await launch(runtime('bun'));
  const env = bareEnvironment();
  await runOk(command, ['install', '--cache-dir', path.join(folder, 'cache')], { cwd: folder, env });
  expect(fs.existsSync(path.join(packageOf(folder), 'build'))).toBe(false);
  expect(await smoke(folder, command)).toBe('hello function\n');
  expect(await smoke(folder, process.execPath)).toBe('hello function\n');
});
