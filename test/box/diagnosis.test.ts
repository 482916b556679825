// What is said where no guest was ready, to the letter: the most likely cause, and what it rests on.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { diagnose, guestNotReady, type LogEnd, type ReadyDiagnosis } from '../../dist/box/diagnosis.js';
import { BoxLayout, ShimProcess } from '../../dist/box/index.js';
import { tempDir } from '../helpers.js';

function makeLayout(directory = tempDir()): BoxLayout {
  return new BoxLayout(path.join(directory, 'boxes/b1'), { base: directory });
}

/** Prepared, its socket bound by a file that stands in for it. */
async function prepared(): Promise<{ layout: BoxLayout; bound: bigint }> {
  const layout = makeLayout();
  await layout.prepare();
  const file = path.join(layout.socketsDir, 'ready.sock');
  fs.writeFileSync(file, '');
  return { layout, bound: fs.statSync(file, { bigint: true }).ino };
}

const own = () => ShimProcess.ofSync(process.pid) as ShimProcess;
const entry = { name: 'x', path: '/x', bytes: 40, limit: 104, fits: true, realBytes: 90, realFits: true } as const;
type Changes = Partial<Omit<ReadyDiagnosis, 'cause'>> & { longest?: object | null };

describe('what can be seen', () => {
  it('of a box that is in order', async () => {
    const { layout, bound } = await prepared();
    expect(await diagnose(layout, own(), bound)).toMatchObject({
      shim: { pid: process.pid, alive: true, exit: null },
      console: null,
      shimLog: null,
      readySock: 'there',
      binding: 'right',
      budget: layout.sockets.budget(),
    });
  });

  it('of its shim, where none was given: whom shim.pid names, or nobody', async () => {
    const { layout, bound } = await prepared();
    expect((await diagnose(layout, null, bound)).shim).toBeNull();
    await own().write(layout.shimPid);
    expect((await diagnose(layout, null, bound)).shim).toEqual({ pid: process.pid, alive: true, exit: null });
    fs.rmSync(layout.shimPid);
    fs.symlinkSync('/etc/passwd', layout.shimPid);
    expect((await diagnose(layout, null, bound)).shim).toBeNull();
  });

  it('of its socket and its binding', async () => {
    const { layout, bound } = await prepared();
    const file = path.join(layout.socketsDir, 'ready.sock');
    const { bindingDir } = layout.sockets;
    expect((await diagnose(layout, null, bound + 1n)).readySock).toBe('replaced');
    expect((await diagnose(layout, null, undefined)).readySock).toBe('replaced');
    fs.rmSync(file);
    expect((await diagnose(layout, null, bound)).readySock).toBe('missing');
    fs.unlinkSync(bindingDir);
    expect((await diagnose(layout, null, bound)).binding).toBe('missing');
    fs.symlinkSync(path.dirname(layout.boxHome), bindingDir);
    expect((await diagnose(layout, null, bound)).binding).toBe('elsewhere');
    fs.unlinkSync(bindingDir);
    fs.symlinkSync('/nowhere', bindingDir);
    expect((await diagnose(layout, null, bound)).binding).toBe('elsewhere');
  });

  it('of what was written: the last eight lines of the last 1,024 bytes, without controls', async () => {
    const { layout } = await prepared();
    const written = async (text: string | Buffer) => {
      fs.mkdirSync(path.dirname(layout.consoleLog), { recursive: true });
      fs.writeFileSync(layout.consoleLog, text);
      return (await diagnose(layout, null, undefined)).console;
    };
    const of = (bytes: number, tail: string): LogEnd => ({ path: layout.consoleLog, bytes, tail });
    expect(await written('')).toEqual(of(0, ''));
    const lines = Array.from({ length: 9 }, (_, at) => `l${at}`);
    expect(await written(`${lines.join('\n')}\n\n`)).toEqual(of(28, lines.slice(1).join('\n')));
    expect(await written('\u001b[31ma\u001b[0m\r\nb\u0007\u009b\n')).toEqual(of(17, 'a\nb'));
    expect(await written(`${'x'.repeat(1024)}y`)).toEqual(of(1025, `${'x'.repeat(1023)}y`));
    // A letter that is cut in two, and bytes that are none.
    expect(await written(Buffer.from([0xff, 0x61, 0xc3]))).toEqual(of(3, 'a'));
    fs.rmSync(layout.consoleLog);
    fs.symlinkSync('/etc/passwd', layout.consoleLog);
    expect((await diagnose(layout, null, undefined)).console).toBeNull();
    fs.mkdirSync(path.dirname(layout.shimLog), { recursive: true });
    fs.writeFileSync(layout.shimLog, 'why\n');
    expect((await diagnose(layout, null, undefined)).shimLog).toEqual({ path: layout.shimLog, bytes: 4, tail: 'why' });
  });
});

describe('the most likely cause', () => {
  it.each<[string, (layout: BoxLayout) => unknown, () => ShimProcess | null, (layout: BoxLayout) => string]>([
    [
      'a shim that is dead',
      () => undefined,
      () => ({ pid: 7, isAlive: async () => false, exit: null }) as never,
      () => 'the shim is dead before its guest was up; its log says why',
    ],
    [
      'a binding that is gone',
      ({ sockets }) => fs.unlinkSync(sockets.bindingDir),
      own,
      ({ sockets }) =>
        `'${sockets.bindingDir}' was removed while the guest started, by something that cleans ` +
        `'${sockets.parentDir}': hold() keeps it`,
    ],
    [
      'a binding that was taken over',
      ({ sockets }) => {
        fs.unlinkSync(sockets.bindingDir);
        fs.symlinkSync('/', sockets.bindingDir);
      },
      own,
      ({ sockets }) => `'${sockets.bindingDir}' was taken over by another box of the same id`,
    ],
    [
      'a socket that is gone',
      ({ socketsDir }) => fs.unlinkSync(path.join(socketsDir, 'ready.sock')),
      own,
      () => 'something removed or replaced the socket while the guest started',
    ],
    ['no shim', () => undefined, () => null, () => 'the shim was never started, or ended long ago'],
    [
      'a guest that wrote',
      ({ consoleLog }) => {
        fs.mkdirSync(path.dirname(consoleLog), { recursive: true });
        fs.writeFileSync(consoleLog, 'x');
      },
      own,
      () => 'the guest started, and its agent did not come up; the console says how far it got',
    ],
    [
      'a guest that wrote nothing, where the names fit without the binding',
      ({ consoleLog }) => {
        fs.mkdirSync(path.dirname(consoleLog), { recursive: true });
        fs.writeFileSync(consoleLog, '');
      },
      own,
      () => 'the guest did not start at all: look at its kernel, and at the access to /dev/kvm',
    ],
  ])('%s', async (_, act, shim, cause) => {
    const { layout, bound } = await prepared();
    act(layout);
    expect((await diagnose(layout, shim(), bound)).cause).toBe(cause(layout));
  });

  it('a deep home, of which the names fit through the binding alone', async () => {
    const directory = tempDir();
    const layout = new BoxLayout(path.join(directory, 'd'.repeat(100), 'b1'), { base: directory });
    await layout.prepare();
    const file = path.join(layout.socketsDir, 'ready.sock');
    fs.writeFileSync(file, '');
    const { longest } = layout.sockets.budget();
    expect((await diagnose(layout, own(), fs.statSync(file, { bigint: true }).ino)).cause).toBe(
      'the guest did not start at all, as when the shim or its network were given paths below ' +
        `'${layout.socketsDir}' (up to ${longest?.realBytes} bytes, of 103 that fit) instead of the binding's`,
    );
  });
});

describe('the error', () => {
  const layout = makeLayout('/d');
  const ready = layout.sockets.readySock;

  function told({ longest = entry, ...changes }: Changes = {}, exited = false) {
    const diagnosis = {
      cause: 'CAUSE',
      shim: null,
      console: null,
      shimLog: null,
      readySock: 'there',
      binding: 'right',
      budget: { longest },
      ...changes,
    } as unknown as ReadyDiagnosis;
    const error = guestNotReady(layout, { exited, elapsed: 12, diagnosis });
    expect(error).toMatchObject({ path: ready, diagnosis });
    const code = exited ? 'ERR_BOX_SOCKETS_SHIM_EXITED' : 'ERR_BOX_SOCKETS_READY_TIMEOUT';
    expect(error.code).toBe(code);
    const [first, ...lines] = error.message.split('\n');
    expect(lines.every((line) => /^ {2}\S/.test(line))).toBe(true);
    return [first, ...lines.map((line) => line.trim())];
  }

  const never = [`The console ('${layout.consoleLog}') was never written.`];
  const neverLog = `The shim's own log ('${layout.shimLog}') was never written.`;
  const inOrder = `'${ready}' is there; the binding leads to it.`;
  const longest = 'The longest name takes 40 of 103 bytes through the binding, and 90 without it.';
  const say = `Ready is said by connecting once to '${ready}'; nothing is sent.`;
  const shim = (alive: boolean, exit: unknown = null) => ({ pid: 7, alive, exit }) as ReadyDiagnosis['shim'];

  it('of a guest that nobody knows of', () => {
    expect(told()).toEqual([
      `No guest connected to '${ready}' within 12 ms.`,
      'Most likely, CAUSE.',
      'No shim is known to run.',
      ...never,
      neverLog,
      inOrder,
      longest,
    ]);
  });

  it('of a shim that lives tells how ready is said, where the part of the host is in order', () => {
    const first = `The shim (process 7) lives, and nobody connected to '${ready}' within 12 ms.`;
    expect(told({ shim: shim(true), longest: null })).toEqual([
      first,
      'Most likely, CAUSE.',
      say,
      'The shim (pid 7) is alive.',
      ...never,
      neverLog,
      inOrder,
    ]);
    for (const changes of [{ readySock: 'missing' }, { binding: 'missing' }] as const) {
      expect(told({ shim: shim(true), ...changes })).not.toContain(say);
    }
    expect(told({ shim: shim(false) })).not.toContain(say);
    expect(told({ shim: shim(false) })[0]).toBe(`No guest connected to '${ready}' within 12 ms.`);
  });

  it.each([
    [null, 'is dead'],
    [{ code: null, signal: 'SIGKILL' }, 'was ended by SIGKILL'],
    [{ code: 0, signal: null }, 'ended with status 0'],
    [{ code: 127, signal: null }, 'ended with status 127: the program was not found'],
    [{ code: 126, signal: null }, 'ended with status 126: it could not be run'],
    [{ code: 125, signal: null }, 'ended with status 125'],
  ])('of a shim that ended, %j: %s', (exit, words) => {
    const lines = told({ shim: shim(false, exit) }, true);
    expect(lines[0]).toBe(`The shim ended before a guest connected to '${ready}' (12 ms).`);
    expect(lines[2]).toBe(`The shim (pid 7) ${words}.`);
  });

  it('of what was written, and of what became of the socket and the binding', () => {
    const end = (of: string, bytes: number, tail: string): LogEnd => ({ path: of, bytes, tail });
    const lines = told({
      console: end(layout.consoleLog, 9, 'a "b"\nc'),
      shimLog: end(layout.shimLog, 0, ''),
      readySock: 'replaced',
      binding: 'elsewhere',
    });
    expect(lines.slice(3)).toEqual([
      `The console ('${layout.consoleLog}') has 9 bytes, and ends: "a \\"b\\"\\nc".`,
      `The shim's own log ('${layout.shimLog}') is empty.`,
      `'${ready}' was replaced; the binding leads elsewhere.`,
      longest,
    ]);
    expect(told({ readySock: 'missing', binding: 'missing' })[5]).toBe(
      `'${ready}' is missing; the binding is missing.`,
    );
  });
});
