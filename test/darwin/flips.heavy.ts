// How much the scene would notice: single bits of the code that it runs are changed, and it is run again. What share it
// must detect is a floor under what was measured; what it does not are bits that change nothing that anybody is told
// (a branch that is not taken, a register that nobody reads) and paths that it does not go.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { imageOf } from './images.mjs';
import { macEnvironment, missingMac } from './mac.js';
import { runScene, type Told } from './scene.js';

const FLIPS = Number(process.env.DARWIN_FLIPS ?? 40);
const AT_ONCE = 2;
const LEAST_SHARE = 0.5;

interface Flip {
  readonly offset: number;
  readonly bit: number;
}

/** Numbers that look like chance and are the same each time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function choose(executed: Buffer): Flip[] {
  const offsets = [...executed.keys()].filter((offset) => offset % 4 === 0 && executed[offset] === 1);
  const next = numbers(1);
  return Array.from({ length: FLIPS }, () => ({
    offset: offsets[Math.floor(next() * offsets.length)] ?? 0,
    bit: Math.floor(next() * 32),
  }));
}

const missing = missingMac('arm64');

it.skipIf(missing !== null)(
  `the scene detects most changes of a single bit${missing === null ? '' : ` (${missing})`}`,
  async () => {
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
    const environment = macEnvironment('arm64');
    const cover = path.join(scratch, 'cover');
    const began = Date.now();
    const whole = await runScene({ ...environment, DARWIN_COVER: cover });
    // What goes round for ever is ended, and nothing that is merely slow here.
    const longest = Math.min(60_000, Math.max(20_000, 10 * (Date.now() - began)));
    expect(whole.ended).toBe('');
    const executed = fs.readFileSync(cover);
    const image = fs.readFileSync(imageOf('arm64'));

    const runFlipped = async ({ offset, bit }: Flip, n: number): Promise<Told> => {
      const directory = path.join(scratch, String(n), 'darwin-arm64');
      fs.mkdirSync(directory, { recursive: true });
      const changed = Buffer.from(image);
      // __TEXT begins the file, so that an offset of the one is an offset of the other.
      changed.writeUInt32LE((changed.readUInt32LE(offset) ^ (1 << bit)) >>> 0, offset);
      const file = path.join(directory, 'boxsockets.node');
      fs.writeFileSync(file, changed);
      const told = await runScene({ ...environment, DARWIN_IMAGE: file }, longest);
      fs.rmSync(path.dirname(directory), { recursive: true });
      return told;
    };

    const flips = choose(executed);
    const undetected: string[] = [];
    const left = [...flips.entries()];
    const work = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [n, flip] = next;
        const told = await runFlipped(flip, n);
        const detected = told.ended !== '' || told.lines.join('\n') !== whole.lines.join('\n');
        if (!detected) undetected.push(`0x${flip.offset.toString(16)} bit ${flip.bit}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    fs.rmSync(scratch, { recursive: true });

    const instructions = executed.filter((byte) => byte === 1).length / 4;
    const share = 1 - undetected.length / flips.length;
    console.log(
      `${instructions} instructions are run; of ${flips.length} flips, ${(100 * share).toFixed(0)} % are detected`,
    );
    console.log(`not: ${undetected.join(', ')}`);
    expect(share).toBeGreaterThanOrEqual(LEAST_SHARE);
  },
  900_000,
);
