// What a binary for Linux must be, as LLVM reads it.

import { OPTIONAL } from './allowed-symbols.mjs';
import { checkExports, checkUndefined, missing, unexpected, unless } from './gate.mjs';
import { llvm } from './llvm.mjs';
import { OLDEST_GLIBC } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/** As LLVM names it, by `Target.arch`. */
const MACHINES = { x64: 'EM_X86_64', arm64: 'EM_AARCH64' };
// The loader tries glibc's binary first, and musl would take it if it could: see native/compat/glibc.c.
const GLIBC_ALONE = 'gnu_get_libc_version';

/**
 * @param {Target} target
 * @param {string} file
 * @returns {string[]}
 */
export function checkElf(target, file) {
  const elf = readElf(file);
  const undefinedSymbols = elf.symbols.filter(({ defined }) => !defined);
  const names = undefinedSymbols.map(({ name }) => name);
  return [
    ...unless(elf.type === 'SharedObject (0x3)', `is no shared library (${elf.type})`),
    ...unless(elf.machine === MACHINES[target.arch], `is for ${elf.machine}`),
    ...unexpected('needs the library', elf.needed, target.needed),
    ...missing('does not need the library', [target.needed[0] ?? ''], elf.needed),
    ...elf.runPaths.map((each) => `looks for libraries in ${each}`),
    ...elf.versions.flatMap((version) => checkVersion(target, version)),
    ...undefinedSymbols.flatMap(({ name, weak }) => (weak && OPTIONAL.has(name) ? [] : checkUndefined(name, target))),
    ...missing('would also load on musl: it does not ask for', target.libc === 'glibc' ? [GLIBC_ALONE] : [], names),
    ...checkExports(elf.symbols.filter(({ defined }) => defined).map(({ name }) => name)),
    ...unless(elf.flags.includes('NOW'), 'looks symbols up late (link with -z now)'),
    ...unless(!elf.dynamic.includes('TEXTREL') && !elf.flags.includes('TEXTREL'), 'has relocations in its code'),
    ...checkSegments(elf.segments),
    ...elf.sections
      .filter((name) => name === '.symtab' || name.startsWith('.debug'))
      .map((name) => `is not stripped: it has a section ${name}`),
  ];
}

/**
 * @param {string} file
 * @throws where it is no such file, or is cut
 */
function readElf(file) {
  const what = ['--file-header', '--program-headers', '--sections', '--dynamic-table', '--dyn-syms', '--version-info'];
  const [elf] = JSON.parse(llvm('llvm-readobj', ['--elf-output-style=JSON', ...what, file]));
  /** @type {{ Type: string, Library?: string, Path?: string[], Flags?: string[] }[]} */
  const dynamic = elf.DynamicSection;
  const symbols = elf.DynamicSymbols.map((/** @type {any} */ { Symbol: symbol }) => ({
    name: symbol.Name.Name.replace(/@.*/, ''),
    defined: symbol.Section.Name !== 'Undefined',
    weak: symbol.Binding.Name === 'Weak',
  }));
  const versions = elf.VersionRequirements.flatMap((/** @type {any} */ { Dependency: dependency }) =>
    dependency.Entries.map((/** @type {any} */ { Entry: entry }) => entry.Name),
  );
  return {
    /** @type {string} */ type: elf.ElfHeader.Type,
    /** @type {string} */ machine: elf.ElfHeader.Machine.Name,
    needed: dynamic.flatMap(({ Library: library }) => library ?? []),
    runPaths: dynamic.flatMap(({ Path: paths }) => paths ?? []),
    flags: dynamic.flatMap(({ Flags: flags }) => flags ?? []).map((flag) => flag.replace(/^BIND_/, '')),
    dynamic: dynamic.map(({ Type: type }) => type),
    versions: /** @type {string[]} */ (versions).filter((name, index) => versions.indexOf(name) === index),
    symbols: /** @type {{ name: string, defined: boolean, weak: boolean }[]} */ (symbols).filter(
      ({ name }) => name !== '',
    ),
    segments: elf.ProgramHeaders.map((/** @type {any} */ { ProgramHeader: header }) => ({
      type: header.Type.Name,
      flags: header.Flags.Flags.map((/** @type {any} */ flag) => flag.Name),
    })),
    /** @type {string[]} */
    sections: elf.Sections.map((/** @type {any} */ { Section: section }) => section.Name.Name),
  };
}

/**
 * @param {{ type: string, flags: string[] }[]} segments
 * @returns {string[]}
 */
function checkSegments(segments) {
  const stack = segments.find(({ type }) => type === 'PT_GNU_STACK');
  return [
    ...unless(stack !== undefined && !stack.flags.includes('PF_X'), 'wants an executable stack'),
    ...unless(
      segments.every(({ flags }) => !flags.includes('PF_W') || !flags.includes('PF_X')),
      'has a segment that is writable and executable',
    ),
    ...unless(
      segments.some(({ type }) => type === 'PT_GNU_RELRO'),
      'leaves its relocations writable (no RELRO)',
    ),
    // Nothing of ours is thread-local. What was: an errno that the linked-in stat() of zig's glibc wrote to.
    ...unless(!segments.some(({ type }) => type === 'PT_TLS'), 'has thread-local data'),
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
