// Builds the hosts, where their sources are newer: host-x64.node always, host-arm64.node where Unicorn is installed.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { root } from '../../scripts/tools/checkout.mjs';

const sources = path.join(import.meta.dirname, 'host');
const build = path.join(import.meta.dirname, 'build');
const MACHINES = { x64: 'native.cc', arm64: 'unicorn.cc' };
const FLAGS = ['-std=c++17', '-O1', '-g', '-fPIC', '-shared', '-Wall', '-Wextra', '-Wno-unused-parameter'];

/** Why there is no host for that architecture here; null where there is. @param {'x64' | 'arm64'} arch */
export function missingHost(arch) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'not Linux on x64';
  if (!run(['--version']).ok) return 'no C++ compiler';
  if (arch === 'arm64' && !run(['-E', '-x', 'c++', '-'], '#include <unicorn/unicorn.h>\n').ok)
    return 'no libunicorn-dev';
  return null;
}

/** The host's file, built where it is older than what it is made of. @param {'x64' | 'arm64'} arch */
export function buildHost(arch) {
  const output = path.join(build, `host-${arch}.node`);
  const all = fs.readdirSync(sources).map((name) => path.join(sources, name));
  const newest = Math.max(...all.map((file) => fs.statSync(file).mtimeMs));
  if (fs.existsSync(output) && fs.statSync(output).mtimeMs > newest) return output;
  const others = Object.values(MACHINES).filter((name) => name !== MACHINES[arch]);
  const used = all.filter((file) => file.endsWith('.cc') && !others.includes(path.basename(file)));
  const headers = createRequire(path.join(root, 'package.json'))('node-api-headers').include_dir;
  fs.mkdirSync(build, { recursive: true });
  const partial = `${output}.${process.pid}`;
  const { ok, errors } = run([
    ...FLAGS,
    '-isystem',
    headers,
    ...used,
    '-o',
    partial,
    ...(arch === 'arm64' ? ['-lunicorn'] : []),
  ]);
  if (!ok) throw new Error(`the host for ${arch} does not build:\n${errors}`);
  fs.renameSync(partial, output);
  return output;
}

/** @param {string[]} args @param {string} [input] */
function run(args, input = '') {
  const { status, stderr } = spawnSync(process.env.CXX ?? 'c++', args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { ok: status === 0, errors: stderr };
}
