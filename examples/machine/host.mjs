// A host of machines: boots one for each name, passes on what it reads (`NAME COMMAND…`, a line each) to their guests, and
// removes them at the end of its input. Killed, it leaves them running; started again, it finds them.
//
//   echo 'web uname -sr' | node examples/machine/host.mjs HOME BASE x64:tcg web:passt

import { createInterface } from 'node:readline';
import { BoxRuntime } from 'boxsockets/runtime';
import { runInGuest } from './agent.mjs';
import { machine } from './machine.mjs';
import { freePort } from './tools.mjs';

const tell = (what) => console.log(JSON.stringify(what));
const [homeDir, base, platform, ...wanted] = process.argv.slice(2);

// Leave `base` out, and bindings are in /tmp/bl-<uid>. Rows are in SQLite: HOME/db/boxlite.db.
const runtime = await BoxRuntime.open({ homeDir, base });
const boxes = new Map((await runtime.list()).map((box) => [box.name, box]));

for (const [name, network] of wanted.map((text) => text.split(':'))) {
  const known = boxes.get(name);
  if (known?.state === 'running') continue; // its guest did not notice that its host was gone
  // Home, sockets/, binding, the rest, and at last the row, which holds no path of a socket.
  const box = known?.config ?? (await runtime.provision({ name, options: { network, port: await freePort() } }));
  // ready.sock is bound, the jails are made of a binding that is there, and the guest says when it is up.
  const { elapsed } = await runtime.launch(box.id, machine({ ...box.options, platform }), { readyTimeout: 120_000 });
  boxes.set(name, box);
  tell({ name, id: box.id, elapsed, port: box.options.port });
}
tell({ running: [...boxes.keys()], recovery: runtime.recovery });

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...command] = line.split(' ');
  // Where something that cleans /tmp took the link meanwhile, this mends it.
  const socket = await runtime.connect(boxes.get(name).id);
  tell({ name, ...(await runInGuest(socket, command.join(' '))) });
}

for (const [name, { id }] of boxes) tell({ name, ...(await runtime.remove(id, { force: true })) }); // shim, row, home, binding
await runtime.close();
