// Ensuring many boxes in one job off the main thread.

import { DEFAULT_LOCK_TIMEOUT } from '../arguments.js';
import { type BoxSocketsError, invalidArgType, outOfContract } from '../errors.js';
import { mayWaitForServer } from '../mount-points.js';
import { ENSURE_STATUS, isFailure, type NativeFailure, nameOf } from '../native/contract.js';
import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { isLockTimeout, toError } from '../native/to-error.js';
import { type BindingPaths, needsAncestry } from '../paths/binding-paths.js';
import { BoxPaths, bindingPathsOf, tooLongOf } from '../paths/box-paths.js';
import type { EnsureResult } from './ensure.js';
import { forEachInSlices } from './time-slices.js';

/** What became of one box: as `ensure()` would have returned or thrown. */
export type EnsureOutcome =
  | (EnsureResult & {
      /** Never set where the box was ensured. */
      error?: never;
    })
  | EnsureFailure;

/** A box of the batch that could not be ensured. */
export interface EnsureFailure {
  /** Always `'failed'`: it tells this outcome from the others. */
  status: 'failed';
  /** The binding's absolute path. */
  bindingDir: string;
  /** What `ensure()` would have thrown. */
  error: BoxSocketsError;
}

/** One box of the batch, and where its outcome goes. */
interface BatchBox {
  index: number;
  paths: BindingPaths;
}

/** Boxes of one parent, and their paths as the addon takes them. */
interface Siblings extends Pick<BindingPaths, 'base' | 'parent' | 'parentMode'> {
  boxes: BatchBox[];
  encoded: EncodedPaths;
}

/** `binding NUL realDir NUL` of each box. */
class EncodedPaths {
  // Short enough to be encoded between two turns of the event loop, long enough for one call of the encoder.
  static readonly #PIECE = 1 << 16;
  readonly #pieces: string[] = [];
  #units = 0;
  #piece = '';

  add({ binding, realDir }: BindingPaths): void {
    this.#piece += `${binding}\0${realDir}\0`;
    if (this.#piece.length >= EncodedPaths.#PIECE) this.#cut();
  }

  async bytes(): Promise<Buffer> {
    this.#cut();
    // Three bytes hold what a code unit makes in UTF-8; memory that is never written to is never there.
    const bytes = Buffer.allocUnsafeSlow(3 * this.#units);
    let size = 0;
    await forEachInSlices(this.#pieces, (piece) => {
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

/** See `BoxSockets.ensureAll`. */
export async function ensureAll(boxes: unknown): Promise<EnsureOutcome[]> {
  const all = toBoxes(boxes);
  const outcomes: EnsureOutcome[] = new Array(all.length);
  const parents = new Map<string, Siblings>();
  await forEachInSlices(all, (box, index) => {
    const paths = bindingPathsOf(box);
    const error = tooLongOf(box);
    if (error !== null) {
      outcomes[index] = { status: 'failed', bindingDir: paths.binding, error };
      return;
    }
    const siblings = siblingsOf(paths, parents);
    siblings.boxes.push({ paths, index });
    siblings.encoded.add(paths);
  });
  const mayWait = mayWaitForServer();
  for (const siblings of parents.values()) await ensureSiblings(siblings, mayWait, outcomes);
  return outcomes;
}

function toBoxes(boxes: unknown): BoxPaths[] {
  if (typeof boxes !== 'object' || boxes === null || !(Symbol.iterator in boxes)) {
    throw invalidArgType('boxes', 'an iterable of BoxSockets', boxes);
  }
  return Array.from(boxes as Iterable<unknown>, (box, i) => {
    if (!(box instanceof BoxPaths)) throw invalidArgType(`boxes[${i}]`, 'a BoxSockets', box);
    return box;
  });
}

function siblingsOf({ base, parent, parentMode }: BindingPaths, parents: Map<string, Siblings>): Siblings {
  const key = `${parentMode} ${parent}`;
  const siblings = parents.get(key) ?? { base, parent, parentMode, boxes: [], encoded: new EncodedPaths() };
  parents.set(key, siblings);
  return siblings;
}

async function ensureSiblings(siblings: Siblings, mayWait: boolean, outcomes: EnsureOutcome[]): Promise<void> {
  const { base, parent, parentMode, boxes, encoded } = siblings;
  const request = { base, parent, parentMode, lockTimeout: 0, checkAncestry: needsAncestry(siblings), mayWait };
  let tried = boxes;
  let bytes = await encoded.bytes();
  await untilUnlocked(DEFAULT_LOCK_TIMEOUT, async () => {
    const answer = await native().ensureAllAsync({ ...request, paths: bytes });
    const results = isFailure(answer) ? tried.map(() => answer) : answer;
    if (results.length !== tried.length) throw outOfContract(`${tried.length} results`, results.length);
    const waiting: BatchBox[] = [];
    const left = new EncodedPaths();
    let lockTimeout: unknown;
    await forEachInSlices(tried, (box, i) => {
      const result = results[i] as number | NativeFailure;
      outcomes[box.index] = toOutcome(box.paths, result);
      if (!isLockTimeout(result)) return;
      waiting.push(box);
      left.add(box.paths);
      lockTimeout = result;
    });
    tried = waiting;
    bytes = await left.bytes();
    return lockTimeout;
  });
}

function toOutcome(paths: BindingPaths, result: number | NativeFailure): EnsureOutcome {
  const bindingDir = paths.binding;
  if (isFailure(result)) return { status: 'failed', bindingDir, error: toError(result, paths) };
  return { status: nameOf(ENSURE_STATUS, result), bindingDir };
}
