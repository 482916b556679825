// What a binary must be. Each finding is a sentence; none at all is a pass.

import os from 'node:os';

import { NODE_API, OPTIONAL, SYSTEM } from './allowed-symbols.mjs';
import { verifySignature } from './code-signature.mjs';
import * as elf from './elf.mjs';
import * as macho from './macho.mjs';
import { EXPORTED, OLDEST_GLIBC, OLDEST_MACOS } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

// The loader tries glibc's binary first, and musl would take it if it could: see native/compat/glibc.c.
const GLIBC_ALONE = 'gnu_get_libc_version';
const ET_DYN = 3;
const MH_DYLIB = 6;
const MH_ALLOW_STACK_EXECUTION = 0x20000;
const VM_PROT_WRITE = 2;
const VM_PROT_EXECUTE = 4;

/**
 * @param {Target} target
 * @param {Buffer} bytes
 * @param {string} root of the checkout, whose path must not be in the binary
 * @returns {string[]}
 */
export function checkBinary(target, bytes, root) {
  try {
    const findings = target.platform === 'darwin' ? checkMachO(target, bytes) : checkElf(target, bytes);
    return [...checkBytes(target, bytes, root), ...findings];
  } catch (error) {
    return [`cannot be read: ${error instanceof Error ? error.message : error}`];
  }
}

/**
 * @param {Target} target
 * @param {Buffer} bytes
 * @param {string} root
 * @returns {string[]}
 */
function checkBytes(target, bytes, root) {
  const places = [root, os.homedir(), os.tmpdir(), 'node_modules'].filter((place) => place.length > 1);
  return [
    ...(bytes.length > target.maxBytes ? [`has ${bytes.length} bytes, more than ${target.maxBytes}`] : []),
    ...places.filter((place) => place !== '/tmp' && bytes.includes(place)).map((place) => `contains the path ${place}`),
  ];
}

/**
 * @param {Target} target
 * @param {Buffer} bytes
 * @returns {string[]}
 */
function checkElf(target, bytes) {
  const file = elf.readElf(bytes);
  const undefinedSymbols = file.symbols.filter(({ defined }) => !defined);
  const names = undefinedSymbols.map(({ name }) => name);
  const allowed = SYSTEM[target.libc ?? ''] ?? new Set();
  return [
    ...unless(file.type === ET_DYN, `is no shared library (type ${file.type})`),
    ...unless(file.arch === target.arch, `is for ${file.arch}`),
    ...unexpected('needs the library', file.needed, target.needed),
    ...missing('does not need the library', [target.needed[0] ?? ''], file.needed),
    ...file.runPaths.map((each) => `looks for libraries in ${each}`),
    ...file.versions.flatMap((version) => checkVersion(target, version)),
    ...undefinedSymbols.flatMap(({ name, weak }) =>
      weak && OPTIONAL.has(name) ? [] : checkUndefined(name, allowed, target),
    ),
    ...missing('would also load on musl: it does not ask for', target.libc === 'glibc' ? [GLIBC_ALONE] : [], names),
    ...checkExports(file.symbols.filter(({ defined }) => defined).map(({ name }) => name)),
    ...unless(file.bindNow, 'looks symbols up late (link with -z now)'),
    ...unless(!file.textRelocations, 'has relocations in its code'),
    ...checkSegments(file.segments),
    ...file.sections
      .filter((name) => name === '.symtab' || name.startsWith('.debug'))
      .map((name) => `is not stripped: it has a section ${name}`),
  ];
}

/**
 * @param {import('./elf.mjs').Segment[]} segments
 * @returns {string[]}
 */
function checkSegments(segments) {
  const stack = segments.find(({ type }) => type === elf.PT_GNU_STACK);
  return [
    ...unless(stack !== undefined && (stack.flags & elf.PF_X) === 0, 'wants an executable stack'),
    ...unless(
      segments.every(({ flags }) => (flags & elf.PF_W) === 0 || (flags & elf.PF_X) === 0),
      'has a segment that is writable and executable',
    ),
    ...unless(
      segments.some(({ type }) => type === elf.PT_GNU_RELRO),
      'leaves its relocations writable (no RELRO)',
    ),
    // Nothing of ours is thread-local. What was: an errno that the linked-in stat() of zig's glibc wrote to.
    ...unless(!segments.some(({ type }) => type === elf.PT_TLS), 'has thread-local data'),
  ];
}

/**
 * @param {Target} target
 * @param {string} version
 * @returns {string[]}
 */
function checkVersion(target, version) {
  const match = /^GLIBC_(\d+)\.(\d+)(?:\.\d+)?$/.exec(version);
  if (target.libc !== 'glibc' || match === null) return [`asks for the version ${version}`];
  const [major, minor] = OLDEST_GLIBC.split('.').map(Number);
  const newer = Number(match[1]) > Number(major) || (Number(match[1]) === major && Number(match[2]) > Number(minor));
  return newer ? [`needs glibc ${match[1]}.${match[2]}, newer than ${OLDEST_GLIBC}`] : [];
}

/**
 * @param {Target} target
 * @param {Buffer} bytes
 * @returns {string[]}
 */
function checkMachO(target, bytes) {
  const file = macho.readMachO(bytes);
  const allowed = SYSTEM.darwin ?? new Set();
  const undefinedSymbols = file.symbols.filter(({ defined, external }) => external && !defined);
  const { signature } = file.layout;
  return [
    ...unless(file.fileType === MH_DYLIB, `is no library (type ${file.fileType})`),
    ...unless(file.arch === target.arch, `is for ${file.arch}`),
    ...unless(file.platform === 'macos', `is for the system ${file.platform}`),
    ...unless(file.minimum === OLDEST_MACOS, `needs macOS ${file.minimum}, not ${OLDEST_MACOS}`),
    ...unless(file.installName === '@rpath/boxsockets.node', `calls itself ${file.installName}`),
    ...unexpected('needs the library', file.libraries, target.needed),
    ...missing('does not need the library', target.needed, file.libraries),
    ...file.runPaths.map((each) => `looks for libraries in ${each}`),
    ...undefinedSymbols.flatMap((symbol) => checkUndefinedMachO(symbol, allowed, target)),
    ...checkExports(file.exports.map(withoutUnderscore)),
    ...checkExports(
      file.symbols.filter(({ defined, external }) => defined && external).map(({ name }) => withoutUnderscore(name)),
    ),
    ...unless((file.flags & MH_ALLOW_STACK_EXECUTION) === 0, 'wants an executable stack'),
    ...unless(
      file.segments.every(({ initialProtection: is }) => (is & VM_PROT_WRITE) === 0 || (is & VM_PROT_EXECUTE) === 0),
      'has a segment that is writable and executable',
    ),
    ...(signature !== undefined ? verifySignature(bytes, signature) : []),
    // Without a signature, macOS kills a process on arm64 that loads it. On x64 there need not be any.
    ...unless(signature !== undefined || target.arch !== 'arm64', 'is not signed'),
  ];
}

/**
 * @param {import('./macho.mjs').MachOSymbol} symbol
 * @param {ReadonlySet<string>} allowed
 * @param {Target} target
 * @returns {string[]}
 */
function checkUndefinedMachO(symbol, allowed, target) {
  // The system's headers add the variant to the name on x64: `_stat$INODE64`.
  const name = withoutUnderscore(symbol.name).replace(/\$INODE64$/, '');
  const fromProcess = symbol.library === macho.LOOKED_UP_AT_LOAD;
  return [
    ...checkUndefined(name, allowed, target),
    ...unless(fromProcess === NODE_API.has(name), `looks for ${name} in ${fromProcess ? 'any image' : 'a library'}`),
  ];
}

/**
 * @param {string} name
 * @param {ReadonlySet<string>} allowed
 * @param {Target} target
 * @returns {string[]}
 */
function checkUndefined(name, allowed, target) {
  if (NODE_API.has(name) || allowed.has(name)) return [];
  if (name.startsWith('_Z') || name.startsWith('__cxa_')) return [`needs the C++ runtime: ${name}`];
  if (/^n(ode_)?api_/.test(name)) return [`needs a newer Node-API: ${name}`];
  if (name.startsWith('uv_')) return [`needs libuv: ${name}`];
  return [`needs ${name}, which is not among the functions allowed on ${target.libc ?? target.platform}`];
}

/**
 * @param {string[]} names
 * @returns {string[]}
 */
function checkExports(names) {
  return [...unexpected('exports', names, EXPORTED), ...missing('does not export', EXPORTED, names)];
}

/**
 * @param {string} what
 * @param {readonly string[]} found
 * @param {readonly string[]} wanted
 * @returns {string[]}
 */
function unexpected(what, found, wanted) {
  return found.filter((each) => !wanted.includes(each)).map((each) => `${what} ${each}`);
}

/**
 * @param {string} what
 * @param {readonly string[]} wanted
 * @param {readonly string[]} found
 * @returns {string[]}
 */
function missing(what, wanted, found) {
  return wanted.filter((each) => !found.includes(each)).map((each) => `${what} ${each}`);
}

/**
 * @param {boolean} holds
 * @param {string} finding
 * @returns {string[]}
 */
function unless(holds, finding) {
  return holds ? [] : [finding];
}

/**
 * @param {string} name
 * @returns {string}
 */
function withoutUnderscore(name) {
  return name.replace(/^_/, '');
}
