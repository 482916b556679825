// What a disk image is based on. BoxLite's disks are qcow2 files: the first bytes say where the path of the backing file is.

import { readFile } from './beneath.js';
import type { FileAt } from './native/contract.js';
import type { Steps } from './twin.js';

const MAGIC = 0x514649fb; // 'QFI\xfb'
const [OFFSET_AT, LENGTH_AT, HEADER_BYTES] = [8, 16, 20];
/** The name lies in the first cluster, and is at most 1,023 bytes long. */
const CLUSTER_BYTES = 1 << 16;
const MOST_NAME_BYTES = 1_023;

/** The path of the file that an image is based on, as it stands in there; null where there is none, or it is no qcow2. */
export function* backingFileOf(image: FileAt): Steps<string | null> {
  const part = yield* readFile(image, CLUSTER_BYTES);
  if (part === null || part.bytes.length < HEADER_BYTES || part.bytes.readUInt32BE(0) !== MAGIC) return null;
  const offset = part.bytes.readBigUInt64BE(OFFSET_AT);
  const length = part.bytes.readUInt32BE(LENGTH_AT);
  if (offset === 0n || length === 0 || length > MOST_NAME_BYTES) return null;
  const start = Number(offset);
  if (start + length > part.bytes.length) return null;
  return part.bytes.toString('utf8', start, start + length);
}
