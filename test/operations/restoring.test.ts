// What a hold does between two of its refreshes, step by step: each call of the addon waits until the test lets it go on.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NativeBinding } from '../../dist/native/addon.js';
import { Subject } from '../../dist/native/contract.js';
import { runSync } from '../../dist/twin.js';
import { failure, native, recordNative, replaceNative } from '../helpers/addon.js';
import { expectDescriptors, openDescriptors } from '../helpers/descriptors.js';
import { hearWarnings, makeWorld, type World } from '../helpers.js';

type Hold = typeof import('../../dist/operations/hold.js');

/** A hold's code with another global Symbol, or other modules below it. */
function loadHold({ symbol = Symbol as object, modules = {} as Record<string, object> }): Hold {
  const file = require.resolve('../../dist/operations/hold.js');
  const module = { exports: {} as Hold };
  const load = createRequire(file);
  const code = new Function('require', 'exports', 'module', 'Symbol', fs.readFileSync(file, 'utf8'));
  code((id: string) => modules[id] ?? load(id), module.exports, module, symbol);
  return module.exports;
}

function pathsOf(world: World) {
  const { bindingDir: binding, parentDir: parent, realDir } = world.box('b');
  return { base: world.base, parent, binding, realDir, parentMode: 0o700 };
}

it('a hold is had, and let go, where the runtime has no symbols of disposal', () => {
  const { BindingHold, hold: steps } = loadHold({ symbol: { iterator: Symbol.iterator } });
  const hold = runSync(steps(pathsOf(makeWorld()), {}));
  hold.release();
  const own = Reflect.ownKeys(BindingHold.prototype).filter((key) => key === 'undefined' || typeof key === 'symbol');
  expect(own).toEqual([]);
});

it('a hold does not look again before it has looked at all sockets of its servers', async () => {
  let go = (): void => {};
  let looks = 0;
  const warnOfLostListeners = async (): Promise<void> => {
    looks++;
    await new Promise<void>((resolve) => {
      go = resolve;
    });
  };
  const calls = recordNative();
  const { hold: steps } = loadHold({ modules: { './own-listeners.js': { warnOfLostListeners } } });
  const hold = runSync(steps(pathsOf(makeWorld()), { refreshInterval: 5 }));
  onTestFinished(() => hold.release());
  const count = (name: string): number => calls.filter(([called]) => called === name).length;
  await expect.poll(() => count('refresh')).toBeGreaterThan(5);
  expect([count('refreshSocketsAsync'), looks]).toEqual([1, 1]);
  go();
  await expect.poll(() => looks).toBe(2);
  hold.release();
  go();
});

type Asynchronous = 'holdAsync' | 'refreshSocketsAsync';

/** From now on, each call of that function waits at a gate; it answers what it answers, or what it is let go with. */
function gate<Name extends Asynchronous>(name: Name) {
  type Answer = Awaited<ReturnType<NativeBinding[Name]>>;
  const real = native()[name] as unknown as (request: never) => Promise<Answer>;
  const waiting: ((answer?: Answer) => void)[] = [];
  const at = {
    calls: 0,
    /** Lets all go on that wait, when somebody does. */
    async open(answer?: Answer): Promise<void> {
      await expect.poll(() => waiting.length).toBeGreaterThan(0);
      for (const go of waiting.splice(0)) go(answer);
    },
  };
  const gated = async (request: never): Promise<Answer> => {
    at.calls++;
    const given = await new Promise<Answer | undefined>((resolve) => waiting.push(resolve));
    return given === undefined ? real(request) : given;
  };
  replaceNative({ [name]: gated });
  return at;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a hold that restores its link', () => {
  it('has made it when its asynchronous disposal ends, though it was released before', async () => {
    const world = makeWorld();
    const before = openDescriptors('/tmp');
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    const holding = gate('holdAsync');
    fs.unlinkSync(world.binding('b'));
    await expect.poll(() => holding.calls).toBeGreaterThan(0);
    // What it begins later, and has done sooner, is not all that it waits for.
    fs.symlinkSync(world.realDir('b'), world.binding('b'));
    const calls = recordNative();
    const looks = () => calls.filter(([name]) => name === 'refreshSocketsAsync').length;
    await expect.poll(looks).toBeGreaterThan(3);
    let ended = false;
    const disposed = hold[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    // Longer than a look takes that was begun before.
    for (let times = 0; times < 50; times++) await fs.promises.stat(world.base).then(turn);
    expect(ended).toBe(false);
    await holding.open();
    await disposed;
    expect(fs.readlinkSync(world.binding('b'))).toBe(world.realDir('b'));
    // Neither what it had nor what it was given too late is kept.
    await expectDescriptors('/tmp', before);
  });

  it('and is released meanwhile leaves the lock to the other holds of its parent, and nothing else', async () => {
    const world = makeWorld();
    const before = openDescriptors('/tmp');
    const other = await world.box('c').hold();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    const holding = gate('holdAsync');
    fs.unlinkSync(world.binding('b'));
    await expect.poll(() => holding.calls).toBeGreaterThan(0);
    hold.release();
    await holding.open();
    await hold[Symbol.asyncDispose]();
    await expectDescriptors('/tmp', [...before, world.parent, world.realDir('c')].sort());
    other.release();
    await expectDescriptors('/tmp', before);
  });

  it('does not bring it back once it is released, while another hold of the parent goes on', async () => {
    const world = makeWorld();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    const other = await world.box('c').hold({ refreshInterval: 5 });
    onTestFinished(() => other.release());
    const calls = recordNative();
    hold.release();
    fs.unlinkSync(world.binding('b'));
    const refreshed = () => calls.filter(([name]) => name === 'refresh').map(([, [request]]) => request);
    await expect.poll(() => refreshed().length).toBeGreaterThan(5);
    expect(new Set(refreshed().map((request) => (request as { binding: string }).binding))).toEqual(
      new Set([world.binding('c')]),
    );
    expect(fs.existsSync(world.binding('b'))).toBe(false);
  });

  it.each([false, true])('and cannot says so, unless it was released meanwhile: %s', async (released) => {
    const world = makeWorld();
    const heard = hearWarnings();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    onTestFinished(() => hold.release());
    const holding = gate('holdAsync');
    fs.unlinkSync(world.binding('b'));
    await expect.poll(() => holding.calls).toBeGreaterThan(0);
    if (released) hold.release();
    await holding.open(failure({ errno: os.constants.errno.ENOSPC, syscall: 'symlinkat', subject: Subject.binding }));
    if (released) await hold[Symbol.asyncDispose]().then(turn);
    else await expect.poll(() => heard.map(({ code }) => code)).toContain('ENOSPC');
    if (released) expect(heard).toEqual([]);
  });
});

describe('a look at the real directory', () => {
  it('that takes long is the only one until it ends; the link is refreshed meanwhile', async () => {
    const world = makeWorld();
    const refreshing = gate('refreshSocketsAsync');
    const calls = recordNative();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    onTestFinished(() => hold.release());
    const links = () => calls.filter(([name]) => name === 'refresh').length;
    await expect.poll(links).toBeGreaterThan(3);
    expect(refreshing.calls).toBe(1);
    await refreshing.open();
    await expect.poll(() => refreshing.calls).toBe(2);
    await refreshing.open();
    hold.release();
  });

  it('that fails is told, and is not the last one', async () => {
    const world = makeWorld();
    const heard = hearWarnings();
    const refreshing = gate('refreshSocketsAsync');
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    onTestFinished(() => hold.release());
    await refreshing.open(failure({ errno: os.constants.errno.EIO, syscall: 'openat', subject: Subject.realDir }));
    await expect.poll(() => heard.map(({ code }) => code)).toEqual(['EIO']);
    await refreshing.open();
    await expect.poll(() => refreshing.calls).toBeGreaterThan(2);
    hold.release();
    await refreshing.open();
  });

  it('that ends after the release makes nothing anew', async () => {
    const world = makeWorld();
    const refreshing = gate('refreshSocketsAsync');
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    await expect.poll(() => refreshing.calls).toBe(1);
    hold.release();
    const calls = recordNative();
    fs.renameSync(world.realDir('b'), `${world.base}/away`);
    fs.mkdirSync(world.realDir('b'), { recursive: true });
    await refreshing.open(null);
    await hold[Symbol.asyncDispose]();
    expect(calls.map(([name]) => name)).not.toContain('holdAsync');
  });

  it('that finds another one restores the hold before the next look; where that fails it is told', async () => {
    const world = makeWorld();
    const heard = hearWarnings();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    onTestFinished(() => hold.release());
    const holding = gate('holdAsync');
    const calls = recordNative();
    fs.renameSync(world.realDir('b'), `${world.base}/away`);
    fs.mkdirSync(world.realDir('b'), { recursive: true });
    // The real directory is another one, and that is seen: the link leads to it already.
    await expect.poll(() => holding.calls).toBe(1);
    const links = () => calls.filter(([name]) => name === 'refresh').length;
    const seen = links();
    await expect.poll(links).toBeGreaterThan(seen + 2);
    expect(holding.calls).toBe(1);
    await holding.open(failure({ errno: os.constants.errno.EMFILE, syscall: 'openat', subject: Subject.realDir }));
    await expect.poll(() => heard.map(({ code }) => code)).toEqual(['EMFILE']);
    await holding.open();
    await hold[Symbol.asyncDispose]();
  });

  it('that cannot be locked does not restore the hold each time', async () => {
    const world = makeWorld();
    const { holdAsync } = native();
    let holds = 0;
    const withoutRealDir: typeof holdAsync = async (request) => {
      holds++;
      const held = await holdAsync(request);
      if ('refusal' in held) return held;
      native().closeDescriptor(held.realDir);
      return { ...held, realDir: -1 };
    };
    replaceNative({ holdAsync: withoutRealDir });
    const calls = recordNative();
    const hold = await world.box('b').hold({ refreshInterval: 5 });
    onTestFinished(() => hold.release());
    await expect.poll(() => calls.filter(([name]) => name === 'refreshSocketsAsync').length).toBeGreaterThan(3);
    hold.release();
    await hold[Symbol.asyncDispose]();
    expect(holds).toBe(1);
    const closed = calls.filter(([name]) => name === 'closeDescriptor').map(([, [descriptor]]) => descriptor);
    expect(closed).not.toContain(-1);
  });
});
