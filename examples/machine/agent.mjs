// The other end of what guest/init speaks.

import { createInterface } from 'node:readline';

const encode = (text) => Buffer.from(text).toString('base64');
const decode = (text) => Buffer.from(text, 'base64').toString();

/** Runs a command in the guest behind a socket; gives back its exit status and what it printed, and ends the socket. */
export async function runInGuest(socket, command) {
  const number = String(Math.random()).slice(2);
  socket.write(`${number} ${encode(command)}\n`);
  try {
    for await (const line of createInterface({ input: socket })) {
      const [answered, status, output = ''] = line.split(' ');
      if (answered === number) return { status: Number(status), output: decode(output) };
    }
  } finally {
    socket.destroy();
  }
  throw new Error('the machine ended before its guest answered');
}
