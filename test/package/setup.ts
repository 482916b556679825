// Before the tests of the package: it is packed and installed once, and all of them use that. Where all of them are run,
// what they need from npm is fetched meanwhile, several at a time: one after another it takes six minutes.

import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

import { packPackage } from '../../scripts/release/pack.mjs';
import { installPinned } from '../../scripts/tools/pinned.mjs';
import { RUNTIMES } from './runtimes/runtimes.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    tarball: string;
    /** A project into which it is installed. */
    installed: string;
  }
}

const FOLDERS = [
  'next',
  'hosts',
  'bundlers',
  'boxlite',
  'boxlite-0.9.7',
  'boxlite-0.10.3',
  'recipes',
  'linters',
  'typescripts',
];
const AT_A_TIME = 4;

export async function setup(project: TestProject): Promise<() => void> {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
  const isOne = process.argv.some((arg) => /heavy|test\/package|\.test\b/.test(arg));
  const fetched = isOne ? undefined : fetchAll();
  const tarball = await packPackage(path.resolve(__dirname, '../..'), folder);
  project.provide('tarball', tarball);
  project.provide('installed', install(path.join(folder, 'installed'), tarball));
  await fetched;
  return () => fs.rmSync(folder, { recursive: true });
}

/** By name, without scripts, and with nothing else to be found: no compiler, no network. */
function install(project: string, tarball: string): string {
  const bin = path.join(project, 'bin');
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  fs.writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n');
  const npm = path.join(installPinned('package-managers'), 'npm-11/bin/npm-cli.js');
  const args = [npm, 'install', '--offline', '--ignore-scripts', '--loglevel=error', tarball];
  const env = { PATH: bin, HOME: bin };
  execFileSync(process.execPath, args, { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
  fs.rmSync(bin, { recursive: true });
  return project;
}

/** What cannot be had is tried again by the tests that want it, which then say why they are skipped. */
async function fetchAll(): Promise<void> {
  const pinned = path.resolve(__dirname, '../../scripts/tools/pinned.mjs');
  const runtimes = path.join(__dirname, 'runtimes/runtimes.mjs');
  const wanted = [
    ...FOLDERS.map((name) => `import('${pinned}').then((all) => all.installPinned('${name}'))`),
    ...RUNTIMES.map((_, index) => `import('${runtimes}').then((all) => all.whyNotInstalled(all.RUNTIMES[${index}]))`),
  ];
  const work = async (): Promise<void> => {
    for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
      await promisify(execFile)(process.execPath, ['-e', next]).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}
