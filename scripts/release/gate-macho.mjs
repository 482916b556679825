// What a binary for macOS must be, as LLVM reads it; and what dyld asks of it besides (dyld-1378: validSegment and
// validSemanticsSegments in mach_o/UnsafeHeader.cpp, validLinkedit in mach_o/Image.cpp).

import crypto from 'node:crypto';
import fs from 'node:fs';

import { NODE_API } from './allowed-symbols.mjs';
import { checkExports, checkUndefined, missing, unexpected, unless } from './gate.mjs';
import { llvm } from './llvm.mjs';
import { OLDEST_MACOS } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */
/** @typedef {Record<string, string>} Command a load command: its fields, as LLVM prints them */

/** As LLVM names it, by `Target.arch`. */
const CPU_TYPES = { x64: 'X86_64', arm64: 'ARM64' };
const LIBRARIES = ['LC_LOAD_DYLIB', 'LC_LOAD_WEAK_DYLIB', 'LC_REEXPORT_DYLIB'];

/**
 * @param {Target} target
 * @param {string} file
 * @returns {string[]}
 */
export function checkMachO(target, file) {
  const { header, commands, exports } = readMachO(file);
  const of = (/** @type {string[]} */ ...types) => commands.filter(({ cmd = '' }) => types.includes(cmd));
  const [build = {}] = of('LC_BUILD_VERSION');
  const libraries = of(...LIBRARIES).map(nameOf);
  const symbols = readSymbols(file);
  const [signature] = of('LC_CODE_SIGNATURE');
  return [
    ...unless(/\bDYLIB\b/.test(header), 'is no library'),
    ...unless(
      new RegExp(`\\b${CPU_TYPES[target.arch]}\\b`).test(header),
      `is for ${/MAGIC_64 +(\S+)/.exec(header)?.[1]}`,
    ),
    ...unless(build.platform === 'macos', `is for the system ${build.platform}`),
    ...unless(build.minos === OLDEST_MACOS, `needs macOS ${build.minos}, not ${OLDEST_MACOS}`),
    ...of('LC_ID_DYLIB').flatMap((id) => unless(nameOf(id) === '@rpath/boxsockets.node', `calls itself ${nameOf(id)}`)),
    ...unexpected('needs the library', libraries, target.needed),
    ...missing('does not need the library', target.needed, libraries),
    ...of('LC_RPATH').map(({ path = '' }) => `looks for libraries in ${path.replace(/ \(offset.*/, '')}`),
    ...symbols.undefined.flatMap(([name = '', from = '']) => checkSymbol(name, from, target)),
    ...checkExports(exports),
    ...checkExports(symbols.external),
    ...unless(!/\bALLOW_STACK_EXECUTION\b/.test(header), 'wants an executable stack'),
    ...checkSegments(of('LC_SEGMENT_64'), file),
    ...checkAlignment(commands),
    ...(signature !== undefined ? checkSignature(fs.readFileSync(file), numbers(signature)) : []),
    // Without a signature, macOS kills a process on arm64 that loads it. On x64 there need not be any.
    ...unless(signature !== undefined || target.arch !== 'arm64', 'is not signed'),
  ];
}

/**
 * @param {string} file
 * @returns {{ header: string, commands: Command[], exports: string[] }}
 */
function readMachO(file) {
  const text = llvm('llvm-objdump', ['--macho', '--private-headers', '--exports-trie', file]);
  const [headers = '', trie = ''] = text.split(/^Exports trie:$/m);
  const [header = '', ...blocks] = headers.split(/^Load command \d+$/m);
  if (!header.includes('MH_MAGIC_64')) throw new Error('not a thin 64-bit Mach-O file');
  const commands = blocks.map((block) => {
    // A segment's own fields come before those of its sections.
    const [own = ''] = block.split(/^Section$/m);
    return Object.fromEntries([...own.matchAll(/^ *(\S+) (.+)$/gm)].map(([, key, value]) => [key, value]));
  });
  return { header, commands, exports: [...trie.matchAll(/^0x\S+ +_(\S+)/gm)].map(([, name = '']) => name) };
}

/** @param {string} file */
function readSymbols(file) {
  const lines = llvm('llvm-nm', ['-m', file]).split('\n');
  return {
    external: lines.flatMap((line) => /^\S+ \(.*\) external _(\S+)$/.exec(line)?.[1] ?? []),
    undefined: lines.flatMap((line) => {
      const found = /\(undefined\)(?: weak)? external _(\S+) \((.*)\)$/.exec(line);
      return found === null ? [] : [found.slice(1)];
    }),
  };
}

/**
 * @param {string} symbol
 * @param {string} from where it is looked for
 * @param {Target} target
 * @returns {string[]}
 */
function checkSymbol(symbol, from, target) {
  // The system's headers add the variant to the name on x64, and only there: `_stat$INODE64`.
  const name = target.arch === 'x64' ? symbol.replace(/\$INODE64$/, '') : symbol;
  const fromProcess = from === 'dynamically looked up';
  return [
    ...checkUndefined(name, target),
    ...unless(fromProcess === NODE_API.has(name), `looks for ${name} in ${fromProcess ? 'any image' : 'a library'}`),
  ];
}

/**
 * @param {Command[]} segments
 * @param {string} file
 * @returns {string[]}
 */
function checkSegments(segments, file) {
  const { size: length } = fs.statSync(file);
  const findings = segments.flatMap(({ segname, initprot = '', flags = '', ...fields }, index) => {
    const { fileoff = 0, filesize = 0, vmaddr = 0, vmsize = 0 } = numbers(fields);
    const before = { fileoff: 0, filesize: 0, vmaddr: 0, vmsize: 0, ...numbers(segments[index - 1] ?? {}) };
    const inOrder = fileoff >= before.fileoff + before.filesize && vmaddr >= before.vmaddr + before.vmsize;
    return [
      ...unless(!/w.?x/.test(initprot), 'has a segment that is writable and executable'),
      ...unless(fileoff + filesize <= length && filesize <= vmsize, `${segname} has a wrong size`),
      ...unless(inOrder, `${segname} is not behind the segment before it`),
      // Refused where the SDK is that of macOS 15.4 or newer.
      ...unless(segname !== '__DATA_CONST' || flags.includes('SG_READ_ONLY'), '__DATA_CONST lacks SG_READ_ONLY'),
    ];
  });
  return [...new Set(findings)];
}

/**
 * dyld wants the tables behind the segments aligned. That none overlaps another, or lies outside, LLVM has seen to.
 *
 * @param {Command[]} commands
 * @returns {string[]}
 */
function checkAlignment(commands) {
  return commands.flatMap((command) => {
    const alignment = command.cmd === 'LC_CODE_SIGNATURE' ? 16 : 8;
    return Object.entries(command).flatMap(([field, value]) => {
      if (!/^((lazy_|weak_)?bind_off|rebase_off|export_off|dataoff|symoff|indirectsymoff)$/.test(field)) return [];
      const aligned = Number(value) % (field === 'indirectsymoff' ? 4 : alignment) === 0;
      return unless(aligned, `${field} of ${command.cmd} is ${value}: not aligned`);
    });
  });
}

/**
 * By XNU's struct __CodeDirectory (osfmk/kern/cs_blobs.h).
 *
 * @param {Buffer} bytes
 * @param {Record<string, number>} place
 * @returns {string[]}
 */
function checkSignature(bytes, { dataoff = 0, datasize = 0 }) {
  const directory = bytes.subarray(dataoff + bytes.readUInt32BE(dataoff + 16));
  const [flags = 0, hashesAt = 0, , , pages = 0, limit = 0] = [12, 16, 20, 24, 28, 32].map((at) =>
    directory.readUInt32BE(at),
  );
  const pageSize = 2 ** directory.readUInt8(39);
  const changed = Array.from({ length: pages }, (_, page) => page).filter((page) => {
    const code = bytes.subarray(page * pageSize, Math.min((page + 1) * pageSize, limit));
    const stated = directory.subarray(hashesAt + page * 32, hashesAt + (page + 1) * 32);
    return !crypto.createHash('sha256').update(code).digest().equals(stated);
  });
  return [
    ...unless((flags & 2) !== 0, 'the signature is not an ad-hoc one'),
    ...unless(limit === dataoff && pages === Math.ceil(limit / pageSize), `it covers ${limit} bytes of ${dataoff}`),
    ...unless(dataoff + datasize === bytes.length, 'the signature is not the last thing in the file'),
    ...changed.map((page) => `page ${page} has another hash`),
  ];
}

/** @param {Command} command */
function nameOf({ name = '' }) {
  return name.replace(/ \(offset \d+\)$/, '');
}

/**
 * @param {Command} command
 * @returns {Record<string, number>}
 */
function numbers(command) {
  return Object.fromEntries(Object.entries(command).map(([key, value]) => [key, Number(value)]));
}
