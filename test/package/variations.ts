// Small addons that break one rule of the gate each, built with the compiler of the prebuilds.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { link } from '../../scripts/release/build-target.mjs';
import { checkBinary } from '../../scripts/release/gate.mjs';
import { TARGETS, type Target } from '../../scripts/release/targets.mjs';
import { openZig, type Zig } from '../../scripts/release/zig.mjs';

export interface Variation {
  /** Defines `int work(void*)`, and `int used(void*)`, which needs the libc. */
  code?: string;
  cpp?: boolean;
  compile?: string[];
  /** Linker flags to leave out, by their beginning. */
  without?: string[];
  /** Further linker flags. */
  link?: string[];
  triple?: string;
  /** Changes the finished binary. */
  change?: (bytes: Buffer) => void;
}

/** The root of a checkout that the binaries are said to come from. */
export const ROOT = '/nowhere/at/all';

export const USED = 'int close(int);\nint used(void* of) { return close((int)(long)of); }\n';

const PLAIN = `${USED}int work(void* of) { return used(of); }\n`;

const ADDON = `
  int napi_throw(void* env, void* error);
  int work(void*);
  __attribute__((visibility("default"))) int node_api_module_get_api_version_v1(void) { return 8; }
  __attribute__((visibility("default"))) void* napi_register_module_v1(void* env, void* exports) {
    napi_throw(env, exports);
    return work(exports) ? env : exports;
  }
`;

const GLIBC_ALONE = `
  const char* gnu_get_libc_version(void);
  __attribute__((used, retain)) static const char* (*const only)(void) = gnu_get_libc_version;
`;

export function target(name: string): Target {
  const found = TARGETS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no target ${name}`);
  return found;
}

/** Builds a variation for a target and returns what the gate finds. */
export async function findings(name: string, variation: Variation): Promise<string[]> {
  return withFile(await build(target(name), variation), (file) => {
    const bytes = fs.readFileSync(file);
    variation.change?.(bytes);
    fs.writeFileSync(file, bytes);
    return checkBinary(target(name), file, ROOT);
  });
}

/** Calls with the name of a file of these bytes, which goes again. */
export function withFile<T>(bytes: Buffer, call: (file: string) => T): T {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    const file = path.join(directory, 'boxsockets.node');
    fs.writeFileSync(file, bytes);
    return call(file);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

let zig: Zig | undefined;

async function build(wanted: Target, variation: Variation): Promise<Buffer> {
  zig ??= openZig();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    const {
      triple = wanted.triple,
      cpp = false,
      code = PLAIN,
      compile = [],
      link: further = [],
      without = [],
    } = variation;
    const arch = triple.startsWith('x86_64') ? 'x64' : 'arm64';
    const work = cpp ? 'work.cc' : 'work.c';
    fs.writeFileSync(path.join(directory, 'addon.c'), ADDON + (wanted.libc === 'glibc' ? GLIBC_ALONE : ''));
    fs.writeFileSync(path.join(directory, work), code);
    const options = ['-target', triple, '-Os', '-fPIC', '-fno-sanitize=all', '-fvisibility=hidden', ...compile];
    await zig.run(['cc', ...options, '-c', 'addon.c', '-o', 'addon.o'], directory);
    await zig.run([cpp ? 'c++' : 'cc', ...options, '-c', work, '-o', 'work.o'], directory);
    const library = path.join(directory, 'boxsockets.node');
    const objects = ['addon.o', 'work.o'].map((name) => path.join(directory, name));
    await link({ target: { ...wanted, triple, arch }, zig, objects, library }, (flags) => [
      ...flags.filter((flag) => !without.some((each) => flag === each || flag.startsWith(`${each}=`))),
      ...further,
    ]);
    return fs.readFileSync(library);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
