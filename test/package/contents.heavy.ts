// The tarball itself: what is in it, and that linters of packages find nothing to say.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';

import { compareSums } from '../../scripts/release/sums.mjs';
import { installPinned } from '../../scripts/tools/pinned.mjs';
import { golden, whyNoSums } from './golden.js';
import { installedProject, run, runOk, titled, whyNoTools } from './installed.js';

const whyNoLinters = whyNoTools('linters');
const bin = () => path.join(installPinned('linters'), '.bin');
let installed: string;

beforeAll(() => {
  installed = path.join(installedProject(), 'node_modules/boxsockets');
});

test('holds what is listed and nothing else, under 500 KB', async () => {
  const listing = await runOk('tar', ['-tf', inject('tarball')]);
  const files = listing
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  const listed = golden();
  expect(files.filter((file) => !listed.includes(file) && !/^dist\/.*\.d\.ts$/.test(file))).toEqual([]);
  // What no file of the package requires is left out.
  expect(listed.filter((file) => !files.includes(file) && !/^dist\/.*\.js$/.test(file))).toEqual([]);
  for (const file of files.filter((each) => /^dist\/.*\.js$/.test(each))) {
    const code = fs.readFileSync(path.join(installed, file), 'utf8');
    const wanted = [...code.matchAll(/\brequire\("(\.[^"]+)"\)/g)].map(([, name = '']) => name);
    expect(wanted.filter((name) => !files.includes(path.join(path.dirname(file), name)))).toEqual([]);
  }
  expect(fs.statSync(inject('tarball')).size).toBeLessThan(500_000);
});

test('has nothing that makes npm run a script or a compiler at install, or refuse a system', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
  const { scripts, dependencies, devDependencies, os, gypfile } = manifest;
  expect([scripts, dependencies, devDependencies, os]).toEqual([undefined, undefined, undefined, undefined]);
  expect(gypfile).toBe(false);
  expect(fs.existsSync(path.join(installed, 'binding.gyp'))).toBe(false);
});

test.skipIf(whyNoSums !== undefined)(titled('its binaries are those that its own SHA256SUMS states', whyNoSums), () => {
  const folder = path.join(installed, 'prebuilds');
  expect(compareSums(folder, path.join(folder, 'SHA256SUMS'))).toEqual([]);
});

test.skipIf(whyNoLinters !== undefined)(titled('publint finds nothing', whyNoLinters), async () => {
  const { stdout, stderr, status } = await run(path.join(bin(), 'publint'), ['run', inject('tarball'), '--strict']);
  expect(stdout + stderr).toMatch(/All good/);
  expect(status).toBe(0);
});

const everyResolution = 'arethetypeswrong finds nothing: require and import, node16, nodenext and bundler';
test.skipIf(whyNoLinters !== undefined)(titled(everyResolution, whyNoLinters), async () => {
  const args = [inject('tarball'), '--profile', 'node16', '--format', 'ascii', '--no-color'];
  const { stdout, stderr, status } = await run(path.join(bin(), 'attw'), args);
  expect(status, stdout + stderr).toBe(0);
  const entries = Object.keys(JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')).exports);
  for (const how of ['node16 (from CJS): 🟢', 'node16 (from ESM): 🟢', 'bundler: 🟢']) {
    expect(stdout.split(how).length - 1, how).toBe(entries.length);
  }
});

const whyNoStrace =
  spawnSync('strace', ['--version']).status === 0 ? undefined : 'strace is missing (apt-get install strace)';

test.skipIf(whyNoStrace !== undefined)(
  titled('importing and the first call read no directory, start no program and load one binary', whyNoStrace),
  () => {
    const log = path.join(installed, 'strace.log');
    const script = `
      process.chdir('/');
      process.emitWarning('begin');
      const { sameInodeSync } = require('${installed}');
      sameInodeSync('/', '/');
    `;
    const calls = 'trace=openat,open,getdents64,execve,clone,fork,vfork,clone3,chdir';
    execFileSync('strace', ['-f', '-o', log, '-e', calls, process.execPath, '-e', script], { stdio: 'ignore' });
    const [, after = ''] = fs.readFileSync(log, 'utf8').split(/chdir\("\/"\).*\n/);
    const lines = after.split('\n');
    expect(lines.filter((line) => /getdents|execve\(|fork\(|O_DIRECTORY/.test(line))).toEqual([]);
    const named = lines.flatMap((line) => /"([^"]+\.node)"/.exec(line)?.[1] ?? []);
    expect(new Set(named.map((file) => path.resolve(file)))).toEqual(
      new Set([path.join(installed, binaryOfThisMachine())]),
    );
  },
);

function binaryOfThisMachine(): string {
  return `prebuilds/linux-${process.arch}/boxsockets.glibc.node`;
}
