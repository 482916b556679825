// What a result was measured on.

import fs from 'node:fs';
import os from 'node:os';

/**
 * @typedef {object} Machine
 * @property {string} processor
 * @property {string} memory
 * @property {string} system
 * @property {string} node
 * @property {string} temporary the file system of os.tmpdir()
 * @property {string} load of the last minute when the measurement began
 */

/** @returns {Machine} */
export function describeMachine() {
  const processors = os.cpus();
  const virtual = fs.existsSync('/proc/cpuinfo') && / hypervisor /.test(fs.readFileSync('/proc/cpuinfo', 'utf8'));
  return {
    processor: `${processors.length} × ${processors[0]?.model.trim()}${virtual ? ' (virtual machine)' : ''}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release().replace(/-.*/, '')} ${os.arch()}`,
    node: process.version,
    temporary: fileSystemOf(os.tmpdir()),
    load: (os.loadavg()[0] ?? 0).toFixed(1),
  };
}

/**
 * @param {string} directory
 * @returns {string}
 */
function fileSystemOf(directory) {
  /** @type {Record<number, string>} */
  const types = { 61267: 'ext4', 16914836: 'tmpfs', 2435016766: 'btrfs', 1481003842: 'xfs', 2035054128: 'overlayfs' };
  const { type } = fs.statfsSync(directory);
  return types[type] ?? `0x${type.toString(16)}`;
}
