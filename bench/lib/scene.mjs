// Where a benchmark works: homes of a given depth, and a parent in the real base that nobody else uses.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The base of every real parent; where there is no /tmp, nothing is measured. */
export const BASE = '/tmp';

/** Where links are made: not on a disk, whose journal takes a hundred times what the calls take. */
export const IN_MEMORY = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();

/**
 * A directory that is removed when the benchmark ends.
 *
 * @param {string} within
 * @returns {string}
 */
export function scratch(within) {
  const directory = fs.mkdtempSync(path.join(within, 'bs-'));
  onEnd.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * A uid that names a parent of our own, `/tmp/bl-<uid>`: beyond all that systems give out.
 *
 * @returns {number}
 */
export function strangeUid() {
  const uid = 4_200_000_000 + process.pid;
  onEnd.push(() => fs.rmSync(`${BASE}/bl-${uid}`, { recursive: true, force: true }));
  return uid;
}

/**
 * @param {string} directory that it begins with
 * @param {number} bytes of the whole path
 * @param {number} levels components of the whole path
 * @returns {string} an existing directory, its last component `sockets`
 */
export function deepDirectory(directory, bytes, levels) {
  const own = directory.split('/').length - 1;
  const filled = levels - own - 1;
  const room = bytes - Buffer.byteLength(directory) - filled - '/sockets'.length;
  if (filled < 1 || room < filled) throw new Error(`${directory} is too long or too deep for this`);
  const names = Array.from({ length: filled }, (_, i) => 'd'.repeat(Math.floor((room + i) / filled)));
  const deep = path.join(directory, ...names, 'sockets');
  fs.mkdirSync(deep, { recursive: true });
  return deep;
}

/** @type {(() => void)[]} */
const onEnd = [];

/** Removes all that was made. */
export function cleanUp() {
  for (const undo of onEnd.splice(0)) undo();
}
