// Node's permission model and the network: a native addon could dial and bind all the same, and must not.

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { installedProject, runIn, scratch, titled, whyNoRuntime } from './installed.js';
import { RUNTIMES, type Runtime } from './runtimes/runtimes.mjs';

const runtime = RUNTIMES.find(({ name }) => name === 'node26') as Runtime;
const reason = process.platform === 'linux' ? whyNoRuntime(runtime) : 'the runtimes are those for Linux';

const SCRIPT = `
  const net = require('node:net');
  const { BoxSockets } = require('boxsockets');
  const box = new BoxSockets('b', process.argv[2], { base: process.argv[2] });
  const heard = async (options) => {
    for await (const data of await box.connect('box.sock', options)) return String(data);
  };
  const listen = async () => {
    const server = net.createServer();
    await box.listen(server, 'other.sock');
    server.close();
    return 'listens';
  };
  const calls = { connect: () => heard(), verified: () => heard({ verifyPeer: true }), listen };
  (async () => {
    for (const [name, call] of Object.entries(calls)) {
      console.log(name, await call().catch(({ code, permission }) => code + ' ' + permission));
    }
  })();
`;

let project: string;
let base: string;
let connections = 0;
const server = net.createServer((socket) => {
  connections++;
  socket.end('hello');
});

beforeAll(async () => {
  project = installedProject();
  base = scratch();
  fs.writeFileSync(path.join(project, 'host.cjs'), SCRIPT);
  const { BoxSockets } = require(path.join(project, 'node_modules/boxsockets')) as typeof import('../../dist/index.js');
  await new BoxSockets('b', base, { base }).listen(server, 'box.sock');
});
afterAll(() => server.close());

test.skipIf(reason !== undefined)(
  titled('Node 26 without --allow-net: connect, verifyPeer and listen are refused; with it, none', reason),
  async () => {
    const given = ['--permission', '--no-warnings', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons'];
    const without = await runIn(runtime, [...given, 'host.cjs', base], { cwd: project });
    const denied = 'ERR_ACCESS_DENIED Net';
    expect(without.stdout).toBe(`connect ${denied}\nverified ${denied}\nlisten ${denied}\n`);
    expect(connections).toBe(0);
    expect(fs.readdirSync(base).filter((name) => name.endsWith('.sock'))).toEqual(['box.sock']);

    const { stdout } = await runIn(runtime, [...given, '--allow-net', 'host.cjs', base], { cwd: project });
    expect(stdout).toBe('connect hello\nverified hello\nlisten listens\n');
  },
);
