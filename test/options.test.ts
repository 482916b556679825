// Every object of options that the package takes, misspelt: refused with the nearest that there is, before anything else
// happens. The table is held against docs/api, so that no function is forgotten.

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BoxConfig, BoxLayout, ShimProcess, waitForReady } from '../dist/box/index.js';
import * as index from '../dist/index.js';
import { BoxSockets } from '../dist/index.js';
import { BoxRuntime } from '../dist/runtime/index.js';
import { bubblewrapArgs, buildPathAccess, seatbeltPolicy } from '../dist/sandbox/index.js';
import { MemoryBoxStore } from './helpers/memory-box-store.js';

const base = fs.realpathSync(fs.mkdtempSync('/tmp/bs-'));
const box = new BoxSockets('b', base, { base });
const boxHome = path.join(base, 'boxes/b');
const layout = new BoxLayout(boxHome, { base });
const shim = new ShimProcess(2 ** 22, 1);
const row = { id: 'b', name: null, created_at: '2026-11-26T00:00:00Z', container: { id: 'c' }, options: {} };
const config = BoxConfig.from({ ...row, engine_kind: 'Libkrun', box_home: boxHome });
let runtime: BoxRuntime;

beforeAll(async () => {
  runtime = await BoxRuntime.open({ homeDir: path.join(base, 'home'), store: new MemoryBoxStore(), base });
  await runtime.provision({ id: 'there' });
});
afterAll(async () => {
  await runtime.close();
  fs.rmSync(base, { recursive: true });
});

/** A function as docs/api has it, what one may mean, what one wrote, and the call. */
type Case = [called: string, meant: string, wrote: string, call: (options: never) => unknown];

const PIN = { scheme: 'none' };

const CASES: Case[] = [
  ['BoxSockets.new', 'options.standardNames', 'standardName', (options) => new BoxSockets('b', base, options)],
  ['BoxSockets.new', 'options.names[0].type', 'typ', (name) => new BoxSockets('b', base, { names: [name] })],
  [
    'BoxSockets.new',
    'krun.suffix',
    'sufix',
    (krun) => new BoxSockets('b', base, { krun: { ...PIN, ...(krun as object) } as never }),
  ],
  ['BoxSockets.claim', 'options.takeover', 'takeOver', (options) => box.claim('a', options)],
  ['BoxSockets.connect', 'options.verifyPeer', 'verifypeer', (options) => box.connect('a', options)],
  ['BoxSockets.connect', 'options.verifyPeer.uid', 'uids', (verifyPeer) => box.connect('a', { verifyPeer })],
  ['BoxSockets.ensure', 'options.lockTimeout', 'locktimeout', (options) => box.ensure(options)],
  ['BoxSockets.ensureSync', 'options.lockTimeout', 'timeout', (options) => box.ensureSync(options)],
  ['BoxSockets.hold', 'options.refreshInterval', 'refreshInteval', (options) => box.hold(options)],
  ['BoxSockets.holdSync', 'options.refreshInterval', 'refreshIntervall', (options) => box.holdSync(options)],
  ['BoxSockets.listen', 'options.backlog', 'backLog', (options) => box.listen(net.createServer(), 'a', options)],
  [
    'BoxSockets.listen',
    'options.verifyPeer.uid',
    'uid_',
    (verifyPeer) => box.listen(net.createServer(), 'a', { verifyPeer }),
  ],
  ['BoxSockets.remove', 'options.lockTimeout', 'locktimeout', (options) => box.remove(options)],
  ['BoxSockets.removeSync', 'options.lockTimeout', 'lockTimout', (options) => box.removeSync(options)],
  ['BoxSockets.inspect', 'options.base', 'bse', (options) => BoxSockets.inspect(options)],
  ['BoxSockets.inspectSync', 'options.base', 'bse', (options) => BoxSockets.inspectSync(options)],
  ['BoxSockets.list', 'options.timeout', 'timeOut', (options) => BoxSockets.list(options)],
  ['BoxSockets.listSync', 'options.base', 'bases', (options) => BoxSockets.listSync(options)],
  ['BoxSockets.sweepStale', 'options.dryRun', 'dryrun', (options) => BoxSockets.sweepStale(options)],
  ['BoxSockets.sweepStaleSync', 'options.dryRun', 'dry_run', (options) => BoxSockets.sweepStaleSync(options)],
  ['assertKrunPin', 'input.source', 'sorce', (input) => index.assertKrunPin(input, 'suffix')],
  [
    'assertKrunPin',
    'expected.longestName',
    'longestname',
    (pin) => index.assertKrunPin({ source: base }, { ...PIN, ...(pin as object) } as never),
  ],
  ['assertKrunPinSync', 'input.library', 'libary', (input) => index.assertKrunPinSync(input, 'suffix')],
  ['checkKrunPin', 'input.source', 'sorce', (input) => index.checkKrunPin(input)],
  ['checkKrunPinSync', 'input.library', 'lib', (input) => index.checkKrunPinSync(input)],
  ['probeSocketPath', 'options.type', 'typ', (options) => index.probeSocketPath(`${base}/a`, options)],
  ['probeSocketPathSync', 'options.type', 'kind', (options) => index.probeSocketPathSync(`${base}/a`, options)],
  ['BoxConfig.layout', 'options.base', 'Base', (options) => config.layout(options)],
  ['BoxConfig.readyTransport', 'options.base', 'Base', (options) => config.readyTransport(options)],
  ['BoxConfig.sockets', 'options.krun', 'krunn', (options) => config.sockets(options)],
  ['BoxConfig.transport', 'options.uid', 'uids', (options) => config.transport(options)],
  ['BoxLayout.new', 'options.boxId', 'boxID', (options) => new BoxLayout(boxHome, options)],
  ['BoxLayout.cleanup', 'options.hasRow', 'hasRows', (options) => layout.cleanup(options)],
  ['BoxLayout.cleanupSync', 'options.hasRow', 'hasRow_', (options) => layout.cleanupSync(options)],
  ['BoxLayout.prepare', 'options.takeover', 'takeOver', (options) => layout.prepare(options)],
  ['BoxLayout.prepareSync', 'options.takeover', 'take_over', (options) => layout.prepareSync(options)],
  ['ShimProcess.new', 'origin.pidNamespace', 'pidnamespace', (origin) => new ShimProcess(2 ** 22, 1, origin)],
  ['ShimProcess.waitForExit', 'options.timeout', 'timeOut', (options) => shim.waitForExit(options)],
  ['waitForReady', 'options.timeout', 'timout', (options) => waitForReady(layout, options)],
  ['BoxRuntime.open', 'options.homeDir', 'homedir', (options) => BoxRuntime.open(options)],
  ['BoxRuntime.connect', 'options.timeout', 'timeOut', (options) => runtime.connect('there', 'a', options)],
  [
    'BoxRuntime.launch',
    'options.readyTimeout',
    'readytimeout',
    (options) => runtime.launch('b', { command: 'true' }, options),
  ],
  ['BoxRuntime.launch', 'shim.args', 'arg', (command) => runtime.launch('b', command)],
  ['BoxRuntime.provision', 'box.containerId', 'containerID', (given) => runtime.provision(given)],
  ['BoxRuntime.remove', 'options.force', 'Force', (options) => runtime.remove('b', options)],
  ['BoxRuntime.stop', 'options.timeout', 'timeOut', (options) => runtime.stop('b', options)],
  ['bubblewrapArgs', 'options.unsharePid', 'unsharePID', (options) => bubblewrapArgs([], options)],
  ['bubblewrapArgs', 'paths[0].linkTo', 'linkto', (entry) => bubblewrapArgs([entry])],
  ['buildPathAccess', 'options.boxLite', 'boxlite', (options) => buildPathAccess(layout, [], options)],
  ['buildPathAccess', 'volumes[0].readOnly', 'readonly', (volume) => buildPathAccess(layout, [volume])],
  ['seatbeltPolicy', 'options.denyDefault', 'denydefault', (options) => seatbeltPolicy([], options)],
  ['seatbeltPolicy', 'paths[0].writable', 'writeable', (entry) => seatbeltPolicy([entry])],
];

it.each(CASES)('%s: a misspelt %s, %s, is refused by name', async (called, meant, wrote, call) => {
  const cut = meant.lastIndexOf('.');
  const [argument, nearest] = [meant.slice(0, cut), meant.slice(cut + 1)];
  const error: unknown = await (async () => call({ [wrote]: undefined } as never))().then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error, called).toBeInstanceOf(TypeError);
  const { code, message } = error as NodeJS.ErrnoException;
  expect(code).toBe('ERR_INVALID_ARG_VALUE');
  expect(message).toContain(`'${argument}.${wrote}'`);
  expect(message).toMatch(new RegExp(`did you mean '${nearest}'|there are .*\\b${nearest}\\b`));
});

it('nothing was made or removed by any of it', () => {
  expect(fs.readdirSync(base).filter((name) => name !== 'home' && !name.startsWith('bl-'))).toEqual([]);
  expect(BoxSockets.listSync({ base }).map(({ id }) => id)).toEqual(['there']);
});

/** `Class.method` or `function` of docs/api, where it takes an object of options or of what it is to do. */
function documented(): string[] {
  const folder = path.join(__dirname, '../docs/api');
  const pages = ['index.md', 'box.md', 'runtime.md', 'sandbox.md'].map((page) =>
    fs.readFileSync(path.join(folder, page), 'utf8'),
  );
  const takesOptions = /`(?:options|origin|input|box)\??`/;
  return pages.flatMap((page) => {
    const [, classes = ''] = /^## Classes\n(.*?)(?=^## )/ms.exec(page) ?? [];
    const [, functions = ''] = /^## Functions\n(.*)/ms.exec(page) ?? [];
    const methods = classes.split(/^### /m).flatMap((section) => {
      const [owner = ''] = section.split('\n');
      const signatures = [...section.matchAll(/^> (?:`static` )?\*\*(new )?(\w+)\*\*\((.*?)\):/gm)];
      return signatures
        .filter(([, , , given = '']) => takesOptions.test(given))
        .map(([, made, name]) => `${owner}.${made ? 'new' : name}`);
    });
    const free = [...functions.matchAll(/^> \*\*(\w+)\*\*\((.*?)\):/gm)];
    return [...methods, ...free.filter(([, , given = '']) => takesOptions.test(given)).map(([, name = '']) => name)];
  });
}

it('the table has every function of docs/api that takes options', () => {
  const all = documented();
  expect(all.length).toBeGreaterThan(40);
  expect([...new Set(CASES.map(([called]) => called))].sort()).toEqual(all.sort());
});
