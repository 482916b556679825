import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ShimProcess } from '../../dist/box/index.js';
import { fixtures, isRoot, promise, rejection, start, tempDir } from '../helpers.js';

/** Both twins of every operation, with what the synchronous one throws as a rejection. */
const twins = [
  {
    name: 'sync',
    of: async (pid: number) => ShimProcess.ofSync(pid),
    read: async (file: string) => ShimProcess.readSync(file),
    write: async (shim: ShimProcess, file: string) => shim.writeSync(file),
    status: async (shim: ShimProcess) => shim.statusSync(),
    isAlive: async (shim: ShimProcess) => shim.isAliveSync(),
    kill: async (shim: ShimProcess, signal?: NodeJS.Signals | number) => shim.killSync(signal),
  },
  {
    name: 'async',
    of: (pid: number) => ShimProcess.of(pid),
    read: (file: string) => ShimProcess.read(file),
    write: (shim: ShimProcess, file: string) => shim.write(file),
    status: (shim: ShimProcess) => shim.status(),
    isAlive: (shim: ShimProcess) => shim.isAlive(),
    kill: (shim: ShimProcess, signal?: NodeJS.Signals | number) => shim.kill(signal),
  },
] as const;

function child(...command: string[]): ChildProcess {
  const [program = 'sleep', ...args] = command.length === 0 ? ['sleep', '60'] : command;
  const started = spawn(program, args, { stdio: 'ignore' });
  onTestFinished(() => {
    started.kill('SIGKILL');
  });
  return started;
}

function identify(started: ChildProcess): ShimProcess {
  const shim = ShimProcess.ofSync(started.pid ?? 0);
  if (shim === null) throw new Error('the child is not there');
  return shim;
}

describe.each(twins)('ShimProcess, $name', (twin) => {
  it('knows a process by its number and its start', async () => {
    const started = child();
    const shim = identify(started);
    expect(shim.pid).toBe(started.pid);
    expect(await twin.isAlive(shim)).toBe(true);
    const again = await twin.of(shim.pid);
    expect({ ...again }).toEqual({ ...shim });
  });

  it('takes the process that reuses its number for another, and never kills it', async () => {
    const started = child();
    const { pid, startTime, bootId } = identify(started);
    for (const reused of [startTime - 1, startTime + 1, 0]) {
      const shim = new ShimProcess(pid, reused, { bootId });
      expect(await twin.isAlive(shim)).toBe(false);
      expect(await twin.kill(shim, 'SIGKILL')).toBe(false);
    }
    await sleep(50);
    expect(started.signalCode).toBeNull();
    expect(await twin.isAlive(new ShimProcess(pid, startTime, { bootId }))).toBe(true);
  });

  it.runIf(process.platform === 'linux')('takes the same number and start of another boot for another', async () => {
    const started = child();
    const { pid, startTime } = identify(started);
    const shim = new ShimProcess(pid, startTime, { bootId: '00000000-0000-0000-0000-000000000000' });
    expect(await twin.isAlive(shim)).toBe(false);
    expect(await twin.kill(shim, 'SIGKILL')).toBe(false);
    await sleep(50);
    expect(started.signalCode).toBeNull();
  });

  it.runIf(process.platform === 'linux')('knows nothing of a process of another pid namespace', async () => {
    const started = child();
    const { pid, startTime, bootId } = identify(started);
    const shim = new ShimProcess(pid, startTime, { bootId, pidNamespace: '1' });
    expect(await twin.status(shim)).toBe('unknown');
    // Not proven dead.
    expect(await twin.isAlive(shim)).toBe(true);
    expect(await rejection(twin.kill(shim, 'SIGKILL'))).toMatchObject({ code: 'ERR_BOX_SOCKETS_PID_NAMESPACE' });
    await sleep(50);
    expect(started.signalCode).toBeNull();
    // A restart ends it, wherever it was.
    const boot = '00000000-0000-0000-0000-000000000000';
    expect(await twin.status(new ShimProcess(pid, startTime, { bootId: boot, pidNamespace: '1' }))).toBe('dead');
  });

  it('takes a zombie for dead', async () => {
    // A program that never waits for its child: a shell might, in the moment before it becomes another program.
    const script = `import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)`;
    const parent = await start('python3', ['-c', script]);
    const shim = identify({ pid: Number(parent.firstLine) } as ChildProcess);
    expect(await twin.kill(shim, 'SIGKILL')).toBe(true);
    expect(await shim.waitForExit({ timeout: 5000 })).toBe(true);
    // Still there for everybody who asks by number alone.
    expect(process.kill(shim.pid, 0)).toBe(true);
    expect(await twin.isAlive(shim)).toBe(false);
    expect(await twin.of(shim.pid)).toBeNull();
    expect(await twin.kill(shim)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('takes a process for alive whose first thread has ended', async () => {
    const { firstLine } = await start('python3', [path.join(fixtures, 'first-thread-ends.py')]);
    const shim = identify({ pid: Number(firstLine) } as ChildProcess);
    expect(await twin.status(shim)).toBe('alive');
    expect(await shim.waitForExit({ timeout: 20 })).toBe(false);
    expect(await twin.kill(shim, 'SIGKILL')).toBe(true);
    expect(await shim.waitForExit({ timeout: 5000 })).toBe(true);
    expect(await twin.status(shim)).toBe('dead');
  });

  it.runIf(process.platform === 'linux')('reads the start of a process whatever its name', async () => {
    const name = ') R 1 (2 3';
    const script = `import sys; open('/proc/self/comm', 'w').write(${JSON.stringify(name)}); print(1, flush=True); sys.stdin.read()`;
    const { pid } = await start('python3', ['-c', script]);
    expect(fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim()).toBe(name);
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    expect((await twin.of(pid))?.startTime).toBe(Number(fields[22 - 3]));
  });

  it('sends the signal that it is told, by name or number', async () => {
    for (const [sent, died] of [
      [[], 'SIGTERM'],
      [[9], 'SIGKILL'],
    ] as const) {
      const shim = child();
      // Before it is sent: the process may have ended when kill() says so.
      const exit = once(shim, 'exit');
      expect(await twin.kill(identify(shim), ...sent)).toBe(true);
      expect(await exit).toEqual([null, died]);
    }
  });

  it('is of no process that has ended, and none that never was', async () => {
    const ended = child('true');
    await once(ended, 'exit');
    expect(await twin.of(ended.pid ?? 0)).toBeNull();
    expect(await twin.of(2 ** 31 - 1)).toBeNull();
  });

  it('reads what it wrote, and is alive', async () => {
    const file = path.join(tempDir(), 'shim.pid');
    const shim = identify(child());
    await twin.write(shim, file);
    const read = await twin.read(file);
    expect({ ...read }).toEqual({ ...shim });
    expect(await read?.isAlive()).toBe(true);
    // The third line is BoxLite's own.
    const [pid, startTime, third] = fs.readFileSync(file, 'utf8').split('\n');
    expect([pid, startTime, third]).toEqual([`${shim.pid}`, `${shim.startTime}`, '']);
    expect(fs.readdirSync(path.dirname(file))).toEqual(['shim.pid']);
  });

  it('reads what BoxLite 0.10.0 writes, and two lines alone', async () => {
    const file = path.join(tempDir(), 'shim.pid');
    const { pid, startTime } = identify(child());
    for (const text of [`${pid}\n${startTime}\nservices-mux-v1\n`, `${pid}\n${startTime}\n`, `${pid}\n${startTime}`]) {
      fs.writeFileSync(file, text);
      const read = await twin.read(file);
      expect({ ...read }).toEqual({ pid, startTime, bootId: null, pidNamespace: null, mark: null });
      expect(await read?.isAlive()).toBe(true);
    }
  });

  it('is null for a file that is missing or torn', async () => {
    const directory = tempDir();
    const file = path.join(directory, 'shim.pid');
    expect(await twin.read(file)).toBeNull();
    expect(await twin.read(path.join(file, 'below'))).toBeNull();
    const { pid, startTime } = identify(child());
    const torn = ['', '\n', `${pid}`, `${pid}\n`, `${pid}\n\n`, `${pid}\nservices-mux-v1\n`, `x${pid}\n${startTime}\n`];
    const worse = [`${pid} ${startTime}\n`, `-${pid}\n${startTime}\n`, `1\n${startTime}\n`, `0\n1\n`, `${pid}\n-1\n`];
    const huge = [
      `${pid}\n99999999999999999999\n`,
      `99999999999\n${startTime}\n`,
      '\0'.repeat(4096),
      '9'.repeat(1 << 20),
    ];
    for (const text of [...torn, ...worse, ...huge]) {
      fs.writeFileSync(file, text);
      expect(await twin.read(file), JSON.stringify(text.slice(0, 60))).toBeNull();
    }
  });

  it('is not alive where the file was torn within the start time', async () => {
    const file = path.join(tempDir(), 'shim.pid');
    const { pid, startTime } = identify(child());
    fs.writeFileSync(file, `${pid}\n${startTime}`.slice(0, -1));
    const read = await twin.read(file);
    expect(read === null ? false : await read.isAlive()).toBe(false);
  });

  it('does not wait where a fifo is in the place of the file', async () => {
    const directory = tempDir();
    const file = path.join(directory, 'shim.pid');
    const made = child('mkfifo', file);
    await once(made, 'exit');
    expect(await rejection(twin.read(file))).toMatchObject({ code: 'ERR_BOX_SOCKETS_FILE_UNTRUSTED', path: file });
  });

  it('replaces a file in one step, and leaves it where it fails', async () => {
    const directory = tempDir();
    const file = path.join(directory, 'shim.pid');
    const shim = identify(child());
    fs.mkdirSync(file);
    const error = await rejection(twin.write(shim, file));
    expect(error).toMatchObject({ name: 'BoxSocketsError', syscall: 'renameat' });
    expect(fs.readdirSync(directory)).toEqual(['shim.pid']);
    expect(fs.readdirSync(file)).toEqual([]);
    expect(await rejection(twin.write(shim, path.join(directory, 'no', 'shim.pid')))).toMatchObject({ code: 'ENOENT' });
  });

  it('refuses numbers that mean a group or init, before anything is touched', async () => {
    for (const pid of [-1, 0, 1, 1.5, Number.NaN, 2 ** 31]) {
      expect(await rejection(Promise.resolve().then(() => twin.of(pid)))).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
      });
      expect(() => new ShimProcess(pid, 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
    }
    for (const pid of ['1', null, undefined]) {
      expect(() => new ShimProcess(pid as unknown as number, 1)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
    expect(() => new ShimProcess(2, undefined as unknown as number)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
    const shim = identify(child());
    for (const signal of ['SIGNONE', 0, -9, 9.5, null, 'toString']) {
      const kill = async () => twin.kill(shim, signal as NodeJS.Signals);
      expect(await rejection(kill())).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect(await twin.isAlive(shim)).toBe(true);
  });

  promise(isRoot ? null : 'not run as root', 'says whose process it may not signal', async () => {
    const victim = identify(child());
    const dist = path.join(__dirname, '..', '..', 'dist', 'box', 'index.js');
    const script = `const { ShimProcess } = require(${JSON.stringify(dist)});
      const victim = ShimProcess.ofSync(${victim.pid});
      process.setuid(65534);
      try { console.log(victim.killSync('SIGKILL')); }
      catch (error) { console.log(error.code, error.message); }`;
    const { firstLine } = await start(process.execPath, ['-e', script]);
    expect(firstLine).toMatch(new RegExp(`^EPERM EPERM: operation not permitted, \\w+ process ${victim.pid}$`));
    expect(await twin.isAlive(victim)).toBe(true);
  });
});

describe('waitForExit', () => {
  it('comes back when the process has ended, or the time is over', async () => {
    const started = child();
    const shim = identify(started);
    expect(await shim.waitForExit({ timeout: 30 })).toBe(false);
    const waiting = shim.waitForExit();
    started.kill('SIGKILL');
    expect(await waiting).toBe(true);
    expect(await shim.waitForExit({ timeout: 0 })).toBe(true);
  });

  it('is aborted by its signal', async () => {
    const shim = identify(child());
    const controller = new AbortController();
    const waiting = shim.waitForExit({ signal: controller.signal });
    controller.abort();
    expect(await rejection(waiting)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(await rejection(shim.waitForExit({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORT_ERR' });
  });
});

describe('a child of this process', () => {
  it('tells how it ended', async () => {
    const shim = ShimProcess.ofChild(child('sh', '-c', 'sleep 0.1; exit 3'));
    expect(shim?.exit).toBeNull();
    await shim?.waitForExit();
    expect(shim?.exit).toEqual({ code: 3, signal: null });
  });

  it('is null where it did not start', async () => {
    const failed = spawn('/does/not/exist');
    failed.on('error', () => undefined);
    expect(ShimProcess.ofChild(failed)).toBeNull();
    const ended = child('true');
    await once(ended, 'exit');
    expect(ShimProcess.ofChild(ended)).toBeNull();
  });
});
