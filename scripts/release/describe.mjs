// What a binary asks of its system, for a person to read.

import * as elf from './elf.mjs';
import * as macho from './macho.mjs';

/**
 * @param {import('./targets.mjs').Target} target
 * @param {Buffer} bytes
 * @returns {string}
 */
export function describe(target, bytes) {
  const { libraries, minimum, symbols } = target.platform === 'darwin' ? ofMachO(bytes) : ofElf(bytes);
  return `     needs ${libraries.join(', ') || 'no library'}; ${minimum}; ${symbols.length} functions: ${symbols.join(' ')}`;
}

/**
 * @param {Buffer} bytes
 * @returns {{ libraries: string[], minimum: string, symbols: string[] }}
 */
function ofElf(bytes) {
  const { needed, versions, symbols } = elf.readElf(bytes);
  return {
    libraries: needed,
    minimum: versions.join(' ') || 'no versions',
    symbols: symbols.filter(({ defined }) => !defined).map(({ name }) => name),
  };
}

/**
 * @param {Buffer} bytes
 * @returns {{ libraries: string[], minimum: string, symbols: string[] }}
 */
function ofMachO(bytes) {
  const { libraries, minimum, symbols } = macho.readMachO(bytes);
  return {
    libraries,
    minimum: `macOS ${minimum}`,
    symbols: symbols.filter(({ defined, external }) => external && !defined).map(({ name }) => name),
  };
}
