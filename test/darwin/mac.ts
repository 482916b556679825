// Bodies of tests that run in a process of their own: a Mac, or this Linux.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { buildHost, missingHost } from './build.mjs';
import { imageOf, makeImages } from './images.mjs';

export type Arch = 'x64' | 'arm64';
export const ARCHS: readonly Arch[] = ['x64', 'arm64'];

/** What the body of a test is given; its text is evaluated there, so it knows nothing else. */
export interface Scene {
  readonly B: typeof import('../../dist/index.js');
  readonly ShimProcess: typeof import('../../dist/box/index.js').ShimProcess;
  readonly BoxLayout: typeof import('../../dist/box/index.js').BoxLayout;
  readonly fs: typeof fs;
  readonly net: typeof import('node:net');
  readonly path: typeof path;
  readonly spawn: typeof import('node:child_process').spawn;
  /** A short directory of its own, sticky and open to all. */
  readonly directory: string;
}

export interface Setting {
  /** Null for this Linux. */
  readonly arch: Arch | null;
  /** Further variables: options of the host's, `DARWIN_OLD` and others. */
  readonly env?: Record<string, string>;
  /** Become that user before the body. */
  readonly uid?: number;
}

export interface Outcome<T> {
  readonly result: T;
  /** How often each of XNU's rules decided something. */
  readonly taken: Record<string, number>;
}

/** Why there is no such Mac here, or null. */
export function missingMac(arch: Arch): string | null {
  return missingHost(arch);
}

/** What makes a child of Node a Mac of that kind. */
export function macEnvironment(arch: Arch): Record<string, string> {
  makeImages();
  return {
    DARWIN_IMAGE: imageOf(arch),
    DARWIN_HOST: buildHost(arch),
    NODE_OPTIONS: `--require ${path.join(__dirname, 'preload.cjs')}`,
  };
}

export function run<T>(setting: Setting, body: (scene: Scene) => T | Promise<T>): Outcome<T> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  fs.chmodSync(directory, 0o1777);
  try {
    const args = [path.join(__dirname, 'child.cjs'), String(body), directory, String(setting.uid ?? '')];
    const mac = setting.arch === null ? {} : macEnvironment(setting.arch);
    const env = { ...process.env, ...mac, ...setting.env };
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, args, {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (status !== 0) throw new Error(`ended with ${status ?? signal}: ${stderr}`);
    const { result, error, taken, platform } = JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1));
    if (error !== undefined) throw new Error(error.message);
    if (setting.arch !== null && platform !== 'darwin') throw new Error('that was no Mac');
    return { result: result as T, taken };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
