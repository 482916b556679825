// Programs that nobody here wrote, through a binding whose real directory is 300 bytes deep; and what each of them does
// on the direct path.

import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxSockets, probeSocketPathSync } from '../../../dist/index.js';
import {
  exchangeWithPython,
  fixtures,
  makeDirOfBytes,
  missingPython,
  missingTool,
  promise,
  run,
  socketsBelow,
  startUntil,
  tempDir,
} from '../../helpers.js';

const missingTmux = missingTool('tmux', ['-V']);
const missingSocat = missingTool('socat', ['-V']);

// A socket file is there a moment before its owner listens.
const PATIENT = 'retry=500,interval=0.01';

interface DeepBox {
  /** Both ends of one name: through the binding, and direct. */
  bound(name: string): string;
  direct(name: string): string;
  /** Every socket file of the box and of the directories above it. */
  sockets(): string[];
}

function deepBox(): DeepBox {
  const base = fs.realpathSync(tempDir());
  const box = new BoxSockets('box', makeDirOfBytes(path.join(base, 'home'), 300), { base });
  box.ensureSync();
  return {
    bound: (name) => path.join(box.bindingDir, name),
    direct: (name) => path.join(box.realDir, name),
    sockets: () => socketsBelow(base),
  };
}

/** Runs a program that fails; returns what it says. */
function failure(program: string, args: string[], input = ''): string {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', input, timeout: 20_000 });
  expect(status).not.toBe(0);
  return stderr;
}

async function listenOn(file: string, answer: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.end(answer));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(file, resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return server;
}

function dialOnce(file: string, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(file, () => socket.end(words));
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
  });
}

async function dial(file: string, words = ''): Promise<string> {
  for (;;) {
    try {
      return await dialOnce(file, words);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

describe('tmux -S', () => {
  const env = { ...process.env, TMUX: undefined, TMUX_PANE: undefined };

  promise(missingTmux, 'serves and dials through a binding, and refuses the direct path', () => {
    const box = deepBox();
    const tmux = (socket: string, ...args: string[]): string =>
      run('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env });
    tmux(box.bound('tmux.sock'), 'new-session', '-d', '-s', 'a-session', 'sleep 600');
    const pid = Number(tmux(box.bound('tmux.sock'), 'display-message', '-p', '#{pid}'));
    onTestFinished(() => void process.kill(pid, 'SIGTERM'));
    expect(tmux(box.bound('tmux.sock'), 'list-sessions', '-F', '#{session_name}')).toBe('a-session\n');
    expect(box.sockets()).toEqual([box.direct('tmux.sock')]);

    const direct = ['-S', box.direct('other.sock'), '-f', '/dev/null', 'new-session', '-d', 'sleep 600'];
    expect(failure('tmux', direct)).toContain('File name too long');
    expect(failure('tmux', ['-S', box.direct('tmux.sock'), 'list-sessions'])).toContain('File name too long');
    expect(box.sockets()).toEqual([box.direct('tmux.sock')]);
  });
});

describe('socat', () => {
  promise(missingSocat, 'serves and dials a stream through a binding, and refuses the direct path', async () => {
    const box = deepBox();
    await startUntil(box.direct('s.sock'), 'socat', [`UNIX-LISTEN:${box.bound('s.sock')}`, 'EXEC:cat']);
    const answer = run('socat', ['-t', '10', '-', `UNIX-CONNECT:${box.bound('s.sock')},${PATIENT}`], {
      input: 'a word',
    });
    expect(answer).toBe('a word');

    expect(failure('socat', [`UNIX-LISTEN:${box.direct('t.sock')}`, '-'])).toMatch(/307 characters long.*108/);
    expect(failure('socat', ['-', `UNIX-CONNECT:${box.direct('s.sock')}`])).toMatch(/307 characters long.*108/);
    expect(box.sockets().filter((file) => file !== box.direct('s.sock'))).toEqual([]);
  });

  promise(missingSocat, 'sends datagrams through a binding, and refuses the direct path', async () => {
    const box = deepBox();
    const received = box.direct('received');
    const bound = box.bound('d.sock');
    await startUntil(box.direct('d.sock'), 'socat', ['-u', `UNIX-RECV:${bound}`, `CREATE:${received}`]);
    run('socat', ['-u', '-', `UNIX-SENDTO:${bound}`], { input: 'a datagram' });
    while (fs.readFileSync(received, 'utf8') !== 'a datagram') await new Promise((resolve) => setTimeout(resolve, 5));

    expect(failure('socat', ['-u', `UNIX-RECV:${box.direct('e.sock')}`, '-'])).toMatch(/307 characters long.*108/);
    expect(failure('socat', ['-u', '-', `UNIX-SENDTO:${box.direct('d.sock')}`], 'x')).toMatch(/307 characters/);
    expect(box.sockets()).toEqual([box.direct('d.sock')]);
  });
});

describe('python3', () => {
  promise(missingPython, 'binds and dials streams and datagrams through a binding, and refuses the direct path', () => {
    const box = deepBox();
    const types = ['stream', 'dgram'] as const;
    const through = (pathOf: (name: string) => string) =>
      exchangeWithPython(types.map((type) => ({ path: pathOf(`${type}.sock`), type })));
    expect(through(box.bound)).toEqual(['ok', 'ok']);
    expect(through(box.direct)).toEqual(['AF_UNIX path too long', 'AF_UNIX path too long']);
    expect(box.sockets()).toEqual([]);
  });
});

describe("Node's net", () => {
  it('serves and dials through a binding', async () => {
    const box = deepBox();
    const server = await listenOn(box.bound('n.sock'), 'an answer');
    expect(server.address()).toBe(box.bound('n.sock'));
    expect(await dial(box.bound('n.sock'))).toBe('an answer');
    expect(box.sockets()).toEqual([box.direct('n.sock')]);
  });

  it('binds another, cut path in place of the direct one, or refuses it, as nodeTruncates says', async () => {
    const box = deepBox();
    const file = box.direct('n.sock');
    if (probeSocketPathSync(file).nodeTruncates) {
      const server = await listenOn(file, 'cut');
      const cut = file.slice(0, process.platform === 'linux' ? 108 : 104);
      expect(server.address()).toBe(file);
      expect(box.sockets()).toEqual([cut]);
      expect(fs.existsSync(file)).toBe(false);
      // Another box of the same home gets the very same socket.
      const sibling = path.join(path.dirname(path.dirname(file)), 'sibling/sockets/n.sock');
      expect(await dial(sibling)).toBe('cut');
    } else {
      await expect(listenOn(file, 'never')).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(dial(file)).rejects.toMatchObject({ code: 'EINVAL' });
      expect(box.sockets()).toEqual([]);
    }
  });

  promise(missingPython, 'is dialed by python3 through the binding', async () => {
    const box = deepBox();
    await listenOn(box.bound('n.sock'), 'from Node');
    const sockets = JSON.stringify([{ path: box.bound('n.sock'), type: 'stream' }]);
    const script = path.join(fixtures, 'unix-socket.py');
    const { stdout } = await promisify(execFile)('python3', [script, sockets, 'dial']);
    expect(JSON.parse(stdout)).toEqual(['from Node']);
  });

  promise(missingSocat, 'dials socat through the binding', async () => {
    const box = deepBox();
    await startUntil(box.direct('s.sock'), 'socat', [`UNIX-LISTEN:${box.bound('s.sock')}`, 'EXEC:cat']);
    expect(await dial(box.bound('s.sock'), 'from Node')).toBe('from Node');
  });
});
