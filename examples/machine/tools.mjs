// What the example needs of the machine it runs on.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';

// Each program, and the Debian package that has it.
const NEEDED = {
  bwrap: 'bubblewrap',
  passt: 'passt',
  socat: 'socat',
  cpio: 'cpio',
  'apt-get': 'apt',
};

export const has = (program) => spawnSync('which', [program]).status === 0;

const QEMU = {
  x64: { 'qemu-system-x86_64': 'qemu-system-x86' },
  arm64: { 'qemu-system-aarch64': 'qemu-system-arm' },
};

/** Why a machine of this architecture cannot run here, in a sentence; null where it can. */
export function missing(arch) {
  for (const [program, name] of Object.entries({ ...QEMU[arch], ...NEEDED })) {
    if (!has(program)) return `there is no ${program}; it is in the Debian package ${name}`;
  }
  if (spawnSync('apt-cache', ['show', 'linux-image-cloud-amd64']).status !== 0) {
    return "apt-get knows no linux-image-cloud-amd64; it is a package of Debian's (apt-get update, where this is one)";
  }
  const { status, stderr } = spawnSync('bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true'], {
    encoding: 'utf8',
  });
  if (status !== 0) return `bubblewrap does not run here: ${stderr.trim()}`;
  try {
    sqliteEnv();
    return null;
  } catch (error) {
    return error.message;
  }
}

/** What a host's environment needs to find SQLite: Node has it from 22.13 on, and an older one is given better-sqlite3. */
export function sqliteEnv() {
  if (process.getBuiltinModule('node:sqlite') !== undefined) return {};
  try {
    createRequire(import.meta.url).resolve('better-sqlite3');
    return {};
  } catch {
    const script = new URL('../../scripts/tools/sqlite.mjs', import.meta.url).pathname; // compiles it once
    const { status, stdout } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 2],
    });
    if (status !== 0) throw new Error('there is no SQLite: npm install better-sqlite3, or use Node 24');
    return { NODE_PATH: stdout.trim() };
  }
}

/** `'kvm'` where a guest of one sector runs under it (x64 alone has one), and not only where it is there; else `'tcg'`. */
export async function accelerator(arch, scratch) {
  if (arch !== 'x64' || process.arch !== 'x64' || !fs.existsSync('/dev/kvm')) return 'tcg';
  const disk = `${scratch}/boot.img`;
  fs.writeFileSync(disk, bootSector('up'));
  const machine = ['-accel', 'kvm', '-m', '16', '-drive', `file=${disk},format=raw,if=ide`, '-serial', 'stdio'];
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', ...machine];
  const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 2000 });
  const ended = once(qemu, 'exit');
  const [said] = await Promise.race([once(qemu.stdout, 'data'), ended]);
  qemu.kill('SIGKILL');
  await ended;
  fs.rmSync(disk);
  return String(said) === 'up' ? 'kvm' : 'tcg';
}

/** A boot sector that writes a line to the serial port and halts. */
function bootSector(line) {
  const sector = Buffer.alloc(512);
  // cld; ds = 0; si = 0x7c16, the line; dx = 0x3f8, the port; next: lodsb; test al, al; jz halt; out dx, al; jmp next
  Buffer.from('fc31c08ed8be167cbaf803ac84c07403eeebf8', 'hex').copy(sector);
  Buffer.from('f4ebfd', 'hex').copy(sector, 0x13); // halt: hlt; jmp halt
  sector.write(line, 0x16, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A TCP port of this host that is free at the moment. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
