// A kernel and a guest of 15 MB, made of Debian packages that are unpacked and not installed; kept in the user's cache.

import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const INIT = new URL('guest/', import.meta.url).pathname;
const FILES = ['init', 'lease'];
// What Debian calls a processor.
const DEBIAN = { x64: 'amd64', arm64: 'arm64' };
// As guest/init loads them.
const MODULES = [
  ...['virtio_ring', 'virtio', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci', 'virtio_console'],
  ...['failover', 'net_failover', 'virtio_net'],
];

/** What a machine of an architecture (`'x64'`, `'arm64'`) boots: `kernel` and `initrd`, both in `directory`. */
export function makeGuest(arch) {
  const hash = crypto.createHash('sha256').update(fs.readFileSync(new URL(import.meta.url)));
  for (const name of FILES) hash.update(fs.readFileSync(INIT + name));
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'boxsockets');
  const directory = path.join(cache, `machine-${arch}-${hash.digest('hex').slice(0, 16)}`);
  if (!fs.existsSync(directory))
    build(directory, DEBIAN[arch], arch === process.arch ? [] : foreign(`${cache}/apt-${arch}`, DEBIAN[arch]));
  return { directory, kernel: `${directory}/kernel`, initrd: `${directory}/initrd` };
}

/** Options under which apt-get knows the packages of another architecture, by lists of its own. */
function foreign(lists, arch) {
  fs.mkdirSync(`${lists}/partial`, { recursive: true });
  const settings = [`APT::Architecture=${arch}`, `APT::Architectures=${arch}`, `Dir::State::lists=${lists}`];
  const options = [...settings, 'Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache='].flatMap((text) => ['-o', text]);
  run('apt-get', [...options, 'update']);
  return options;
}

function build(directory, arch, options) {
  fs.mkdirSync(path.dirname(directory), { recursive: true });
  // Under a name of its own until it is whole.
  const partial = fs.mkdtempSync(`${directory}.`);
  const packages = `${partial}/packages`;
  const unpack = (name) => unpackInto(packages, name, options);
  try {
    const [image] = unpack(`linux-image-cloud-${arch}`); // depends on the newest kernel, and holds nothing
    const newest = run('dpkg-deb', ['-f', image, 'Depends']).match(/linux-image-[^ ,]+/)[0];
    unpack(newest);
    unpack('busybox-static');
    const boot = fs.readdirSync(`${packages}/boot`).find((name) => name.startsWith('vmlinuz-'));
    fs.copyFileSync(`${packages}/boot/${boot}`, `${partial}/kernel`);
    writeInitrd(packages, `${partial}/root`, `${partial}/initrd`);
    for (const name of ['packages', 'root']) fs.rmSync(`${partial}/${name}`, { recursive: true });
    fs.renameSync(partial, directory);
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    if (!fs.existsSync(directory)) throw error; // otherwise somebody else was faster
  }
}

/** Downloads a package, puts what it holds into a directory, and gives back its file. */
function unpackInto(directory, name, options) {
  fs.mkdirSync(directory, { recursive: true });
  run('apt-get', [...options, 'download', name], directory);
  const archives = fs.readdirSync(directory).filter((file) => file.startsWith(`${name}_`));
  for (const archive of archives) run('dpkg', ['-x', archive, '.'], directory);
  return archives.map((archive) => `${directory}/${archive}`);
}

function writeInitrd(packages, root, initrd) {
  for (const name of ['bin', 'modules', 'proc', 'sys', 'dev', 'tmp'])
    fs.mkdirSync(`${root}/${name}`, { recursive: true });
  for (const name of FILES) fs.copyFileSync(INIT + name, `${root}/${name}`);
  const busybox = ['bin/busybox', 'usr/bin/busybox'].find((name) => fs.existsSync(`${packages}/${name}`));
  fs.copyFileSync(`${packages}/${busybox}`, `${root}/bin/busybox`);
  const [libraries] = ['usr/lib/modules', 'lib/modules'].filter((name) => fs.existsSync(`${packages}/${name}`));
  for (const file of fs.readdirSync(`${packages}/${libraries}`, { recursive: true })) {
    const [name, kind, packed] = path.basename(file).split('.');
    if (kind !== 'ko' || !MODULES.includes(name)) continue;
    const copy = `${root}/modules/${path.basename(file)}`;
    fs.copyFileSync(`${packages}/${libraries}/${file}`, copy);
    if (packed !== undefined) run('xz', ['-d', copy]);
  }
  run('sh', ['-c', 'find . | cpio --quiet -o -H newc | gzip > "$1"', 'sh', initrd], root);
}

function run(command, args, cwd) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
