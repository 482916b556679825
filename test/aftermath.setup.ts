// What an operation may leave behind is looked for after every test, last of all: descriptors, locks, timers, entries of
// maps, warnings that nobody listened for; on each server and socket that it was handed or has handed out, listeners. And
// that each of its loops with assertions went round.

import type { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect } from 'vitest';

/** What the package remembers while a process lives, as it is made: the maps of the modules that are loaded below. */
const remembered: Map<unknown, unknown>[] = [];
const RealMap = Map;
globalThis.Map = class<K, V> extends RealMap<K, V> {
  constructor(entries?: Iterable<readonly [K, V]> | null) {
    super(entries);
    remembered.push(this);
  }
} as MapConstructor;
const load = createRequire(__filename);
const { BoxSockets } = load('../dist/index.js') as typeof import('../dist/index.js');
for (const late of ['hold', 'full-queue']) load(`../dist/operations/${late}.js`);
globalThis.Map = RealMap;
const listening = (process as unknown as Record<symbol, Set<unknown>>)[Symbol.for('boxsockets.listeners')];

/** Milliseconds that a close may take. */
const SOON = 5_000;

/** By what they are, how many descriptors and locks this process has, and how much is remembered. */
function held(): { sockets: number; inTemporary: string[]; locks: number; timers: number; entries: number } {
  const open = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`);
      // Not in /proc/locks, which is read in pieces and may pass over one while others come and go.
      const info = target.startsWith('/') ? fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8') : '';
      return [{ target, locks: info.match(/^lock:.* FLOCK /gm)?.length ?? 0 }];
    } catch {
      return []; // the one that readdir itself had
    }
  });
  const targets = open.map(({ target }) => target);
  return {
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    inTemporary: targets.filter((target) => target.startsWith('/tmp/bs-')).sort(),
    locks: open.reduce((sum, { locks }) => sum + locks, 0),
    entries: remembered.reduce((sum, { size }) => sum + size, listening?.size ?? 0),
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

const listenersOf = (emitter: EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));

/** Of the running test: what it found on the servers and sockets of its calls. */
let found: { what: string; listeners: Record<string, number>; expected: Record<string, number> }[] = [];

const { listen, connect } = BoxSockets.prototype;

// Of two calls at once with one server, neither can tell its listeners from the other's.
const busy = new Set<net.Server>();
const shared = new Set<net.Server>();

BoxSockets.prototype.listen = async function (server, name, options) {
  const isServer = typeof (server as Partial<net.Server> | undefined)?.eventNames === 'function';
  if (busy.has(server)) shared.add(server);
  busy.add(server);
  const before = isServer ? listenersOf(server) : {};
  try {
    await listen.call(this, server, name, options);
  } catch (error) {
    if (isServer && !shared.has(server)) {
      found.push({ what: 'a server that does not listen', listeners: listenersOf(server), expected: before });
    }
    throw error;
  } finally {
    busy.delete(server);
  }
  if (shared.has(server)) return;
  // What unlinks its file and gives it its own methods back, and what Node itself adds for a signal.
  const own = 1 + (options?.signal === undefined ? 0 : 1);
  const expected = { ...before, close: (before.close ?? 0) + own };
  found.push({ what: 'a server that listens', listeners: listenersOf(server), expected });
};

BoxSockets.prototype.connect = async function (name, options) {
  const socket = await connect.call(this, name, options);
  // An 'error' listener of ours would swallow the host's errors; Node has one of its own where there is a signal.
  const { signal } = options ?? {};
  const plain = listenersOf(new net.Socket(signal === undefined ? {} : { signal: new AbortController().signal }));
  found.push({ what: 'a socket', listeners: listenersOf(socket), expected: plain });
  return socket;
};

/** Of the running test: each loop with assertions that it reached (test/loops.mts), and how often that went round. */
const rounds = new Map<string, number>();

Object.assign(globalThis, {
  *countedLoop<T>(items: Iterable<T>, loop: string): Generator<T> {
    rounds.set(loop, rounds.get(loop) ?? 0);
    for (const item of items) {
      rounds.set(loop, (rounds.get(loop) ?? 0) + 1);
      yield item;
    }
  },
});

beforeEach(({ onTestFinished }) => {
  found = [];
  rounds.clear();
  const before = held();
  const own = process.listenerCount('warning');
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => {
    const isHeard = process.listenerCount('warning') > own + 1;
    if (!isHeard && warning.name === 'BoxSocketsError') warnings.push(warning.message);
  };
  process.on('warning', onWarning);
  // Registered first, and so called last: after what the test itself closes and removes.
  onTestFinished(async () => {
    process.off('warning', onWarning);
    for (const { what, listeners, expected } of found) expect(listeners, `listeners left on ${what}`).toEqual(expected);
    const idle = [...rounds].filter(([, times]) => times === 0).map(([loop]) => loop);
    expect(idle, 'loops that asserted nothing').toEqual([]);
    expect(warnings, 'warnings that nobody listened for').toEqual([]);
    const left = () => {
      const { sockets, inTemporary, locks, timers, entries } = held();
      return {
        sockets: Math.max(0, sockets - before.sockets),
        inTemporary: inTemporary.filter((target) => !before.inTemporary.includes(target)),
        locks: Math.max(0, locks - before.locks),
        timers: Math.max(0, timers - before.timers),
        entries: Math.max(0, entries - before.entries),
      };
    };
    const nothing = { sockets: 0, inTemporary: [], locks: 0, timers: 0, entries: 0 };
    // Not by a poll, whose own timers would be among those that it looks for.
    const until = performance.now() + SOON;
    while (JSON.stringify(left()) !== JSON.stringify(nothing) && performance.now() < until) await sleep(5);
    expect(left(), 'left behind').toEqual(nothing);
  });
});
