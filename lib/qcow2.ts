// What a disk image is based on. BoxLite's disks are qcow2 files: the first bytes say where the path of the backing file is.

import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { type FilePart, readFile } from './beneath.js';
import type { FileAt } from './native/contract.js';
import { type Steps, step } from './twin.js';

const MAGIC = 0x514649fb; // 'QFI\xfb'
const [OFFSET_AT, LENGTH_AT, HEADER_BYTES] = [8, 16, 20];
/** The last byte of the features that must be understood, and in it the one of data that lies in another file. */
const [FEATURES_AT, DATA_FILE] = [79, 4];
/** The name lies in the first cluster, and is at most 1,023 bytes long. */
const CLUSTER_BYTES = 1 << 16;
const MOST_NAME_BYTES = 1_023;

/**
 * The path of the file that an image is based on, as it stands in there; null where there is none, or it is no qcow2. Until
 * then, on the clock of `performance.now()`, `qemu-img` may be asked; else the header's own two fields are read.
 */
export function* backingFileOf(image: FileAt, until = 0): Steps<string | null> {
  const part = yield* readFile(image, CLUSTER_BYTES);
  if (part === null || part.bytes.length < HEADER_BYTES || part.bytes.readUInt32BE(0) !== MAGIC) return null;
  const known = yield* askQemuImg(part, Math.ceil(until - performance.now()));
  return known === undefined ? nameIn(part.bytes) : known;
}

function nameIn(bytes: Buffer): string | null {
  const offset = bytes.readBigUInt64BE(OFFSET_AT);
  const length = bytes.readUInt32BE(LENGTH_AT);
  if (offset === 0n || length === 0 || length > MOST_NAME_BYTES) return null;
  const start = Number(offset);
  if (start + length > bytes.length) return null;
  return bytes.toString('utf8', start, start + length);
}

/**
 * What `qemu-img info` says; undefined where it says nothing. It is shown a copy of the first cluster, as large as the image
 * and otherwise empty: a box may write the image itself, and have qemu open what it pleases meanwhile.
 */
function* askQemuImg({ bytes, size }: FilePart, timeout: number): Steps<string | null | undefined> {
  // qemu opens the other file that an image names for its data, whatever that is.
  if (timeout <= 0 || ((bytes[FEATURES_AT] ?? 0) & DATA_FILE) !== 0) return undefined;
  let directory: string | undefined;
  try {
    directory = fs.mkdtempSync(`${os.tmpdir()}/bs-`);
    const copy = `${directory}/header`;
    fs.writeFileSync(copy, bytes);
    fs.truncateSync(copy, size);
    const args = ['info', '--output=json', '-f', 'qcow2', copy];
    const options = { timeout, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    const text = yield* step({
      sync: () => spawnSync('qemu-img', args, options).stdout,
      async: () =>
        new Promise<string>((resolve) => execFile('qemu-img', args, options, (_, output) => resolve(output))),
    });
    const { 'backing-filename': name = null } = JSON.parse(text) as { 'backing-filename'?: string };
    return name;
  } catch {
    return undefined; // there is none, it took too long, or it does not take this for an image
  } finally {
    if (directory !== undefined) fs.rmSync(directory, { recursive: true, force: true });
  }
}
