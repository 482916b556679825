// Small addons that break one rule of the gate each, built with the compiler of the prebuilds.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { checkBinary } from '../../scripts/release/gate.mjs';
import { stripMachO } from '../../scripts/release/macho-strip.mjs';
import { EXPORTED, TARGETS, type Target } from '../../scripts/release/targets.mjs';
import { openZig, type Zig } from '../../scripts/release/zig.mjs';

export interface Variation {
  /** Defines `int work(void*)`, and `int used(void*)`, which needs the libc. */
  code?: string;
  cpp?: boolean;
  compile?: string[];
  /** Further linker flags. */
  link?: string[];
  /** Linker flags to leave out, by their beginning. */
  without?: string[];
  triple?: string;
  /** False: as the linker leaves it. */
  stripped?: boolean;
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
  const bytes = await build(target(name), variation);
  variation.change?.(bytes);
  return checkBinary(target(name), bytes, ROOT);
}

let zig: Zig | undefined;

async function build(wanted: Target, variation: Variation): Promise<Buffer> {
  zig ??= openZig();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    const triple = variation.triple ?? wanted.triple;
    const work = variation.cpp === true ? 'work.cc' : 'work.c';
    fs.writeFileSync(path.join(directory, 'addon.c'), ADDON + (wanted.libc === 'glibc' ? GLIBC_ALONE : ''));
    fs.writeFileSync(path.join(directory, work), variation.code ?? PLAIN);
    fs.writeFileSync(path.join(directory, 'exports.map'), `{ global: ${EXPORTED.join('; ')}; local: *; };`);
    const flags = ['-target', triple, '-Os', '-fPIC', '-fno-sanitize=all', '-fvisibility=hidden'];
    const compile = [...flags, ...(variation.compile ?? [])];
    await zig.run(['cc', ...compile, '-c', 'addon.c', '-o', 'addon.o'], directory);
    await zig.run([variation.cpp === true ? 'c++' : 'cc', ...compile, '-c', work, '-o', 'work.o'], directory);
    await zig.run([...linker(wanted, triple, variation), 'addon.o', 'work.o'], directory);
    const bytes = fs.readFileSync(path.join(directory, 'boxsockets.node'));
    return wanted.platform === 'darwin' && variation.stripped !== false ? stripMachO(bytes, EXPORTED) : bytes;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function linker(wanted: Target, triple: string, { link = [], without = [] }: Variation): string[] {
  const flags =
    wanted.platform === 'darwin'
      ? ['-fstrip', '-fno-compiler-rt', '-lc', '-fallow-shlib-undefined', '-install_name=@rpath/boxsockets.node']
      : ['-shared', '-nostdlib++', '-s', '-Wl,-z,now', '-Wl,--version-script=exports.map'];
  const kept = flags
    .filter((flag) => !without.some((each) => flag === each || flag.startsWith(`${each}=`)))
    .flatMap((flag) => (flag.startsWith('-install_name=') ? flag.split('=') : [flag]));
  const start =
    wanted.platform === 'darwin'
      ? ['build-lib', '-dynamic', '-target', triple, '--name', 'boxsockets', '-femit-bin=boxsockets.node']
      : ['cc', '-target', triple, '-o', 'boxsockets.node'];
  return [...start, ...kept, ...link];
}
