// The ad-hoc signature without which arm64 macOS loads nothing: a hash of every page, and no certificate.
// The layout is that of Apple's <Kernel/kern/cs_blobs.h>; all numbers are big-endian.

import crypto from 'node:crypto';

const MAGIC_EMBEDDED_SIGNATURE = 0xfade0cc0;
const MAGIC_CODE_DIRECTORY = 0xfade0c02;
const SLOT_CODE_DIRECTORY = 0;
const FLAG_ADHOC = 0x2;
const HASH_SHA256 = 2;
const HASH_BYTES = 32;

/**
 * @typedef {object} CodeDirectory
 * @property {string} identifier
 * @property {boolean} adHoc
 * @property {number} codeLimit bytes that are covered: all before the signature
 * @property {number} pageSize
 * @property {number} hashesAt where the first page's hash lies in the file
 * @property {number} pages
 */

/**
 * @param {Buffer} bytes of the whole file
 * @param {{ offset: number, size: number }} place of the signature
 * @returns {CodeDirectory}
 */
export function readCodeDirectory(bytes, place) {
  if (bytes.readUInt32BE(place.offset) !== MAGIC_EMBEDDED_SIGNATURE)
    throw new Error('no signature where one is stated');
  const at = place.offset + directoryOffset(bytes, place.offset);
  if (bytes.readUInt32BE(at) !== MAGIC_CODE_DIRECTORY) throw new Error('the signature has no code directory');
  if (bytes[at + 37] !== HASH_SHA256) throw new Error(`the signature's hash has type ${bytes[at + 37]}`);
  const identifier = at + bytes.readUInt32BE(at + 20);
  return {
    identifier: bytes.toString('latin1', identifier, bytes.indexOf(0, identifier)),
    adHoc: (bytes.readUInt32BE(at + 12) & FLAG_ADHOC) !== 0,
    codeLimit: bytes.readUInt32BE(at + 32),
    pageSize: 2 ** bytes.readUInt8(at + 39),
    hashesAt: at + bytes.readUInt32BE(at + 16),
    pages: bytes.readUInt32BE(at + 28),
  };
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {number}
 */
function directoryOffset(bytes, at) {
  for (let index = 0; index < bytes.readUInt32BE(at + 8); index++) {
    const entry = at + 12 + index * 8;
    if (bytes.readUInt32BE(entry) === SLOT_CODE_DIRECTORY) return bytes.readUInt32BE(entry + 4);
  }
  throw new Error('the signature has no code directory');
}

/**
 * What is wrong with a signature, in words.
 *
 * @param {Buffer} bytes of the whole file
 * @param {{ offset: number, size: number }} place
 * @returns {string[]}
 */
export function verifySignature(bytes, place) {
  const directory = readCodeDirectory(bytes, place);
  const findings = [];
  if (!directory.adHoc) findings.push('the signature is not an ad-hoc one');
  if (directory.codeLimit !== place.offset) findings.push(`it covers ${directory.codeLimit} bytes of ${place.offset}`);
  if (directory.pages !== Math.ceil(directory.codeLimit / directory.pageSize)) {
    findings.push(`it has ${directory.pages} pages of ${directory.pageSize} for ${directory.codeLimit} bytes`);
  }
  if (place.offset + place.size !== bytes.length) findings.push('the signature is not the last thing in the file');
  for (const { page, hashAt, hash } of pageHashes(bytes, directory)) {
    if (!hash.equals(bytes.subarray(hashAt, hashAt + hash.length))) findings.push(`page ${page} has another hash`);
  }
  return findings;
}

/**
 * The signature of other code, in the manner of an existing one.
 *
 * @param {Buffer} signature
 * @param {Buffer} code all that lies before the signature
 * @returns {Buffer}
 */
export function resign(signature, code) {
  if (signature.readUInt32BE(8) !== 1) throw new Error('the signature has more parts than the code directory');
  const at = directoryOffset(signature, 0);
  const pages = Math.ceil(code.length / 2 ** signature.readUInt8(at + 39));
  const hashesAt = at + signature.readUInt32BE(at + 16);
  const renewed = Buffer.concat([signature.subarray(0, hashesAt), Buffer.alloc(pages * HASH_BYTES)]);
  renewed.writeUInt32BE(renewed.length, 4);
  renewed.writeUInt32BE(renewed.length - at, at + 4);
  renewed.writeUInt32BE(pages, at + 28);
  renewed.writeUInt32BE(code.length, at + 32);
  const directory = readCodeDirectory(renewed, { offset: 0, size: renewed.length });
  for (const { hashAt, hash } of pageHashes(code, directory)) hash.copy(renewed, hashAt);
  return renewed;
}

/**
 * @param {Buffer} bytes
 * @param {CodeDirectory} directory
 * @returns {{ page: number, hashAt: number, hash: Buffer }[]}
 */
function pageHashes(bytes, { codeLimit, pageSize, hashesAt, pages }) {
  return Array.from({ length: pages }, (_, page) => {
    const code = bytes.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLimit));
    const hash = crypto.createHash('sha256').update(code).digest();
    return { page, hashAt: hashesAt + page * hash.length, hash };
  });
}
