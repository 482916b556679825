// Ensuring many boxes in one job off the main thread.

import { DEFAULT_LOCK_TIMEOUT } from './arguments.js';
import { native } from './binding.js';
import { type BoxSocketsError, outOfContract } from './errors.js';
import { isLockTimeout, toError } from './failure.js';
import { untilUnlocked } from './lock-wait.js';
import { ENSURE_STATUS, isFailure, type NativeFailure, nameOf } from './native.js';
import type { Place } from './place.js';
import { inTurns } from './turns.js';

export { inTurns } from './turns.js';

export interface EnsureResult {
  status: (typeof ENSURE_STATUS)[number];
  bindingDir: string;
}

/** What became of one box: as `ensure()` would have returned or thrown. */
export type EnsureOutcome = (EnsureResult & { error?: never }) | EnsureFailure;

export interface EnsureFailure {
  status: 'failed';
  bindingDir: string;
  error: BoxSocketsError;
}

/** One box of the batch, and where its outcome goes. */
interface BatchBox {
  index: number;
  place: Place;
}

/** Boxes of one parent, and their paths as the addon takes them. */
interface Siblings {
  base: string;
  parent: string;
  boxes: BatchBox[];
  paths: Paths;
}

/** `binding NUL realDir NUL` of each box. */
class Paths {
  // Short enough to be encoded between two turns of the event loop, long enough for one call of the encoder.
  static readonly #PIECE = 1 << 16;
  readonly #pieces: string[] = [];
  #units = 0;
  #piece = '';

  add({ binding, realDir }: Place): void {
    this.#piece += `${binding}\0${realDir}\0`;
    if (this.#piece.length >= Paths.#PIECE) this.#cut();
  }

  async bytes(): Promise<Buffer> {
    this.#cut();
    // Three bytes hold what a code unit makes in UTF-8; memory that is never written to is never there.
    const bytes = Buffer.allocUnsafeSlow(3 * this.#units);
    let size = 0;
    await inTurns(this.#pieces, (piece) => {
      size += bytes.write(piece, size);
    });
    return bytes.subarray(0, size);
  }

  #cut(): void {
    this.#pieces.push(this.#piece);
    this.#units += this.#piece.length;
    this.#piece = '';
  }
}

/** Many boxes, of any parents. */
export class Batch {
  readonly #parents = new Map<string, Siblings>();

  /** @param index of its outcome */
  add(place: Place, index: number): void {
    const siblings = this.#siblingsOf(place);
    siblings.boxes.push({ place, index });
    siblings.paths.add(place);
  }

  /** Ensures all, and writes each outcome to its index. */
  async ensure(outcomes: EnsureOutcome[]): Promise<void> {
    for (const siblings of this.#parents.values()) await ensureSiblings(siblings, outcomes);
  }

  #siblingsOf({ base, parent }: Place): Siblings {
    const known = this.#parents.get(parent);
    if (known !== undefined) return known;
    const siblings = { base, parent, boxes: [], paths: new Paths() };
    this.#parents.set(parent, siblings);
    return siblings;
  }
}

async function ensureSiblings({ base, parent, boxes, paths }: Siblings, outcomes: EnsureOutcome[]): Promise<void> {
  let tried = boxes;
  let bytes = await paths.bytes();
  await untilUnlocked(DEFAULT_LOCK_TIMEOUT, async () => {
    const answer = await native().ensureAllAsync({ base, parent, paths: bytes, lockTimeout: 0 });
    const results = isFailure(answer) ? tried.map(() => answer) : answer;
    if (results.length !== tried.length) throw outOfContract(`${tried.length} results`, results.length);
    const waiting: BatchBox[] = [];
    const left = new Paths();
    let lockTimeout: unknown;
    await inTurns(tried, (box, i) => {
      const result = results[i] as number | NativeFailure;
      outcomes[box.index] = toOutcome(box.place, result);
      if (!isLockTimeout(result)) return;
      waiting.push(box);
      left.add(box.place);
      lockTimeout = result;
    });
    tried = waiting;
    bytes = await left.bytes();
    return lockTimeout;
  });
}

function toOutcome(place: Place, result: number | NativeFailure): EnsureOutcome {
  const bindingDir = place.binding;
  if (isFailure(result)) return { status: 'failed', bindingDir, error: toError(result, place) };
  return { status: nameOf(ENSURE_STATUS, result), bindingDir };
}
