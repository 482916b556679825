// What the tests of the package share: projects that it is installed into by name, as its users do.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, inject } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { launch, type Runtime, whyNotInstalled } from './runtimes/runtimes.mjs';

export const root = path.resolve(__dirname, '../..');
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true });
});

/** A directory of the test file's own, short, and removed after its tests. */
export function scratch(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
  folders.push(folder);
  return folder;
}

/** A project of the test file's own, into which the packed package is installed. */
export function installedProject(): string {
  const project = scratch();
  fs.cpSync(inject('installed'), project, { recursive: true, verbatimSymlinks: true });
  return project;
}

const EMULATOR = ['qemu-aarch64-static', '/usr/bin/qemu-aarch64-static'] as const;
let bare: string | undefined;

/** An environment in which the only programs to be found are this Node and an emulator: no compiler, no make, no Python, no shell. */
export function bareEnvironment(node = process.execPath): Record<string, string> {
  bare ??= scratch();
  const bin = path.join(bare, path.basename(path.resolve(node, '../../..')));
  fs.mkdirSync(bin, { recursive: true });
  for (const [name, target] of [['node', node], EMULATOR] as const) {
    const link = path.join(bin, name);
    // The emulator need not be there: the link may lead nowhere.
    if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined) fs.symlinkSync(target, link);
  }
  return { PATH: bin, HOME: bare };
}

/** Adds the reason to the name of a test that is skipped for it. */
export function titled(name: string, reason: string | undefined): string {
  return reason === undefined ? name : `${name} (skipped: ${reason})`;
}

/** Why pinned tools cannot be had here; undefined where they can, and then they are installed. */
export function whyNoTools(folder: string): string | undefined {
  try {
    installPinned(folder);
    return undefined;
  } catch (error) {
    return `npm cannot install scripts/pinned/${folder}: ${(error as Error).message}`;
  }
}

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

type Failed = Error & { code: number | null; signal?: string; stdout?: string; stderr?: string };

/** Runs a program to its end, whatever that is. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env = process.env } = options;
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { cwd, env, maxBuffer: 2 ** 26 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, signal, stdout, stderr, message } = error as Failed;
    if (typeof code !== 'number' && !signal) throw error;
    const said = stderr ?? message;
    return { status: code ?? -1, stdout: stdout ?? '', stderr: signal ? `${said}\nkilled by ${signal}` : said };
  }
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** As {@link run}, for what must succeed. */
export async function runOk(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await run(file, args, options);
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: exit status ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs a script in another runtime. */
export async function runIn(runtime: Runtime, script: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { command, args, env } = await launch(runtime);
  return run(command, [...args, ...script], { ...options, env: { ...(options.env ?? process.env), ...env } });
}

/** The executable of a runtime that runs on this processor. */
export async function executable(runtime: Runtime): Promise<string> {
  return (await launch(runtime)).command;
}

const whyNots = new Map<string, string | undefined>();

/** Why a runtime cannot be had here; undefined where it can, and then it is installed. */
export function whyNoRuntime(runtime: Runtime): string | undefined {
  if (!whyNots.has(runtime.name)) whyNots.set(runtime.name, whyNotInstalled(runtime));
  return whyNots.get(runtime.name);
}
