import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoxLayout, type ReadyDiagnosis, type ReadyOptions, ShimProcess, waitForReady } from '../../dist/box/index.js';
import { clock } from '../../dist/clock.js';
import { fixtures, holdSockets, makeDirOfBytes, missingPython, promise, rejection, run, tempDir } from '../helpers.js';

let layout: BoxLayout;
beforeEach(() => {
  const directory = tempDir();
  layout = new BoxLayout(path.join(directory, 'home', 'b1'), { base: directory });
  layout.prepareSync();
});

/** Starts test/fixtures/guest.py, and ends it with the test. */
function guest(...steps: string[]): ShimProcess {
  const program = [path.join(fixtures, 'guest.py'), layout.sockets.bindingDir, ...steps];
  const log = fs.openSync(layout.shimLog, 'w');
  const env = { ...process.env, CONSOLE: layout.consoleLog };
  const child = spawn('python3', program, { stdio: ['ignore', 'ignore', log], env });
  fs.closeSync(log);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const shim = ShimProcess.ofChild(child);
  if (shim === null) throw new Error('the guest did not start');
  return shim;
}

/** Waits, and looks whether it left a file behind. */
async function waitAndLeaveNothing(
  options?: ReadyOptions,
): Promise<{ ready?: object; error?: Error & Record<string, unknown> }> {
  const outcome = await waitForReady(layout, options).then(
    (ready) => ({ ready }),
    (error: Error & Record<string, unknown>) => ({ error }),
  );
  expect(fs.readdirSync(layout.socketsDir)).toEqual([]);
  return outcome;
}

const exited = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_SHIM_EXITED' };
const timedOut = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_READY_TIMEOUT' };

describe('waitForReady', () => {
  promise(missingPython, 'comes back when the guest connects, and leaves nothing behind', async () => {
    const { ready } = await waitAndLeaveNothing({ shim: () => guest('ready', 'sleep') });
    expect(ready).toMatchObject({ shim: { pid: expect.any(Number) }, elapsed: expect.any(Number) });
  });

  promise(missingPython, 'listens before it starts the shim', async () => {
    let listened = false;
    await waitForReady(layout, {
      shim: () => {
        listened = fs.existsSync(layout.sockets.readySock);
        return guest('ready', 'sleep');
      },
    });
    expect(listened).toBe(true);
  });

  promise(missingPython, 'takes a guest that was ready and died for ready', async () => {
    const { ready } = await waitAndLeaveNothing({ shim: () => guest('ready') });
    expect(ready).toBeDefined();
  });

  promise(missingPython, 'is told by the death of the shim how it ended, and ends at once', async () => {
    const { error } = await waitAndLeaveNothing({ shim: () => guest('say:no such kernel', 'exit:3') });
    expect(error).toMatchObject({ ...exited, path: layout.sockets.readySock });
    expect(error?.message).toContain('ended with status 3');
    expect(error?.message).toContain('no such kernel');
    expect(error?.diagnosis).toMatchObject({
      shim: { alive: false, exit: { code: 3, signal: null } },
      binding: 'right',
    });
  });

  promise(missingPython, 'notices the death of a shim that is no child', async () => {
    const shim = guest('sleep');
    const foreign = new ShimProcess(shim.pid, shim.startTime, { bootId: shim.bootId });
    setTimeout(() => shim.killSync('SIGKILL'), 50);
    const { error } = await waitAndLeaveNothing({ shim: foreign });
    expect(error).toMatchObject({ ...exited, diagnosis: { shim: { pid: shim.pid, alive: false, exit: null } } });
    expect(error?.message).toContain('is dead');
  });

  it('gives up at the deadline, and leaves nothing behind', async () => {
    const { error } = await waitAndLeaveNothing({ timeout: 20 });
    expect(error).toMatchObject({ ...timedOut, path: layout.sockets.readySock });
    expect((await waitAndLeaveNothing({ timeout: 0 })).error).toMatchObject(timedOut);
  });

  promise(missingPython, 'leaves no timer and no listener, however it ends', () => {
    const program = `
      const { BoxLayout, ShimProcess, waitForReady } = require(${JSON.stringify(path.join(fixtures, '../../dist/box'))});
      const { spawn } = require('node:child_process');
      const [home, base, guestProgram] = process.argv.slice(1);
      const layout = new BoxLayout(home, { base });
      const guest = (...steps) => () => {
        const args = [guestProgram, layout.sockets.bindingDir, ...steps];
        const child = spawn('python3', args, { stdio: 'ignore', detached: true });
        child.unref();
        return ShimProcess.ofChild(child);
      };
      const say = (error) => console.log(error.code);
      (async () => {
        const { shim } = await waitForReady(layout, { shim: guest('ready', 'sleep') });
        await waitForReady(layout, { shim, timeout: 50 }).catch(say);
        await waitForReady(layout, { shim, signal: AbortSignal.timeout(50) }).catch(say);
        await waitForReady(layout, { shim: () => { throw { code: 'not started' }; } }).catch(say);
        shim.killSync('SIGKILL');
        await waitForReady(layout, { shim }).catch(say);
        console.log(process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|TCP|Server/.test(name)).length);
      })();`;
    const args = [layout.boxHome, path.dirname(layout.sockets.parentDir), path.join(fixtures, 'guest.py')];
    // A timer or a listener would keep it from ending: the default deadline is 30 seconds.
    const output = run(process.execPath, ['-e', program, ...args], { timeout: 20_000 });
    const [timeout, aborted] = ['ERR_BOX_SOCKETS_READY_TIMEOUT', 'ABORT_ERR'];
    expect(output.split('\n')).toEqual([timeout, aborted, 'not started', 'ERR_BOX_SOCKETS_SHIM_EXITED', '0', '']);
  });

  it('has waited already while the shim was started', async () => {
    const hour = 3_600_000;
    const now = vi.spyOn(clock, 'now').mockReturnValue(0);
    onTestFinished(() => now.mockRestore());
    const start = () => {
      now.mockReturnValue(hour);
      return ShimProcess.ofSync(process.pid) as ShimProcess;
    };
    const { error } = await waitAndLeaveNothing({ shim: start, timeout: hour });
    expect(error).toMatchObject(timedOut);
  });

  it('is aborted by its signal, and leaves nothing behind', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 20);
    const { error } = await waitAndLeaveNothing({ signal: controller.signal });
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } });
    expect((await waitAndLeaveNothing({ signal: AbortSignal.abort() })).error).toMatchObject({ code: 'ABORT_ERR' });
    const late = new AbortController();
    const shim = () => {
      late.abort();
      return ShimProcess.ofSync(process.pid) as ShimProcess;
    };
    expect((await waitAndLeaveNothing({ signal: late.signal, shim })).error).toMatchObject({ code: 'ABORT_ERR' });
  });

  it('fails as starting the shim fails, and leaves nothing behind', async () => {
    const failure = new Error('no such program');
    const { error } = await waitAndLeaveNothing({ shim: () => Promise.reject(failure) });
    expect(error).toBe(failure);
  });

  promise(
    missingPython,
    'is fair: a guest that was in time is ready, however busy the host was meanwhile',
    async () => {
      const busyHost = (shim: ShimProcess): ShimProcess => {
        // Once it waits: until the guest has connected and died, and the deadline is over. The three then come at once.
        setTimeout(() => {
          const end = performance.now() + 20_000;
          while (shim.isAliveSync() && performance.now() < end);
          const deadline = performance.now() + 60;
          while (performance.now() < deadline);
        }, 1);
        return shim;
      };
      const { ready } = await waitAndLeaveNothing({ shim: () => busyHost(guest('ready', 'exit:1')), timeout: 50 });
      expect(ready).toBeDefined();
    },
  );

  it('replaces a stale socket, and its binding', async () => {
    const stale = net.createServer();
    await layout.sockets.listen(stale, 'ready.sock');
    // Closed behind Node's back, as by a crash: the file stays.
    fs.linkSync(path.join(layout.socketsDir, 'ready.sock'), path.join(layout.socketsDir, 'kept.sock'));
    await new Promise((resolve) => stale.close(resolve));
    fs.renameSync(path.join(layout.socketsDir, 'kept.sock'), path.join(layout.socketsDir, 'ready.sock'));
    layout.sockets.removeSync();
    const connect = () => {
      net.connect(layout.sockets.readySock).end();
      return ShimProcess.ofSync(process.pid) as ShimProcess;
    };
    expect((await waitAndLeaveNothing({ shim: connect })).ready).toBeDefined();
  });

  promise(missingPython, 'refuses where somebody else waits already, whose socket stays', async () => {
    const file = path.join(layout.socketsDir, 'ready.sock');
    await holdSockets({ path: file, type: 'stream' });
    const { ino } = fs.lstatSync(file);
    expect(await rejection(waitForReady(layout))).toMatchObject({ code: 'EADDRINUSE' });
    expect(fs.lstatSync(file).ino).toBe(ino);
  });

  it('takes its deadline from the environment where none is given', async () => {
    process.env.BOXLITE_GUEST_READY_TIMEOUT_SECS = '0.02';
    onTestFinished(() => {
      delete process.env.BOXLITE_GUEST_READY_TIMEOUT_SECS;
    });
    expect((await waitAndLeaveNothing()).error).toMatchObject(timedOut);
  });

  it.each<[unknown, unknown, string]>([
    [{}, undefined, 'ERR_INVALID_ARG_TYPE'],
    [undefined, { timeout: -1 }, 'ERR_INVALID_ARG_VALUE'],
    [undefined, { timeout: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [undefined, { timeout: 2 ** 31 }, 'ERR_INVALID_ARG_VALUE'],
    [undefined, { shim: 4711 }, 'ERR_INVALID_ARG_TYPE'],
    [undefined, { signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    [undefined, null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j with %j', async (bad, options, code) => {
    const wait = waitForReady((bad ?? layout) as BoxLayout, options as ReadyOptions);
    expect(await rejection(wait)).toMatchObject({ name: 'TypeError', code });
  });
});

describe('the message of a timeout alone lets a person find the cause:', () => {
  const diagnosisOf = (error: Record<string, unknown>): ReadyDiagnosis => error.diagnosis as ReadyDiagnosis;

  promise(missingPython, 'the shim is dead', async () => {
    const shim = guest('say:cannot open /dev/kvm', 'exit:1');
    await shim.waitForExit();
    // Not given: only shim.pid could name it.
    const error = await rejection(waitForReady(layout, { timeout: 20 }));
    expect(error).toMatchObject(timedOut);
    expect(error.message).toContain('the shim was never started, or ended long ago');
    expect(error.message).toContain('No shim is known to run');
    expect(error.message).toContain('cannot open /dev/kvm');
  });

  promise(missingPython, 'the shim is alive, and its guest silent', async () => {
    const error = await rejection(waitForReady(layout, { shim: () => guest('sleep'), timeout: 300 }));
    expect(error.message).toContain('the guest did not start at all');
    expect(error.message).toMatch(
      /^The shim \(process \d+\) lives, and nobody connected to '.*ready\.sock' within \d+ ms\.\n/,
    );
    expect(error.message).toContain(
      `\n  Ready is said by connecting once to '${layout.sockets.readySock}'; nothing is sent.\n`,
    );
    expect(
      error.message
        .split('\n')
        .slice(1)
        .every((line) => /^ {2}\S.*\.$/.test(line)),
    ).toBe(true);
    expect(error.message).toContain(`The console ('${layout.consoleLog}') was never written`);
    expect(error.message).toContain('/dev/kvm');
  });

  promise(missingPython, 'the shim is alive, and its guest stopped on the way', async () => {
    const console = 'console:\u001b[1mbooting\u001b[0m\n[    0.1] Kernel panic - not syncing: no init\n';
    const shim = guest(console, 'sleep');
    await vi.waitFor(() => expect(fs.readFileSync(layout.consoleLog, 'utf8')).toContain('no init'), 20_000);
    const error = await rejection(waitForReady(layout, { shim, timeout: 100 }));
    expect(error.message).toContain('the guest started, and its agent did not come up');
    expect(error.message).toContain('booting\\n[    0.1] Kernel panic - not syncing: no init');
    expect(error.message).toContain(`${fs.statSync(layout.consoleLog).size} bytes`);
    expect(diagnosisOf(error).console?.tail).toBe('booting\n[    0.1] Kernel panic - not syncing: no init');
  });

  promise(missingPython, 'the real path is too long, and the shim may have been given it', async () => {
    const directory = tempDir();
    layout = new BoxLayout(path.join(makeDirOfBytes(directory, 297), 'b1'), { base: directory });
    layout.prepareSync();
    const error = await rejection(waitForReady(layout, { shim: () => guest('sleep'), timeout: 300 }));
    const { longest } = layout.sockets.budget();
    expect(error.message).toContain(
      `were given paths below '${layout.socketsDir}' (up to ${longest?.realBytes} bytes, of 103`,
    );
    expect(error.message).toContain(
      `${longest?.bytes} of 103 bytes through the binding, and ${longest?.realBytes} without`,
    );
    expect(diagnosisOf(error).budget.longest?.realFits).toBe(false);
  });

  it('the binding is too long itself', async () => {
    const directory = makeDirOfBytes(tempDir(), 95);
    layout = new BoxLayout(path.join(directory, 'b1'), { base: directory });
    fs.mkdirSync(layout.socketsDir, { recursive: true });
    const error = await rejection(waitForReady(layout));
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG' });
    expect(error.message).toMatch(/net\.sock-krun\.sock' is \d+ bytes long, and a socket address holds 103/);
  });

  promise(missingPython, 'the binding was reaped while it waited', async () => {
    const shim = () => {
      fs.unlinkSync(layout.sockets.bindingDir);
      return guest('sleep');
    };
    const error = await rejection(waitForReady(layout, { shim, timeout: 100 }));
    expect(error.message).toContain(`'${layout.sockets.bindingDir}' was removed while the guest started`);
    expect(error.message).toContain('hold() keeps it');
    expect(error.message).toContain('the binding is missing');
    expect(fs.readdirSync(layout.socketsDir)).toEqual([]);
  });

  promise(missingPython, 'another box took the binding over', async () => {
    const other = new BoxLayout(path.join(tempDir(), 'b1'), { base: path.dirname(layout.sockets.parentDir) });
    fs.mkdirSync(other.socketsDir, { recursive: true });
    const shim = () => {
      other.sockets.ensureSync({ takeover: true });
      return guest('sleep');
    };
    const error = await rejection(waitForReady(layout, { shim, timeout: 100 }));
    expect(error.message).toContain('was taken over by another box of the same id');
    expect(fs.readdirSync(layout.socketsDir)).toEqual([]);
    expect(fs.readlinkSync(layout.sockets.bindingDir)).toBe(other.socketsDir);
  });

  promise(missingPython, 'the socket was removed while it waited', async () => {
    const shim = () => {
      fs.unlinkSync(path.join(layout.socketsDir, 'ready.sock'));
      return guest('sleep');
    };
    const error = await rejection(waitForReady(layout, { shim, timeout: 100 }));
    expect(error.message).toContain('something removed or replaced the socket');
    expect(diagnosisOf(error).readySock).toBe('missing');
  });

  it('the program was not found', async () => {
    const child = spawn('sh', ['-c', 'sleep 0.1; exec /does/not/exist'], { stdio: 'ignore' });
    const error = await rejection(waitForReady(layout, { shim: ShimProcess.ofChild(child) as ShimProcess }));
    expect(error).toMatchObject(exited);
    expect(error.message).toContain('ended with status 127: the program was not found');
  });
});
