// What the programs of a machine do with a path that does not fit, and with the same name through a binding.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxSockets } from 'boxsockets';
import { runInGuest } from './agent.mjs';
import { qemu, telling } from './machine.mjs';
import { has } from './tools.mjs';

const bare = (program) => [program, ...'-M none -nodefaults -no-user-config -display none -monitor stdio'.split(' ')];
const asRoot = process.getuid() === 0 ? ['--runas', '0'] : [];
const passt = (socket) => ['passt', '--foreground', ...asRoot, '--ipv4-only', '--socket', socket];
const PATIENCE = 20_000;

/** Each program that binds or dials a socket of a box: its name, its socket's name, and its command for a path. */
const programs = (emulator) => [
  ['QEMU', 'box.sock', (path) => [...bare(emulator), '-chardev', `socket,id=c,path=${path},server=on,wait=off`]],
  ['passt', 'net.sock', passt],
  ['gvproxy', 'net.sock', (socket) => ['gvproxy', '-listen-qemu', `unix://${socket}`]],
];

/** What programs do in a directory, and through a binding that leads to it: `{ program, name, direct, bound }` each. */
export async function compare(realDir, base, emulator) {
  fs.mkdirSync(realDir, { recursive: true, mode: 0o700 });
  const box = new BoxSockets('side-by-side', realDir, { base });
  await box.ensure();
  const rows = [];
  for (const [program, name, command] of programs(emulator).filter(([, , command]) => has(command('')[0]))) {
    const direct = await bind(command(`${realDir}/${name}`), realDir, name);
    rows.push({ program, name, direct, bound: await bind(command(box.socket(name)), realDir, name) });
  }
  rows.push({ program: 'QEMU', name: 'net.sock', ...(await compareDials(box, emulator)) });
  await box.remove();
  return rows;
}

/** Starts a program that is to bind a name in a directory, and tells what came of it. */
async function bind(command, realDir, name) {
  const { child, output } = start(command);
  const until = Date.now() + PATIENCE;
  let found = [];
  while (found.length === 0 && child.exitCode === null && Date.now() < until) {
    await sleep(20);
    found = sockets(realDir);
  }
  const said = output();
  await end(child);
  for (const socket of sockets(realDir)) fs.rmSync(`${realDir}/${socket}`);
  if (found.length === 0) return short(lastWords(said), realDir);
  return found.includes(name) ? 'binds' : `says that it is bound, and is bound at '${found[0]}', which nobody dials`;
}

const sockets = (directory) =>
  fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isSocket() ? [entry.name] : []));

/** QEMU's own end of the network, which dials: only its monitor tells. */
async function compareDials(box, emulator) {
  const backend = start(passt(box.netBackendSock));
  while (!fs.existsSync(`${box.realDir}/net.sock`) && backend.child.exitCode === null) await sleep(20);
  const answers = {};
  for (const [key, socket] of [
    ['direct', `${box.realDir}/net.sock`],
    ['bound', box.netBackendSock],
  ]) {
    const { child, output } = start([
      ...bare(emulator),
      '-netdev',
      `stream,id=net,server=off,addr.type=unix,addr.path=${socket}`,
    ]);
    const until = Date.now() + PATIENCE;
    let state;
    while (state === undefined && Date.now() < until) {
      child.stdin.write('info network\n');
      await sleep(50);
      state = /type=stream,([^\r\n]*(?:unix|error)[^\r\n]*)/.exec(output())?.[1];
    }
    await end(child);
    answers[key] = state?.startsWith('unix') ? 'connects' : `says nothing; its monitor, if asked: ${state}`;
  }
  await end(backend.child);
  fs.rmSync(`${box.realDir}/net.sock`, { force: true });
  return answers;
}

/**
 * A machine without a binding, in a directory where some names fit: it boots, its agent answers, and it never is ready.
 * Gives back which sockets there are, what the guest says of its network, and whether anybody told that it is ready.
 */
export async function deadZone(realDir, platform) {
  fs.mkdirSync(realDir, { recursive: true, mode: 0o700 });
  const at = (name) => path.join(realDir, name);
  let ready = false;
  const server = net.createServer(() => {
    ready = true;
  });
  server.listen(at('ready.sock'));
  await once(server, 'listening');
  const network = start(passt(at('net.sock')));
  while (sockets(realDir).length < 2 && network.child.exitCode === null) await sleep(20);
  const paths = { boxSock: at('box.sock'), netBackendSock: at('net.sock') };
  const vm = start(telling(at('ready.sock'), qemu(paths, at('console.log'), platform)));
  try {
    while (!fs.existsSync(at('box.sock'))) await sleep(20);
    const socket = net.connect(at('box.sock'));
    await once(socket, 'connect');
    // The agent answers when it has tried to get an address.
    const { output } = await runInGuest(socket, 'ip -o -4 address show dev eth0 | grep -c inet');
    await sleep(500);
    return { sockets: sockets(realDir), addresses: Number(output), ready };
  } finally {
    for (const { child } of [vm, network]) await end(child);
    server.close();
    fs.rmSync(realDir, { recursive: true });
  }
}

// In a session of its own, so that what it starts ends with it.
function start([command, ...args]) {
  const child = spawn(command, args, { stdio: 'pipe', detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  child.stdin.on('error', () => undefined);
  return { child, output: () => output };
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exited;
}

const lastWords = (text) =>
  text
    .trim()
    .split(/[\r\n]+/)
    .filter((line) => /sock/.test(line))
    .at(-1) ?? text.trim();

/** A line without the long path in it. */
const short = (line, realDir) => line.replaceAll(realDir, '…').replace(/^.*?: (?=UNIX|listen|Invalid)/, '');
