// A box whose shim is QEMU: a VM that boots a guest of 512 bytes, controlled by QMP on box.sock, its serial line on
// serial.sock and in the console's log; in a home so deep that QEMU could bind none of its sockets there directly.
//
//   npm ci && node examples/qemu.mjs           (needs the Debian package qemu-system-x86; no KVM)

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { BoxRuntime } from 'boxsockets/runtime';

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
process.on('exit', () => fs.rmSync(base, { recursive: true }));
const homeDir = path.join(base, 'd'.repeat(140), 'd'.repeat(300 - base.length - 142));

// The guest: a boot sector that writes a line to the serial port and halts.
function bootSector(line) {
  const sector = Buffer.alloc(512);
  // cld; ds = 0; si = 0x7c16, the line; dx = 0x3f8, the port; next: lodsb; test al, al; jz halt; out dx, al; jmp next
  Buffer.from('fc31c08ed8be167cbaf803ac84c07403eeebf8', 'hex').copy(sector);
  Buffer.from('f4ebfd', 'hex').copy(sector, 0x13); // halt: hlt; jmp halt
  sector.write(line, 0x16, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

const shim = ({ sockets, disksDir, consoleLog }) => {
  const disk = path.join(disksDir, 'boot.img');
  fs.writeFileSync(disk, bootSector('hello from the guest\n'));
  return {
    command: 'qemu-system-x86_64',
    args: [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'tcg', '-m', '16'],
      ...['-drive', `file=${disk},format=raw,if=ide`],
      ...['-chardev', `socket,id=control,path=${sockets.boxSock},server=on,wait=off`, '-mon', 'control,mode=control'],
      ...[
        '-chardev',
        `socket,id=serial,path=${sockets.socket('serial.sock')},server=on,wait=off,logfile=${consoleLog}`,
      ],
      ...['-serial', 'chardev:serial'],
      // QEMU connects when it is up, and that is the word. In a VM with a network, the guest would.
      ...['-chardev', `socket,id=ready,path=${sockets.readySock}`],
    ],
  };
};

/** Sends a command of QMP, and gives back what it returns. */
async function qmp(lines, socket, execute) {
  socket.write(JSON.stringify({ execute }));
  for (;;) {
    const { value } = await lines.next();
    const answer = JSON.parse(value);
    if (answer.return !== undefined) return answer.return;
  }
}

const runtime = await BoxRuntime.open({ homeDir, base, names: ['serial.sock'] });
const { id } = await runtime.provision({ name: 'vm' });
const { layout } = await runtime.launch(id, shim);

const control = await runtime.connect(id);
const lines = createInterface({ input: control })[Symbol.asyncIterator]();
const greeting = JSON.parse((await lines.next()).value);
await qmp(lines, control, 'qmp_capabilities');
console.log('QEMU', greeting.QMP.version.qemu.major, (await qmp(lines, control, 'query-status')).status);

while (!fs.readFileSync(layout.consoleLog, 'utf8').includes('\n')) await sleep(20);
console.log('console:', fs.readFileSync(layout.consoleLog, 'utf8').trim());
console.log('sockets:', fs.readdirSync(layout.socketsDir).join(' '), 'in a home of', homeDir.length, 'bytes');

control.destroy();
console.log('stopped:', (await runtime.stop(id)).status);
console.log('removed:', await runtime.remove(id));
await runtime.close();
