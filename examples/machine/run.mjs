// Two machines, from Debian packages to nothing left: `node examples/machine/run.mjs`, as root or not, in half a minute.
//
//   node examples/machine/run.mjs [x64|arm64]      what this machine is, or the other one, emulated: some minutes
//
// Prints what each step found and how long it took, and at the end `N passed, N failed, N skipped`.

import { strict as assert } from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, deadZone } from './direct.mjs';
import { makeGuest } from './guest.mjs';
import { EMULATORS, GUEST_PORT } from './machine.mjs';
import { accelerator, has, missing, sqliteEnv } from './tools.mjs';

const HOST = new URL('host.mjs', import.meta.url).pathname;
const [arch = process.arch] = process.argv.slice(2);
const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
const parent = path.join(base, `bl-${process.getuid()}`);
const deep = (name, bytes) =>
  path.join(base, name.padEnd(bytes - base.length - 1, name).slice(0, bytes - base.length - 1));
const homeDir = path.join(deep('d', 150), 'd'.repeat(149));
const counts = { passed: 0, failed: 0, skipped: 0 };

/** One thing that is shown: a sentence, and what was found. */
async function step(sentence, show) {
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s`;
  try {
    const found = await show();
    counts.passed++;
    console.log(`ok   ${seconds()}  ${sentence}: ${found}`);
  } catch (error) {
    counts.failed++;
    console.log(`FAIL ${seconds()}  ${sentence}: ${error.message}`);
    throw error;
  }
}

function skip(sentence, reason) {
  counts.skipped++;
  console.log(`skip           ${sentence}: ${reason}`);
}

/** The host as a process of its own: it can be told things, and killed. */
class Host {
  constructor(platform) {
    this.platform = platform;
  }

  start(...wanted) {
    this.child = spawn(process.execPath, [HOST, homeDir, base, this.platform, ...wanted], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...sqliteEnv() },
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** The next thing that it tells. */
  async heard() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the host ended');
    return JSON.parse(value);
  }

  /** Runs a command in a guest. */
  ask(name, command) {
    this.child.stdin.write(`${name} ${command}\n`);
    return this.heard();
  }

  async end(signal) {
    const ended = once(this.child, 'exit');
    if (signal === undefined) this.child.stdin.end();
    else this.child.kill(signal);
    return ended;
  }
}

/** Every process that has the directory of this run in its command line: shells, jails, machines, networks. */
const processes = () =>
  fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(base);
    } catch {
      return false; // ended meanwhile
    }
  });

const links = () => fs.readdirSync(parent).filter((name) => name !== '.lock');
const entries = (directory) => fs.readdirSync(directory).sort().join(' ');

async function main() {
  const reason = missing(arch);
  if (reason !== null) return skip('a machine in a home of 300 bytes', reason);
  await step('a kernel and a guest are made of Debian packages', () => {
    const { kernel, initrd } = makeGuest(arch);
    return `${Math.round((fs.statSync(kernel).size + fs.statSync(initrd).size) / 1e6)} MB, kept for the next time`;
  });
  let platform;
  await step('what runs machines here is probed', async () => {
    platform = `${arch}:${await accelerator(arch, base)}`;
    return platform;
  });
  await lifecycle(new Host(platform));
  await sideBySide(platform);
}

async function lifecycle(host) {
  const boxes = {};
  const boots = {};
  const second = has('gvproxy') ? 'gvproxy' : 'passt';

  await step('a box boots in a home of 300 bytes, and its guest says that it is ready', async () => {
    assert.equal(homeDir.length, 300);
    host.start('web:passt');
    boxes.web = await host.heard();
    await host.heard();
    return `after ${(boxes.web.elapsed / 1000).toFixed(1)} s; sockets: ${entries(`${homeDir}/boxes/${boxes.web.id}/sockets`)}`;
  });

  await step('a command runs in the guest, over box.sock', async () => {
    const { status, output } = await host.ask('web', 'uname -sr; exit 3');
    assert.equal(status, 3);
    assert.match(output, /^Linux \d/);
    return `${output.trim()}, exit status 3`;
  });

  await step('the guest serves the host over its network card, through net.sock', () =>
    serve(host, 'web', boxes.web.port),
  );

  await step(
    'the machine is jailed: no network but net.sock, no box but its own, no directory but what the policy lists',
    () => {
      const [vm] = processes().filter((pid) => fs.readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu'));
      assert.notEqual(fs.readlinkSync(`/proc/${vm}/ns/net`), fs.readlinkSync('/proc/self/ns/net'));
      assert.match(fs.readFileSync(`/proc/${vm}/status`, 'utf8'), /CapEff:\s*0+\n/);
      const root = `/proc/${vm}/root`;
      assert.equal(entries(root + parent), boxes.web.id);
      const granted = [base, makeGuest(arch).directory].map((directory) => directory.split('/')[1]);
      const expected = new Set(['bin', 'dev', 'lib', 'lib64', 'proc', 'tmp', 'usr', ...granted]);
      assert.equal(entries(root), [...expected].sort().join(' '));
      assert.equal(entries(`${root}${homeDir}/boxes/${boxes.web.id}`), 'bin disks logs shared sockets tmp');
      return `it sees ${entries(root)}`;
    },
  );

  if (second === 'passt')
    skip(
      'the second box has gvproxy for its network',
      'there is no gvproxy; it is in the Debian package gvproxy, of Debian 13 on',
    );
  await step(`a second box runs beside it, networked by ${second}`, async () => {
    await host.end('SIGKILL');
    host.start('web:passt', `db:${second}`);
    boxes.db = await host.heard();
    assert.deepEqual((await host.heard()).running.sort(), ['db', 'web']);
    return `ready after ${(boxes.db.elapsed / 1000).toFixed(1)} s; ${await serve(host, 'db', boxes.db.port)}`;
  });

  await step('a cleaner takes the links while both run, and both are healed', async () => {
    const before = links();
    execFileSync('find', [parent, '-type', 'l', '-delete']);
    assert.deepEqual(links(), []);
    for (const name of ['web', 'db']) {
      boots[name] = (await host.ask(name, 'cat /proc/sys/kernel/random/boot_id')).output;
      assert.match(boots[name], /^[0-9a-f-]{36}\n$/);
    }
    assert.deepEqual(links(), before);
    return `${before.length} of ${before.length}`;
  });

  await step('the host is killed; its machines go on, and the next host finds the very same', async () => {
    const before = processes().filter((pid) => Number(pid) !== host.child.pid);
    await host.end('SIGKILL');
    await sleep(200);
    assert.deepEqual(processes(), before);
    host.start();
    assert.deepEqual((await host.heard()).running.sort(), ['db', 'web']);
    for (const name of ['web', 'db']) {
      assert.equal((await host.ask(name, 'cat /proc/sys/kernel/random/boot_id')).output, boots[name]);
    }
    return `${before.length} processes`;
  });

  await step('removed, both leave no process, no link, no row, no file', async () => {
    await host.end();
    // The kernel ends what is below a shell that was killed, a moment after it.
    for (let turns = 0; turns < 50 && processes().length > 0; turns++) await sleep(20);
    assert.deepEqual(processes(), []);
    assert.deepEqual(links(), []);
    assert.deepEqual(fs.readdirSync(`${homeDir}/boxes`), []);
    host.start();
    const { running, recovery } = await host.heard();
    assert.deepEqual([...running, ...Object.values(recovery).flat()].filter(Boolean), []); // nor anything to recover
    await host.end();
    return `what is left of the home is its ${entries(homeDir)}`;
  });
}

/** A page of the guest's own web server, read by the host. */
async function serve(host, name, port) {
  const page = `${name} at ${new Date().toISOString()}`;
  await host.ask(name, `echo "${page}" > /tmp/index.html; httpd -p ${GUEST_PORT} -h /tmp`);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal((await response.text()).trim(), page);
  return `a page through 127.0.0.1:${port}`;
}

async function sideBySide(platform) {
  await step('without a binding, none of its programs works at 300 bytes; with one, each does', async () => {
    const rows = await compare(path.join(homeDir, 'sockets'), base, EMULATORS[arch].program);
    for (const { direct, bound } of rows) {
      assert.match(bound, /^(?:binds|connects)$/);
      assert.doesNotMatch(direct, /^(?:binds|connects)$/);
    }
    return rows.map(({ program, name, direct, bound }) => `\n       ${program} ${name}: ${bound} | ${direct}`).join('');
  });
  if (!has('gvproxy')) skip('what gvproxy says of such a path', 'there is no gvproxy (see above)');

  const sentence = 'in the dead zone a machine without a binding boots, looks healthy, and never is ready';
  const zone = deep('z', 92); // every name of it fits, up to ready.sock
  await step(sentence, async () => {
    const { addresses, ready, sockets } = await deadZone(zone, platform);
    const whole = sockets.includes('net.sock');
    assert.deepEqual([ready, addresses], whole ? [true, 1] : [false, 0]);
    if (whole) return 'not with this passt, which binds what it is asked to';
    return `passt is bound at '${sockets.find((name) => name.startsWith('ne'))}', its agent answers, and it has no network`;
  });
}

try {
  await main();
} catch (error) {
  console.error(error.stack);
} finally {
  for (const pid of processes()) execFileSync('sh', ['-c', `kill -9 ${pid} 2>/dev/null || true`]);
  fs.rmSync(base, { recursive: true, force: true, maxRetries: 10 });
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
