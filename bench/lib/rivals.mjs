// The same guarantee as others write it.

import fs from 'node:fs';

/**
 * @typedef {object} Place
 * @property {string} base
 * @property {string} parent
 * @property {string} binding
 * @property {string} realDir
 */

const uid = process.getuid?.() ?? 0;

/**
 * By device and inode, as this package does it.
 *
 * @param {Place} place
 * @returns {() => void}
 */
export function byIdentity({ base, parent, binding, realDir }) {
  return () => {
    checkBase(fs.statSync(base));
    checkParent(fs.lstatSync(parent));
    checkSame(fs.statSync(binding), fs.statSync(realDir));
  };
}

/**
 * {@link byIdentity} over fs.promises.
 *
 * @param {Place} place
 * @returns {() => Promise<void>}
 */
export function byIdentityAsync({ base, parent, binding, realDir }) {
  return async () => {
    checkBase(await fs.promises.stat(base));
    checkParent(await fs.promises.lstat(parent));
    checkSame(await fs.promises.stat(binding), await fs.promises.stat(realDir));
  };
}

/**
 * By comparing what the link holds with what it should hold, as BoxLite does it.
 *
 * @param {Place} place
 * @returns {() => void}
 */
export function byStrings({ parent, binding, realDir }) {
  return () => {
    try {
      fs.mkdirSync(parent, 0o700);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    checkParent(fs.lstatSync(parent));
    const held = fs.lstatSync(binding).isSymbolicLink() && fs.readlinkSync(binding) === realDir;
    if (!held) throw new Error('the binding is not right');
  };
}

/**
 * A link that is made for one operation and removed after it, as Open vSwitch does it (lib/socket-util-unix.c).
 *
 * @param {Place} place
 * @returns {() => void}
 */
export function linkPerOperation({ base, realDir }) {
  return () => {
    const link = `${base}/ovs-un-c-${Math.floor(Math.random() * 2 ** 32)}`;
    fs.symlinkSync(realDir, link);
    fs.unlinkSync(link);
  };
}

/**
 * Creating and removing, written with node:fs, without a lock.
 *
 * @param {Place} place
 * @returns {() => void}
 */
export function createAndRemove({ base, parent, binding, realDir }) {
  return () => {
    checkBase(fs.statSync(base));
    checkParent(fs.lstatSync(parent));
    fs.symlinkSync(realDir, binding);
    checkSame(fs.statSync(binding), fs.statSync(realDir));
    if (fs.readlinkSync(binding) === realDir) fs.unlinkSync(binding);
  };
}

/**
 * Replacing, written with node:fs, without a lock and without asking whether a process holds a socket.
 *
 * @param {Place} place
 * @param {string} otherDir
 * @returns {() => void}
 */
export function replace({ base, parent, binding, realDir }, otherDir) {
  let target = realDir;
  return () => {
    target = target === realDir ? otherDir : realDir;
    checkBase(fs.statSync(base));
    checkParent(fs.lstatSync(parent));
    if (!fs.lstatSync(binding).isSymbolicLink()) throw new Error('the binding is no link');
    fs.symlinkSync(target, `${binding}.new`);
    fs.renameSync(`${binding}.new`, binding);
    checkSame(fs.statSync(binding), fs.statSync(target));
  };
}

/** @param {fs.Stats} base */
function checkBase(base) {
  const sticky = (base.mode & 0o1000) !== 0;
  const owned = base.uid === 0 || base.uid === uid;
  if (!base.isDirectory() || !owned || (!sticky && (base.mode & 0o022) !== 0)) throw new Error('the base is not right');
}

/** @param {fs.Stats} parent */
function checkParent(parent) {
  if (!parent.isDirectory() || parent.uid !== uid || (parent.mode & 0o7777) !== 0o700) {
    throw new Error('the parent is not right');
  }
}

/**
 * @param {fs.Stats} a
 * @param {fs.Stats} b
 */
function checkSame(a, b) {
  if (!b.isDirectory() || a.dev !== b.dev || a.ino !== b.ino) throw new Error('the binding is not right');
}
