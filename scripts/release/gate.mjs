// What a binary must be. Each finding is a sentence; none at all is a pass.

import fs from 'node:fs';
import os from 'node:os';

import { NODE_API, SYSTEM } from './allowed-symbols.mjs';
import { checkElf } from './gate-elf.mjs';
import { checkMachO } from './gate-macho.mjs';
import { EXPORTED } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/**
 * @param {Target} target
 * @param {string} file
 * @param {string} root of the checkout, whose path must not be in the binary
 * @returns {string[]}
 */
export function checkBinary(target, file, root) {
  try {
    const findings = target.platform === 'darwin' ? checkMachO(target, file) : checkElf(target, file);
    return [...checkBytes(target, fs.readFileSync(file), root), ...findings];
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
 * @param {string} name of a function that the binary asks for
 * @param {Target} target
 * @returns {string[]}
 */
export function checkUndefined(name, target) {
  const system = target.libc ?? target.platform;
  if (NODE_API.has(name) || SYSTEM[system]?.has(name)) return [];
  if (name.startsWith('_Z') || name.startsWith('__cxa_')) return [`needs the C++ runtime: ${name}`];
  if (/^n(ode_)?api_/.test(name)) return [`needs a newer Node-API: ${name}`];
  if (name.startsWith('uv_')) return [`needs libuv: ${name}`];
  return [`needs ${name}, which is not among the functions allowed on ${system}`];
}

/**
 * @param {string[]} names
 * @returns {string[]}
 */
export function checkExports(names) {
  return [...unexpected('exports', names, EXPORTED), ...missing('does not export', EXPORTED, names)];
}

/**
 * @param {string} what
 * @param {readonly string[]} found
 * @param {readonly string[]} wanted
 * @returns {string[]}
 */
export function unexpected(what, found, wanted) {
  return found.filter((each) => !wanted.includes(each)).map((each) => `${what} ${each}`);
}

/**
 * @param {string} what
 * @param {readonly string[]} wanted
 * @param {readonly string[]} found
 * @returns {string[]}
 */
export function missing(what, wanted, found) {
  return unexpected(what, wanted, found);
}

/**
 * @param {boolean} holds
 * @param {string} finding
 * @returns {string[]}
 */
export function unless(holds, finding) {
  return holds ? [] : [finding];
}
