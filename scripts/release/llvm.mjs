// LLVM's linker for macOS, and its readers of binaries. Other versions give other bytes, and other words.

import { spawnSync } from 'node:child_process';

import { whyMissing } from '../tools/checkout.mjs';

export const LLVM_VERSION = '19.1.7';
const [MAJOR] = LLVM_VERSION.split('.');

/**
 * Runs one of LLVM's programs.
 *
 * @param {'ld64.lld' | 'llvm-nm' | 'llvm-objdump' | 'llvm-readobj'} name
 * @param {readonly string[]} args
 * @returns {string} what it wrote
 * @throws where it fails, or is missing
 */
export function llvm(name, args) {
  const program = `${name}-${MAJOR}`;
  checkVersion(program);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  // What is broken is a warning for some of them.
  if (status !== 0 || stderr !== '') throw new Error(`${program}: ${stderr.trim()}`);
  return stdout;
}

/** @type {Set<string>} */
const checked = new Set();

/** @param {string} program */
function checkVersion(program) {
  if (checked.has(program)) return;
  const missing = whyMissing(program);
  if (missing !== undefined) throw new Error(missing);
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (!stdout.includes(LLVM_VERSION)) {
    throw new Error(`${program} is not of LLVM ${LLVM_VERSION}, which the binaries are made with: ${stdout.trim()}`);
  }
  checked.add(program);
}
