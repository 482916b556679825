// What listen does between its bind and a server that listens, and at the close of that, step by step: the addon is
// replaced where a step has to be met.

import { getEventListeners } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BoxSockets, ListenOptions } from '../../dist/index.js';
import type { NativeBinding } from '../../dist/native/addon.js';
import { Refusal, Subject } from '../../dist/native/contract.js';
import { failure, native, passTime, recordNative, replaceNative } from '../helpers/addon.js';
import { expectDescriptors, openDescriptors } from '../helpers/descriptors.js';
import { answerOf, closed, closedBehindOurBack, makeServer } from '../helpers/net.js';
import { leaveDeadSocket, makeWorld, rejection } from '../helpers.js';

const LOCKED = failure({ refusal: Refusal.lockTimeout, subject: Subject.lock });
const reason = new Error('why');
const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: reason };

/** Where the files are: with this kernel alone, where a bind takes no thread, or perhaps with a server that hangs. */
const places = [
  { place: 'here', isServedHere: true },
  { place: 'perhaps elsewhere', isServedHere: false },
] as const;

/** How often each function of the addon was called that binds, closes or unlinks. */
function counts(calls: [name: string, args: unknown[]][]): Record<string, number> {
  const names = ['listenAtFreeName', 'listenAsync', 'unlinkOwn', 'unlinkOwnAsync', 'closeDescriptor', 'disown'];
  const count = (name: string): number => calls.filter(([called]) => called === name).length;
  return Object.fromEntries(names.map((name) => [name, count(name)]).filter(([, times]) => times !== 0));
}

/** `meet` is called when a socket was bound, and nobody was told of it yet. */
function meetBound(meet: () => void): void {
  const { listenAtFreeName, listenAsync } = native();
  const met = <T>(bound: T): T => {
    if (bound !== null) meet();
    return bound;
  };
  replaceNative({
    listenAtFreeName: (request) => met(listenAtFreeName(request)),
    listenAsync: async (request) => met(await listenAsync(request)),
  });
}

/** The listener that the addon has made. */
function listenerOf(functions: Pick<NativeBinding, 'listenAtFreeName' | 'listenAsync'>) {
  const made: { socket: number; pin: number; directory: number }[] = [];
  const note = <T>(answer: T): T => {
    if (typeof answer === 'object' && answer !== null && 'socket' in answer) made.push(answer as never);
    return answer;
  };
  replaceNative({
    listenAtFreeName: (request) => note(functions.listenAtFreeName(request)),
    listenAsync: async (request) => note(await functions.listenAsync(request)),
  });
  return made;
}

describe.each(places)('listen, with files $place', ({ isServedHere }) => {
  const onThread = !isServedHere;

  function scene(): { box: BoxSockets; file: string } {
    const box = makeWorld().box('b');
    replaceNative({ isServedHereAsync: async () => isServedHere });
    return { box, file: `${box.realDir}/box.sock` };
  }

  it('hands a descriptor to the server, once, and at its close unlinks its file, once', async () => {
    const { box, file } = scene();
    const made = listenerOf(native());
    const before = openDescriptors('/tmp');
    const calls = recordNative();
    const server = makeServer((socket) => void socket.end('hello'));
    const listening = vi.spyOn(server, 'listen');
    await box.listen(server, 'box.sock');
    const [{ socket, pin, directory } = { socket: -1, pin: -1, directory: -1 }] = made;
    expect(listening).toHaveBeenCalledExactlyOnceWith({ fd: socket, exclusive: true }, 511);
    expect(calls.filter(([name]) => name === 'disown')).toEqual([['disown', [socket]]]);
    expect(await answerOf(box.boxSock)).toBe('hello');
    await closed(server);
    await expect.poll(() => fs.existsSync(file)).toBe(false);
    await expectDescriptors('/tmp', before);
    expect(counts(calls)).toEqual({
      // The name is free, but the binding is still to be made: that takes a thread.
      ...(onThread ? {} : { listenAtFreeName: 1 }),
      listenAsync: 1,
      [onThread ? 'unlinkOwnAsync' : 'unlinkOwn']: 1,
      closeDescriptor: [pin, directory].filter((descriptor) => descriptor >= 0).length,
      disown: 1,
    });
    expect(calls.filter(([name]) => name === 'closeDescriptor').map(([, [descriptor]]) => descriptor)).toEqual(
      [pin, directory].filter((descriptor) => descriptor >= 0),
    );
  });

  it('passes on the signal, and keeps no listener on it where it fails', async () => {
    const { box, file } = scene();
    const { signal } = new AbortController();
    const server = makeServer();
    const listening = vi.spyOn(server, 'listen').mockImplementation(() => {
      throw reason;
    });
    expect(await rejection(box.listen(server, 'box.sock', { signal, backlog: 5 }))).toBe(reason);
    const given = { fd: expect.any(Number), exclusive: true, signal };
    expect(listening).toHaveBeenCalledExactlyOnceWith(given, 5);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(fs.existsSync(file)).toBe(false);
  });

  const failures: [string, (server: net.Server) => void][] = [
    ['throws', () => vi.spyOn(net.Server.prototype, 'listen').mockImplementation(() => expect.unreachable('no'))],
    [
      'emits an error',
      (server) => {
        const emit = () => server.emit('error', reason);
        vi.spyOn(server, 'listen').mockImplementation(() => {
          setImmediate(emit);
          return server;
        });
      },
    ],
    [
      'closes',
      (server) =>
        vi.spyOn(server, 'listen').mockImplementation(() => {
          setImmediate(() => server.emit('close'));
          return server;
        }),
    ],
  ];

  it.each(failures)(
    'a server that %s in the place of listening leaves nothing, and has its methods back',
    async (_, fail) => {
      const { box, file } = scene();
      onTestFinished(() => void vi.restoreAllMocks());
      const before = openDescriptors('/tmp');
      const calls = recordNative();
      const server = makeServer();
      fail(server);
      await rejection(box.listen(server, 'box.sock', { verifyPeer: true }));
      // When it rejects, and not some time later.
      expect(fs.existsSync(file)).toBe(false);
      expect([Object.hasOwn(server, 'close'), Object.hasOwn(server, 'emit')]).toEqual([false, false]);
      expect(counts(calls)).toMatchObject({ [onThread ? 'unlinkOwnAsync' : 'unlinkOwn']: 1 });
      expect(counts(calls)).not.toHaveProperty(onThread ? 'unlinkOwn' : 'unlinkOwnAsync');
      await expectDescriptors('/tmp', before);
    },
  );

  it('does not close a number that the server has closed already, and that may be somebody else’s', async () => {
    const { box } = scene();
    const made = listenerOf(native());
    const server = makeServer();
    const fail = () => {
      native().closeDescriptor(made[0]?.socket ?? -1);
      throw reason;
    };
    vi.spyOn(server, 'listen').mockImplementation(fail);
    let calls: [string, unknown[]][] = [];
    const { inodeOf } = native();
    replaceNative({ inodeOf: (descriptor) => (descriptor === made[0]?.socket ? 4711 : inodeOf(descriptor)) });
    calls = recordNative();
    expect(await rejection(box.listen(server, 'box.sock'))).toBe(reason);
    const closedNumbers = calls.filter(([name]) => name === 'closeDescriptor').map(([, [descriptor]]) => descriptor);
    expect(closedNumbers.filter((number) => number === made[0]?.socket)).toHaveLength(1); // by the server, above
  });

  it('warns where it may not unlink, in words, and closes its descriptors all the same', async () => {
    const { box } = scene();
    const denied = failure({ errno: os.constants.errno.EROFS, syscall: 'unlinkat', subject: Subject.socket });
    replaceNative({ unlinkOwn: () => denied, unlinkOwnAsync: async () => denied });
    const before = openDescriptors('/tmp');
    const server = makeServer();
    await box.listen(server, 'box.sock');
    const warned = new Promise((resolve) => process.once('warning', resolve));
    await closed(server);
    expect(await warned).toMatchObject({ code: 'EROFS', syscall: 'unlinkat', path: box.boxSock });
    await expectDescriptors('/tmp', before);
  });

  it('and with the lock held at its close waits for that, as long as an operation does', async () => {
    const { box } = scene();
    const server = makeServer();
    await box.listen(server, 'box.sock');
    const pauses = passTime();
    replaceNative({ unlinkOwnAsync: async () => LOCKED });
    const warned = new Promise((resolve) => process.once('warning', resolve));
    await closedBehindOurBack(server);
    expect(await warned).toMatchObject({ code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT' });
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(5000);
    fs.unlinkSync(`${box.realDir}/box.sock`);
  });

  type Ending = (server: net.Server, abort: AbortController) => void;
  const endings: [string, Ending, object][] = [
    ['by its signal', (_, abort) => abort.abort(reason), aborted],
    ['by the close of its server', (server) => void server.emit('close'), { name: 'AbortError', code: 'ABORT_ERR' }],
  ];

  describe.each(endings)('ended %s', (_, end, error) => {
    const listen = (box: BoxSockets, server: net.Server, abort: AbortController, options?: ListenOptions) =>
      rejection(box.listen(server, 'box.sock', { ...options, signal: abort.signal }));

    it('while it asks where the files are touches nothing', async () => {
      const { box } = scene();
      const abort = new AbortController();
      const server = makeServer();
      const isServedHereAsync = async () => {
        end(server, abort);
        return isServedHere;
      };
      replaceNative({ isServedHereAsync });
      const calls = recordNative();
      expect(await listen(box, server, abort)).toMatchObject(error);
      expect(counts(calls)).toEqual({});
      expect(fs.existsSync(box.parentDir)).toBe(false);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });

    it('when it has bound does not hand that over', async () => {
      const { box, file } = scene();
      const abort = new AbortController();
      const server = makeServer();
      const before = openDescriptors('/tmp');
      meetBound(() => end(server, abort));
      const listening = vi.spyOn(server, 'listen');
      expect(await listen(box, server, abort, { verifyPeer: true })).toMatchObject(error);
      expect(listening).not.toHaveBeenCalled();
      expect(fs.existsSync(file)).toBe(false);
      expect([Object.hasOwn(server, 'close'), Object.hasOwn(server, 'emit')]).toEqual([false, false]);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
      await expectDescriptors('/tmp', before);
    });

    it('while it waits for the lock waits no longer', async () => {
      const { box } = scene();
      leaveDeadSocket(`${box.realDir}/box.sock`);
      const abort = new AbortController();
      const server = makeServer();
      let tries = 0;
      const listenAsync = async () => {
        if (++tries === 3) end(server, abort);
        return LOCKED;
      };
      replaceNative({ listenAsync });
      passTime();
      expect(await listen(box, server, abort)).toMatchObject(error);
      expect(tries).toBe(3);
    });

    if (onThread) return;
    it('while it looks for a free name does not begin to wait for the lock', async () => {
      const { box } = scene();
      const abort = new AbortController();
      const server = makeServer();
      let tries = 0;
      const listenAtFreeName = () => {
        end(server, abort);
        return null;
      };
      const listenAsync = async () => {
        tries++;
        return LOCKED;
      };
      replaceNative({ listenAtFreeName, listenAsync });
      passTime();
      expect(await listen(box, server, abort)).toMatchObject(error);
      expect(tries).toBe(1);
    });
  });
});

it('a server without a descriptor of its directory unlinks its file under the lock alone', async () => {
  const box = makeWorld().box('b');
  const { listenAsync } = native();
  const without: typeof listenAsync = async (request) => {
    const made = await listenAsync(request);
    if ('refusal' in made) return made;
    if (made.directory >= 0) native().closeDescriptor(made.directory);
    return { ...made, directory: -1 };
  };
  replaceNative({ isServedHereAsync: async () => true, listenAtFreeName: () => null, listenAsync: without });
  const calls = recordNative();
  const server = makeServer();
  await box.listen(server, 'box.sock');
  await closed(server);
  await expect.poll(() => fs.existsSync(`${box.realDir}/box.sock`)).toBe(false);
  expect(counts(calls)).toMatchObject({ unlinkOwnAsync: 1 });
  expect(counts(calls)).not.toHaveProperty('unlinkOwn');
  const numbers = calls.filter(([name]) => name === 'closeDescriptor').map(([, [descriptor]]) => descriptor);
  expect(numbers).not.toContain(-1);
});

describe('the methods of a server that listens', () => {
  it('may be replaced meanwhile, and then stay as they were replaced', async () => {
    const box = makeWorld().box('b');
    const server = makeServer();
    await box.listen(server, 'box.sock', { verifyPeer: true });
    const { close, emit } = server;
    const mine = vi.fn((...args: Parameters<typeof close>) => close.apply(server, args));
    const heard = vi.fn((...args: Parameters<typeof emit>) => emit.apply(server, args));
    server.close = mine as never;
    server.emit = heard as never;
    await closed(server);
    expect(mine).toHaveBeenCalledOnce();
    expect(heard.mock.calls.map(([event]) => event)).toContain('close');
    expect([server.close, server.emit]).toEqual([mine, heard]);
    expect(fs.readdirSync(box.realDir)).toEqual([]);
  });

  it('answer as they do without us', async () => {
    const box = makeWorld().box('b');
    const server = makeServer();
    await box.listen(server, 'box.sock', { verifyPeer: true });
    server.once('mine', () => {});
    expect([server.emit('mine'), server.emit('mine')]).toEqual([true, false]);
    // An event of another name is not looked at, whatever it brings.
    const brought: unknown[] = [];
    server.once('drop', (value) => brought.push(value));
    server.emit('drop', null);
    expect(brought).toEqual([null]);
    const closing = closed(server);
    expect(server.close()).toBe(server);
    await closing;
  });

  it('with verifyPeer close a connection whose peer cannot be told', async () => {
    const box = makeWorld().box('b');
    const server = makeServer();
    await box.listen(server, 'box.sock', { verifyPeer: true });
    for (const handle of [undefined, {}, { fd: -1 }, { fd: '3' }]) {
      const socket = Object.assign(new net.Socket(), { _handle: handle });
      const destroyed = vi.spyOn(socket, 'destroy').mockReturnValue(socket);
      expect(server.emit('connection', socket)).toBe(true);
      expect(destroyed).toHaveBeenCalledOnce();
    }
    expect(server.accepted).toEqual([]);
  });
});
