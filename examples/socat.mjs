// A box whose shim is socat: an echo server on box.sock, in a home so deep that no socket could be bound there directly.
//
//   npm ci && node examples/socat.mjs          (needs the Debian package socat)

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

import { BoxRuntime } from 'boxsockets/runtime';

// All of it in a directory of its own, which takes the place of /tmp too.
const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
process.on('exit', () => fs.rmSync(base, { recursive: true }));
const homeDir = path.join(base, 'd'.repeat(140), 'd'.repeat(300 - base.length - 142));

// Listens on box.sock, and connects to ready.sock as soon as it can be dialed: that is how a guest says that it is up.
const shim = ({ sockets }) => ({
  command: 'sh',
  args: [
    '-c',
    `(until socat -u /dev/null "UNIX-CONNECT:$1"; do sleep 0.01; done; exec socat -u /dev/null "UNIX-CONNECT:$2") &
     exec socat "UNIX-LISTEN:$1,fork" EXEC:cat`,
    'shim',
    sockets.boxSock,
    sockets.readySock,
  ],
});

const runtime = await BoxRuntime.open({ homeDir, base });
const { id } = await runtime.provision({ name: 'echo' });
const { layout } = await runtime.launch(id, shim);

const socket = await runtime.connect(id);
socket.end('hello');
console.log('echo:', await text(socket));

const direct = path.join(layout.socketsDir, 'box.sock');
console.log('bound with', layout.sockets.boxSock.length, 'bytes; its file has a path of', direct.length);

console.log('removed:', await runtime.remove(id, { force: true }));
await runtime.close();
