// Ensuring many boxes in one job off the main thread.

import { DEFAULT_LOCK_TIMEOUT } from './arguments.js';
import { native } from './binding.js';
import type { BoxSocketsError } from './errors.js';
import { isLockTimeout, toError } from './failure.js';
import { untilUnlocked } from './lock-wait.js';
import { ENSURE_STATUS, isFailure, type NativeFailure } from './native.js';
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
export interface BatchBox {
  index: number;
  place: Place;
}

// So many characters of the paths are encoded at once.
const PART = 1 << 16;

/** Ensures boxes of any parents; writes each outcome to its index. */
export async function ensureBatch(boxes: BatchBox[], outcomes: EnsureOutcome[]): Promise<void> {
  const parents = new Map<string, BatchBox[]>();
  await inTurns(boxes, (box) => {
    const siblings = parents.get(box.place.parent);
    if (siblings === undefined) parents.set(box.place.parent, [box]);
    else siblings.push(box);
  });
  for (const siblings of parents.values()) await ensureSiblings(siblings, outcomes);
}

async function ensureSiblings(siblings: BatchBox[], outcomes: EnsureOutcome[]): Promise<void> {
  let waiting = siblings;
  await untilUnlocked(DEFAULT_LOCK_TIMEOUT, async () => {
    const tried = waiting;
    const results = await callNative(tried);
    waiting = [];
    let lockTimeout: unknown;
    await inTurns(results, (result, i) => {
      const box = tried[i];
      if (box === undefined) return;
      outcomes[box.index] = toOutcome(box.place, result);
      if (!isLockTimeout(result)) return;
      waiting.push(box);
      lockTimeout = result;
    });
    return lockTimeout;
  });
}

async function callNative(siblings: BatchBox[]): Promise<(number | NativeFailure)[]> {
  const [first] = siblings;
  if (first === undefined) return [];
  const { base, parent } = first.place;
  const outcome = await native().ensureAllAsync(base, parent, await pathsOf(siblings), 0);
  return isFailure(outcome) ? siblings.map(() => outcome) : outcome;
}

/** `binding NUL realDir NUL` of each box. */
async function pathsOf(siblings: BatchBox[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  let text = '';
  await inTurns(siblings, ({ place }) => {
    text += `${place.binding}\0${place.realDir}\0`;
    if (text.length < PART) return;
    parts.push(Buffer.from(text));
    text = '';
  });
  return Buffer.concat([...parts, Buffer.from(text)]);
}

function toOutcome(place: Place, result: number | NativeFailure): EnsureOutcome {
  const bindingDir = place.binding;
  if (isFailure(result)) return { status: 'failed', bindingDir, error: toError(result, place) };
  return { status: ENSURE_STATUS[result] ?? 'unchanged', bindingDir };
}
