// A whole box ends, and nothing else does: processes of every kind that a shim may leave, and every sign that one lives.

import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { ShimProcess } from '../../dist/box/index.js';
import { BoxSockets } from '../../dist/index.js';
import type { BoxRuntime, ShimCommand } from '../../dist/runtime/index.js';
import { fixtures, missingPython, missingTool, promise, rejection, start, tempDir } from '../helpers.js';
import { endWith, guest, makeHome, processesWith, python, type TestHome } from './home.js';

const missingSocat = missingTool('socat', ['-V']);
const missingBwrap = missingTool('bwrap', ['--ro-bind', '/', '/', '--unshare-pid', 'true']);
const missingUnshare = missingTool('unshare', ['--pid', '--fork', '--mount-proc', 'true']);
const RUNNING = { code: 'ERR_BOX_SOCKETS_BOX_RUNNING' };

async function until(happened: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !happened(); i++) await sleep(10);
  expect(happened()).toBe(true);
}

interface Shim {
  name: string;
  missing: string | null;
  /** @param word in the command line of each of its processes */
  command(box: { boxSock: string; word: string; done: string }): ShimCommand;
}

// Each makes the file `done` when it is all up. None of them ends its children itself.
const SHIMS: Shim[] = [
  {
    name: 'a shell with a child that holds box.sock',
    missing: missingSocat,
    command: ({ boxSock, word, done }) => ({
      command: 'sh',
      args: ['-c', `socat "UNIX-LISTEN:${boxSock},fork" "EXEC:echo ${word}" & touch ${done}; wait`, word],
    }),
  },
  {
    name: 'a shell that has started a process in a session of its own',
    missing: missingPython,
    command: ({ word, done }) => ({
      command: 'sh',
      args: ['-c', `setsid sh -c 'touch ${done}; tail -F ${done}; : ${word}' & wait`],
    }),
  },
  {
    name: 'a program that has forked twice, into a session of its own, and holds nothing',
    missing: missingPython,
    command: ({ word, done }) => ({
      command: python,
      args: [
        '-c',
        `import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 1024)
        open(${JSON.stringify(done)}, 'w').close()
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)`,
        word,
      ],
    }),
  },
  {
    name: 'a detached sandbox, whose outer program alone shim.pid names',
    missing: missingBwrap,
    command: ({ word, done }) => ({
      command: 'bwrap',
      args: [
        '--bind',
        '/',
        '/',
        '--proc',
        '/proc',
        '--unshare-pid',
        'sh',
        '-c',
        `touch ${done}; tail -F ${done}; : ${word}`,
      ],
    }),
  },
  {
    name: 'a program that has children that have children, and ignores SIGTERM',
    missing: null,
    command: ({ word, done }) => ({
      command: 'sh',
      args: [
        '-c',
        `trap '' TERM; sh -c 'trap "" TERM; (tail -F ${done}; : ${word}) & touch ${done}; wait; : ${word}' & wait; wait`,
        word,
      ],
    }),
  },
];

async function launchedAs(
  home: TestHome,
  { command }: Shim,
): Promise<{ runtime: BoxRuntime; id: string; word: string }> {
  const word = `word-${path.basename(home.base)}`;
  endWith(word);
  // What waits for it has the word in its own command line.
  const done = path.join(home.base, word);
  const runtime = await home.open();
  const { id } = await runtime.provision();
  await runtime.launch(id, ({ sockets: { boxSock } }) => command({ boxSock, word, done }), { waitForReady: false });
  await until(() => fs.existsSync(done));
  expect(processesWith(word).length).toBeGreaterThan(0);
  return { runtime, id, word };
}

describe.each(SHIMS)('$name', (shim) => {
  promise(shim.missing, 'ends with its box, when that is removed by force', async () => {
    const home = makeHome();
    const { runtime, id, word } = await launchedAs(home, shim);
    expect(await rejection(runtime.remove(id))).toMatchObject(RUNNING);
    expect(await runtime.remove(id, { force: true })).toMatchObject({ killed: true, home: 'removed' });
    expect(processesWith(word)).toEqual([]);
  });

  promise(shim.missing, 'ends with its box, when that is stopped', async () => {
    const home = makeHome();
    const { runtime, id, word } = await launchedAs(home, shim);
    expect((await runtime.stop(id, { timeout: 300 })).status).toMatch(/^(stopped|killed)$/);
    expect(processesWith(word)).toEqual([]);
    expect(await runtime.get(id)).toMatchObject({ state: 'stopped' });
    expect(await runtime.stop(id)).toEqual({ status: 'not-running', removed: null });
  });

  promise(shim.missing, 'is still of its box when the shim is gone and another host has it open', async () => {
    const home = makeHome();
    const { runtime, id, word } = await launchedAs(home, shim);
    const named = (await runtime.get(id))?.shim as ShimProcess;
    await runtime.close();
    await named.kill('SIGKILL');
    await named.waitForExit();
    const again = await home.open();
    const left = processesWith(word).length;
    // A sandbox's own pid namespace may have ended with it.
    expect(await again.get(id)).toMatchObject({ state: left > 0 ? 'running' : 'stopped' });
    if (left > 0) expect(await rejection(again.remove(id))).toMatchObject(RUNNING);
    await again.remove(id, { force: true });
    expect(processesWith(word)).toEqual([]);
  });
});

describe('ending a box', () => {
  promise(missingPython, 'ends nothing of another box, of the host, or of a stranger', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const [mine, other] = [await runtime.provision({ id: 'b' }), await runtime.provision({ id: 'bb' })];
    await runtime.launch(mine.id, guest('box', 'ready', 'serve'));
    const { shim } = await runtime.launch(other.id, guest('box', 'ready', 'serve'));
    // A child of the host that knows the path, and one that dials the box.
    const bystander = await start('sh', ['-c', 'echo 1; exec sleep 600', path.join(home.boxHome('b'), 'sockets')]);
    const client = await runtime.connect(mine.id);
    expect(await runtime.remove(mine.id, { force: true })).toMatchObject({ killed: true });
    client.destroy();
    expect(await shim.status()).toBe('alive');
    expect(ShimProcess.ofSync(bystander.pid)).not.toBeNull();
    expect(await runtime.get(other.id)).toMatchObject({ state: 'running' });
  });

  promise(null, 'is nothing that a socket of the host itself needs', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const box = new BoxSockets(id, path.join(home.boxHome(id), 'sockets'), { base: home.base });
    const server = net.createServer();
    await box.listen(server, 'ssh.sock');
    expect(await runtime.get(id)).toMatchObject({ state: 'stopped' });
    const { shim } = await runtime.launch(id, { command: 'sleep', args: ['600'] }, { waitForReady: false });
    onTestFinished(() => void shim.killSync('SIGKILL'));
    expect(await runtime.remove(id, { force: true })).toMatchObject({ killed: true, home: 'removed' });
    expect(await shim.status()).toBe('dead');
    server.close();
  });

  promise(
    missingPython,
    'is refused where a socket was bound by a relative name, and nobody can be found',
    async () => {
      const home = makeHome();
      const runtime = await home.open();
      const { id } = await runtime.provision();
      const sockets = path.join(home.boxHome(id), 'sockets');
      const program =
        'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind("box.sock"); s.listen(); print(1, flush=True); sys.stdin.read()';
      const holder = await start(python, ['-c', program], { cwd: sockets });
      expect(await runtime.get(id)).toMatchObject({ state: 'running' });
      const error = await rejection(runtime.remove(id, { force: true }));
      expect(error).toMatchObject(RUNNING);
      expect(error.message).toContain('relative name');
      expect(fs.existsSync(sockets)).toBe(true);
      await holder.end();
      expect(await runtime.remove(id)).toMatchObject({ home: 'removed' });
    },
  );

  promise(
    missingPython ?? (process.platform === 'linux' ? null : 'not Linux'),
    'reaches processes whose first thread has ended: the shim, who merely bears its mark, and who merely holds a socket',
    async () => {
      const home = makeHome();
      const runtime = await home.open();
      const program = path.join(fixtures, 'first-thread-ends.py');
      const { id } = await runtime.provision();
      const said = path.join(home.base, 'said');
      const { boxSock } = new BoxSockets(id, path.join(home.boxHome(id), 'sockets'), { base: home.base });
      const numbers = () => fs.readFileSync(said, 'utf8').split('\n').filter(Boolean).map(Number);
      fs.writeFileSync(said, '');
      const script = `"$0" "$1" --away >>"${said}"; exec "$0" "$1" >>"${said}"`;
      const command = { command: 'sh', args: ['-c', script, python, program] };
      await runtime.launch(id, command, { waitForReady: false });
      await until(() => numbers().length === 2);
      const holder = await start(python, [program, '--away', boxSock]);
      const all = [...numbers(), Number(holder.firstLine)].map((pid) => ShimProcess.ofSync(pid) as ShimProcess);
      onTestFinished(() => all.forEach((one) => void one.killSync('SIGKILL')));
      expect(all.map((one) => one.statusSync())).toEqual(['alive', 'alive', 'alive']);
      expect(await runtime.get(id)).toMatchObject({ state: 'running' });
      expect(await rejection(runtime.remove(id))).toMatchObject(RUNNING);
      expect(await runtime.remove(id, { force: true })).toMatchObject({ killed: true, home: 'removed' });
      expect(all.map((one) => one.statusSync())).toEqual(['dead', 'dead', 'dead']);
    },
  );

  promise(missingPython, 'reaches who merely holds one of its sockets, where no shim.pid names anybody', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision();
    const { shim } = await runtime.launch(id, guest('box', 'ready', 'serve'));
    await runtime.close();
    for (const text of [null, '', `${shim.pid}\n`, `${shim.pid}\n1\n`]) {
      const file = path.join(home.boxHome(id), 'shim.pid');
      if (text === null) fs.rmSync(file);
      else fs.writeFileSync(file, text);
      const again = await home.open();
      expect(again.recovery).toMatchObject({ autoRemoved: [], orphans: [] });
      expect(await again.get(id)).toMatchObject({ state: 'running' });
      expect(await rejection(again.remove(id))).toMatchObject(RUNNING);
      expect(await rejection(again.launch(id, { command: 'true' }))).toMatchObject(RUNNING);
      await again.close();
    }
    const last = await home.open();
    expect(await last.remove(id, { force: true })).toMatchObject({ killed: true });
    expect(await shim.status()).toBe('dead');
  });

  promise(missingPython, 'comes before auto_remove, and that never takes a box of which a socket is held', async () => {
    const home = makeHome();
    const first = await home.open();
    const { id } = await first.provision({ options: { auto_remove: true } });
    const { shim } = await first.launch(id, guest('box', 'ready', 'serve'));
    await first.close();
    fs.writeFileSync(path.join(home.boxHome(id), 'shim.pid'), `${shim.pid}\n`);
    const second = await home.open();
    expect(second.recovery).toMatchObject({ autoRemoved: [], failed: [] });
    expect(await shim.status()).toBe('alive');
    expect(await second.stop(id)).toMatchObject({ status: 'killed', removed: { row: true, home: 'removed' } });
    expect(await shim.status()).toBe('dead');
  });
});

describe('a host in another pid namespace', () => {
  /** A host that runs a program, with `runtime` and `id` at hand; rows as this host has them. */
  async function hostIn(home: TestHome, id: string, program: string): Promise<string[]> {
    const row = await home.store.get(id);
    const script = `
      const { BoxRuntime } = require(${JSON.stringify(path.join(__dirname, '../../dist/runtime'))});
      const [homeDir, base, row] = process.argv.slice(1);
      const rows = new Map([JSON.parse(row)].map((row) => [row.id, row]));
      const store = {
        get: async (id) => rows.get(id), delete: async (id) => rows.delete(id), insert: async () => undefined,
        update: async () => false, close: async () => undefined, async *pages() { yield [...rows.values()]; },
      };
      (async () => {
        const id = [...rows.keys()][0];
        const runtime = await BoxRuntime.open({ homeDir, base, store });
        const code = (error) => error.code;
        console.log(JSON.stringify(await (async () => { ${program} })()));
        await runtime.close();
      })();`;
    return [process.execPath, '-e', script, home.homeDir, home.base, JSON.stringify(row)];
  }

  /** What it prints. */
  async function elsewhere(home: TestHome, id: string, program: string): Promise<unknown> {
    const args = ['--pid', '--fork', '--mount-proc', ...(await hostIn(home, id, program))];
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  const ASK = `return {
    auto: runtime.recovery.autoRemoved,
    state: (await runtime.get(id)).state,
    remove: await runtime.remove(id).catch(code),
    force: await runtime.remove(id, { force: true }).catch(code),
  };`;

  promise(missingUnshare ?? missingPython, 'does not take a running box for a stopped one', async () => {
    const home = makeHome();
    const runtime = await home.open();
    const { id } = await runtime.provision({ options: { auto_remove: true } });
    const { shim } = await runtime.launch(id, guest('box', 'ready', 'serve'));
    await runtime.close();
    // Its socket tells that it lives, and nobody can be seen who holds it.
    const said = { auto: [], state: 'running', remove: RUNNING.code, force: RUNNING.code };
    expect(await elsewhere(home, id, ASK)).toEqual(said);
    expect(await shim.status()).toBe('alive');
    expect(fs.existsSync(home.boxHome(id))).toBe(true);
  });

  promise(
    missingUnshare,
    'knows that it knows nothing of a box without sockets, and removes it by force alone',
    async () => {
      const home = makeHome();
      const runtime = await home.open();
      const { id } = await runtime.provision({ options: { auto_remove: true } });
      const command = { command: 'sleep', args: ['600'] };
      const { shim } = await runtime.launch(id, command, { waitForReady: false });
      onTestFinished(() => void shim.killSync('SIGKILL'));
      await runtime.close();
      expect(await elsewhere(home, id, ASK.replace(/force:.*,/, ''))).toEqual({
        auto: [],
        state: 'unknown',
        remove: RUNNING.code,
      });
      expect(fs.existsSync(home.boxHome(id))).toBe(true);
      expect(await elsewhere(home, id, 'return (await runtime.remove(id, { force: true })).home')).toBe('removed');
    },
  );

  promise(missingUnshare, 'launches a box that a host in the parent namespace ends, by its mark', async () => {
    const home = makeHome();
    const first = await home.open();
    const { id } = await first.provision();
    await first.close();
    const word = `word-${path.basename(home.base)}`;
    endWith(word);
    const done = path.join(tempDir(), 'done');
    const launch = `
      const word = ${JSON.stringify(word.split('-'))}.join('-'); // in the shim's command line alone
      const shim = { command: 'sh', args: ['-c', 'touch ${done}; sleep 600; : ' + word] };
      return (await runtime.launch(id, shim, { waitForReady: false })).shim.pid;`;
    // Its first process outlives the host in there.
    const inside = spawn(
      'unshare',
      [
        '--pid',
        '--fork',
        '--mount-proc',
        '--kill-child',
        'sh',
        '-c',
        '"$@"; sleep 600',
        'sh',
        ...(await hostIn(home, id, launch)),
      ],
      { stdio: 'ignore' },
    );
    onTestFinished(() => void inside.kill('SIGKILL'));
    await until(() => fs.existsSync(done));
    const second = await openWhenFree(home);
    expect(await second.get(id)).toMatchObject({ state: 'unknown', reason: expect.stringContaining('pid namespace') });
    expect(await rejection(second.remove(id))).toMatchObject(RUNNING);
    expect(await rejection(second.launch(id, { command: 'true' }, { waitForReady: false }))).toMatchObject(RUNNING);
    expect(processesWith(word)).not.toEqual([]);
    expect(await second.remove(id, { force: true })).toMatchObject({ killed: true, home: 'removed' });
    expect(processesWith(word)).toEqual([]);
  });
});

async function openWhenFree(home: TestHome): Promise<BoxRuntime> {
  for (;;) {
    try {
      return await home.open();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_HOME_LOCKED' });
      await sleep(20);
    }
  }
}
