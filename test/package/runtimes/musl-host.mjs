// Bun's musl build wants Alpine's libstdc++, which is not to be had from npm or Debian. Debian's own, made for glibc,
// serves a loading test under musl, once the few functions exist that it asks of glibc.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { openZig } from '../../../scripts/release/zig.mjs';
import { cacheDirectory } from '../../../scripts/tools/pinned.mjs';

/**
 * @typedef {object} Host
 * @property {string} triple
 * @property {string} glibcLoader the name under which libstdc++ asks for glibc's loader
 * @property {readonly string[]} libraries Debian's, for glibc
 * @property {() => string} root holds `lib/ld-musl-….so.1`; fetched where it is missing
 * @property {string} loader below the root
 */

/** @type {Readonly<Record<'x64' | 'arm64', Host>>} */
const HOSTS = Object.freeze({
  x64: {
    triple: 'x86_64-linux-musl',
    glibcLoader: 'ld-linux-x86-64.so.2',
    libraries: ['/usr/lib/x86_64-linux-gnu/libstdc++.so.6', '/lib/x86_64-linux-gnu/libgcc_s.so.1'],
    root: () => '/',
    loader: 'lib/ld-musl-x86_64.so.1',
  },
  arm64: {
    triple: 'aarch64-linux-musl',
    glibcLoader: 'ld-linux-aarch64.so.1',
    libraries: ['/usr/aarch64-linux-gnu/lib/libstdc++.so.6', '/usr/aarch64-linux-gnu/lib/libgcc_s.so.1'],
    root: fetchArm64,
    loader: 'lib/ld-musl-aarch64.so.1',
  },
});

/**
 * @param {'x64' | 'arm64'} arch
 * @returns {string | undefined} why it cannot be done on this machine
 */
export function whyNoMusl(arch) {
  const host = HOSTS[arch];
  const files = arch === 'x64' ? [...host.libraries, `/${host.loader}`] : host.libraries;
  const missing = files.find((file) => !fs.existsSync(file));
  if (missing !== undefined) {
    return `${missing} is missing (apt-get install ${arch === 'x64' ? 'musl libstdc++6' : 'libstdc++6-arm64-cross'})`;
  }
  const hasApt = arch === 'x64' || ['apt-get', 'dpkg-deb'].every((tool) => spawnSync(tool, ['--version']).status === 0);
  return hasApt ? undefined : 'apt-get is missing, which brings musl for arm64';
}

/**
 * @param {'x64' | 'arm64'} arch
 * @returns {Promise<{ root: string, env: Record<string, string> }>} where the loader is, and the environment of a
 * program that is linked with musl
 */
export async function muslHost(arch) {
  const host = HOSTS[arch];
  const root = host.root();
  const folder = path.join(cacheDirectory(), `musl-host-${arch}`);
  fs.mkdirSync(folder, { recursive: true });
  for (const library of host.libraries) link(library, path.join(folder, path.basename(library)));
  // musl does not load itself twice.
  link(fs.realpathSync(path.join(root, host.loader)), path.join(folder, host.glibcLoader));
  const shim = path.join(folder, 'glibc-for-libstdcxx.so');
  const source = path.join(import.meta.dirname, 'glibc-for-libstdcxx.c');
  const partial = `${shim}.${process.pid}`;
  await openZig().run(['cc', '-target', host.triple, '-shared', '-O1', '-o', partial, source], folder);
  fs.renameSync(partial, shim);
  return { root, env: { LD_LIBRARY_PATH: folder, LD_PRELOAD: shim } };
}

/**
 * Debian's musl for arm64, beside what is installed: package lists of its own, and nothing is registered.
 *
 * @returns {string}
 */
function fetchArm64() {
  const wanted = path.join(cacheDirectory(), 'musl-arm64');
  if (fs.existsSync(wanted)) return wanted;
  fs.mkdirSync(path.dirname(wanted), { recursive: true });
  const partial = fs.mkdtempSync(`${wanted}.`);
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'root']) {
      fs.mkdirSync(path.join(partial, folder), { recursive: true });
    }
    const settings = {
      'APT::Architecture': 'arm64',
      'APT::Architectures': 'arm64',
      'APT::Sandbox::User': 'root',
      'Dir::State::lists': path.join(partial, 'lists'),
      'Dir::State::status': '/dev/null',
      'Dir::Cache': path.join(partial, 'cache'),
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    run('apt-get', [...options, '--quiet', 'update'], partial);
    run('apt-get', [...options, '--quiet', 'download', 'musl'], partial);
    const [archive] = fs.readdirSync(partial).filter((name) => name.endsWith('.deb'));
    run('dpkg-deb', ['--extract', archive ?? '', 'root'], partial);
    fs.renameSync(path.join(partial, 'root'), wanted);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
  return wanted;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.at(-1)} failed (exit status ${status}): ${stderr}`);
}

/**
 * Others may be using what is there: the new link takes its place at once.
 *
 * @param {string} target
 * @param {string} at
 */
function link(target, at) {
  const fresh = `${at}.${process.pid}`;
  fs.rmSync(fresh, { force: true });
  fs.symlinkSync(target, fresh);
  fs.renameSync(fresh, at);
}
