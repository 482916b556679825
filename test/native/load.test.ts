// Where the native binary is looked for, and what is said where it is not found. Each test loads it in a child, because
// a process loads it once.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { makeWorld, promise, run, tempDir } from '../helpers.js';

const root = path.join(__dirname, '..', '..');
const dist = path.join(root, 'dist');

/** The binary that this package loads here. */
function ownBinary(): string {
  const directory = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const loads = (file: string): boolean => {
    try {
      process.dlopen({ exports: {} }, file);
      return true;
    } catch {
      return false;
    }
  };
  const found = fs
    .readdirSync(directory)
    .map((name) => path.join(directory, name))
    .find(loads);
  if (found === undefined) throw new Error(`no binary in ${directory}: run npm run build`);
  return found;
}

interface Outcome {
  value?: unknown;
  code?: string;
  name?: string;
  message?: string;
  causes?: string[];
}

/** Runs statements with `boxsockets` and `useBinding` in scope in a child; what `attempt(action)` saw is returned. */
function inChild(script: string, { from = dist, before = '', flags = [] as string[] } = {}): Outcome[] {
  const program = `
    ${before}
    const boxsockets = require(${JSON.stringify(from)} + '/index.js');
    const { useBinding } = require(${JSON.stringify(from)} + '/native/load.js');
    const outcomes = [];
    async function attempt(action) {
      try {
        outcomes.push({ value: await action() });
      } catch (error) {
        const causes = error.cause?.errors?.map(({ message }) => message);
        outcomes.push({ code: error.code, name: error.name, message: error.message, causes });
      }
    }
    (async () => { ${script} })().then(() => process.stdout.write(JSON.stringify(outcomes)));`;
  return JSON.parse(run(process.execPath, [...flags, '-e', program])) as Outcome[];
}

const USE = "await attempt(() => boxsockets.sameInodeSync('/', '/'));";

describe('useBinding', () => {
  it.each(['a string', 'a Buffer', 'a URL'])('takes the path of a binary as %s', (kind) => {
    const file = path.join(tempDir(), 'of my own.node');
    fs.copyFileSync(ownBinary(), file);
    const spelled = JSON.stringify(file);
    const argument = {
      'a string': spelled,
      'a Buffer': `Buffer.from(${spelled})`,
      'a URL': `require('node:url').pathToFileURL(${spelled})`,
    }[kind];
    // The package's own binary is out of reach: its dist/ lies alone.
    const from = path.join(tempDir(), 'dist');
    fs.cpSync(dist, from, { recursive: true });
    expect(inChild(`useBinding(${argument}); ${USE}`, { from })).toEqual([{ value: true }]);
  });

  it('takes what loading a binary returned', () => {
    const from = path.join(tempDir(), 'dist');
    fs.cpSync(dist, from, { recursive: true });
    const script = `useBinding(require(${JSON.stringify(ownBinary())})); ${USE}`;
    expect(inChild(script, { from })).toEqual([{ value: true }]);
  });

  it('refuses a missing file, garbage and a cut file, and says which and why', () => {
    const directory = tempDir();
    const file = (name: string): string => path.join(directory, name);
    fs.writeFileSync(file('empty.node'), '');
    fs.writeFileSync(file('garbage.node'), 'not a binary at all\n'.repeat(1000));
    fs.writeFileSync(file('cut.node'), fs.readFileSync(ownBinary()).subarray(0, 100));
    fs.mkdirSync(file('directory.node'));
    for (const name of ['missing.node', 'empty.node', 'garbage.node', 'cut.node', 'directory.node']) {
      const [outcome, after] = inChild(`await attempt(() => useBinding(${JSON.stringify(file(name))})); ${USE}`);
      expect(outcome).toMatchObject({ name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE' });
      expect(outcome?.message).toMatch(new RegExp(`Tried:\n  - ${file(name)}: .{10,}\n.*useBinding`));
      expect(outcome?.causes).toHaveLength(1);
      // And the package's own is still there.
      expect(after).toEqual({ value: true });
    }
  });

  it.each(['a path', 'a file: URL', 'a name beside the bundle'])(
    'takes %s where a bundler gives that in the place of exports',
    (kind) => {
      const from = path.join(tempDir(), 'dist');
      fs.cpSync(dist, from, { recursive: true });
      const file = path.join(from, 'native', 'of a bundler.node');
      fs.copyFileSync(ownBinary(), file);
      const place = {
        'a path': file,
        'a file: URL': pathToFileURL(file).href,
        'a name beside the bundle': path.basename(file),
      }[kind];
      const given = JSON.stringify({ default: place });
      expect(inChild(`useBinding(${given}); ${USE}`, { from })).toEqual([{ value: true }]);
    },
  );

  const notLinux = process.platform === 'linux' ? null : 'macOS compares the lengths by itself';
  promise(notLinux, 'refuses a file that lost its end, which the loader would not miss, wherever it lies', () => {
    const whole = fs.readFileSync(ownBinary());
    const short = whole.subarray(0, whole.length - 40); // a part of the table of sections, which nobody maps
    const says = expect.stringMatching(new RegExp(`^file too short: it has ${short.length} bytes of \\d+$`));
    const given = path.join(tempDir(), 'short.node');
    fs.writeFileSync(given, short);
    const [outcome] = inChild(`await attempt(() => useBinding(${JSON.stringify(given)}));`);
    expect(outcome?.causes).toEqual([says]);

    const directory = tempDir();
    fs.cpSync(dist, path.join(directory, 'dist'), { recursive: true });
    const target = path.join(directory, 'prebuilds', `${process.platform}-${process.arch}`);
    fs.mkdirSync(target, { recursive: true });
    for (const name of ['boxsockets.glibc.node', 'boxsockets.musl.node'])
      fs.writeFileSync(path.join(target, name), short);
    expect(inChild(USE, { from: path.join(directory, 'dist') })[0]?.causes).toEqual([says, says]);
  });

  it('says what a loader that hides the reason passes on, and where it gives none', () => {
    const refuse = (error: string): string =>
      `await attempt(() => useBinding({ get contract() { throw ${error}; } }));`;
    const [hidden, silent] = inChild(
      `${refuse("new Error('node-loader:\\nError: cut short')")} ${refuse("new RangeError('')")}`,
    );
    expect(hidden?.message).toContain('exports given to useBinding(): node-loader: Error: cut short\n');
    expect(silent?.message).toContain('exports given to useBinding(): no reason was given (RangeError)\n');
  });

  it('names the flag that forbids addons, which is not the one of the permission model', () => {
    const [outcome] = inChild(`${USE}`, { flags: ['--no-addons'] });
    expect(outcome?.message).toMatch(
      /loading addons is disabled[\s\S]*\nAllow native addons: start Node without --no-addons/,
    );
  });

  it('refuses an addon that is not ours or of another version', () => {
    const { contract, ...rest } = { contract: -1, ensure: 'any' };
    for (const exports of [{}, { contract }, rest, []]) {
      const [outcome] = inChild(`await attempt(() => useBinding(${JSON.stringify(exports)}));`);
      expect(outcome?.code).toBe('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
      expect(outcome?.message).toMatch(
        /exports given to useBinding\(\): is not of this version.*contract (-1|undefined)/,
      );
    }
  });

  it.each([
    'undefined',
    'null',
    '7',
    'true',
    '() => 7',
    '""',
    '"a\\0b"',
    'Buffer.from([255])',
    'new URL("http://a/b")',
  ])('refuses %s before it looks at anything', (argument) => {
    const [outcome] = inChild(`await attempt(() => useBinding(${argument}));`);
    expect(outcome).toMatchObject({ name: 'TypeError', code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) });
  });
});

describe('importing', () => {
  const PURE = `
    await attempt(() => {
      const box = new boxsockets.BoxSockets('b', '/r', { base: '/x', uid: 7 });
      return [box.boxSock, box.budget().fits, box.shimEnv(), box.policyPaths().length, boxsockets.sunPathLimit().portableMaxBytes];
    });`;
  const NATIVE = `
    const box = new boxsockets.BoxSockets('b', '/', { base: '/x', uid: 7 });
    await attempt(() => box.ensureSync());
    await attempt(() => box.ensure());
    await attempt(() => boxsockets.BoxSockets.listSync());
    await attempt(() => boxsockets.probeSocketPath('/x'));`;
  const pure = { value: ['/x/bl-7/b/box.sock', true, {}, 3, 103] };
  const pretend = (platform: string, arch: string): string =>
    `Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } });`;

  it.each([
    ['win32', 'x64'],
    ['freebsd', 'x64'],
    ['linux', 'ppc64'],
    ['darwin', 'ia32'],
    ['sunos', 'x64'],
  ])('works on %s-%s, and so does all arithmetic; the first native call names what there is', (platform, arch) => {
    const [first, ...rest] = inChild(PURE + NATIVE, { before: pretend(platform, arch) });
    expect(first).toEqual(pure);
    expect(rest).toHaveLength(4);
    for (const outcome of rest) {
      expect(outcome).toMatchObject({ name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE' });
      expect(outcome.message).toBe(
        `No native binary could be loaded for ${platform}-${arch}.\nThere is none for it: ` +
          'this package has binaries for linux and darwin on x64 and arm64',
      );
    }
  });

  it('works without Node functions that Windows does not have', () => {
    const before = `${pretend('win32', 'x64')} delete process.getuid; delete process.geteuid;`;
    const script = "await attempt(() => new boxsockets.BoxSockets('b', '/r').bindingDir);";
    expect(inChild(script, { before })).toEqual([{ value: '/tmp/bl-0/b' }]);
  });

  it.each([
    ['linux', 'x64', ['boxsockets.glibc.node', 'boxsockets.musl.node']],
    ['linux', 'arm64', ['boxsockets.glibc.node', 'boxsockets.musl.node']],
    ['darwin', 'x64', ['boxsockets.node']],
    ['darwin', 'arm64', ['boxsockets.node']],
  ])('a package that lost its binaries names every place, and its reason, on %s-%s', (platform, arch, names) => {
    const from = path.join(tempDir(), 'dist');
    fs.cpSync(dist, from, { recursive: true });
    const [first, ...rest] = inChild(PURE + NATIVE, { from, before: pretend(platform, arch) });
    expect(first).toEqual(pure);
    for (const outcome of rest) {
      const places = names.map((name) => `\n  - prebuilds/${platform}-${arch}/${name}: Cannot find module .*`);
      expect(outcome.code).toBe('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
      expect(outcome.message).toMatch(new RegExp(`Tried:${places.join('')}\nInstall the package anew.*useBinding`));
      expect(outcome.causes).toHaveLength(names.length);
    }
  });

  it('a damaged binary is a reason, and the next place is tried', () => {
    const directory = tempDir();
    const from = path.join(directory, 'dist');
    fs.cpSync(dist, from, { recursive: true });
    const target = path.join(directory, 'prebuilds', `${process.platform}-${process.arch}`);
    fs.mkdirSync(target, { recursive: true });
    const names =
      process.platform === 'linux' ? ['boxsockets.glibc.node', 'boxsockets.musl.node'] : ['boxsockets.node'];
    for (const name of names) fs.writeFileSync(path.join(target, name), 'garbage');
    const [outcome] = inChild(USE, { from });
    expect(outcome?.causes).toHaveLength(names.length);
    for (const name of names) expect(outcome?.message).toMatch(new RegExp(`/${name}: .{10,}`));
    fs.copyFileSync(ownBinary(), path.join(target, names.at(-1) ?? ''));
    expect(inChild(USE, { from })).toEqual([{ value: true }]);
  });

  it('works from an ES module, by name', () => {
    const program = `
      import { BoxSockets, BoxSocketsError, probeSocketPathSync, sunPathLimit } from 'boxsockets';
      import { useBinding } from 'boxsockets/binding';
      console.log([BoxSockets, BoxSocketsError, probeSocketPathSync, sunPathLimit, useBinding].map((it) => typeof it).join());`;
    const output = run(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    expect(output).toBe('function,function,function,function,function\n');
  });
});

describe('a worker thread', () => {
  it('has the operations, and may be ended in the middle of them', async () => {
    const world = makeWorld();
    const program = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { BoxSockets } = require(workerData.dist);
      const box = new BoxSockets('b', workerData.realDir, { base: workerData.base });
      parentPort.postMessage(box.ensureSync().status);
      for (let i = 0; i < 200; i++) { box.ensure(); box.probe(); BoxSockets.list({ base: workerData.base }); }`;
    for (let i = 0; i < 3; i++) {
      const workerData = { dist: path.join(dist, 'index.js'), realDir: world.realDir('b'), base: world.base };
      const worker = new Worker(program, { eval: true, workerData });
      const status = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      expect(status).toBe(i === 0 ? 'created' : 'unchanged');
      await worker.terminate();
    }
    expect(world.box('b').ensureSync()).toMatchObject({ status: 'unchanged' });
    expect(world.box('b').probeSync()).toMatchObject({ ok: true });
    expect(fs.readdirSync(world.realDir('b'))).toEqual([]);
  });
});
