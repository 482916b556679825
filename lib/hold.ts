// Keeping a binding alive while its box idles, against what cleans /tmp.

import fs from 'node:fs';
import { DEFAULT_LOCK_TIMEOUT, toInteger, toOptions } from './arguments.js';
import { native } from './binding.js';
import { asError } from './errors.js';
import { toError, unwrap } from './failure.js';
import { untilUnlocked } from './lock-wait.js';
import { isFailure, Refusal } from './native.js';
import type { Place } from './place.js';

export interface HoldOptions {
  /** Milliseconds between two refreshes of the link's timestamps; 600,000 (ten minutes) when left out. */
  refreshInterval?: number;
}

const DEFAULT_INTERVAL = 600_000;
const LONGEST_INTERVAL = 2 ** 31 - 1; // what a timer takes

/** The descriptor that all holds of one parent share, with the lock on it. */
interface HeldParent {
  descriptor: number;
  holds: number;
}

const heldParents = new Map<string, HeldParent>();

/** What a hold needs of its box. */
export interface HeldBox {
  place: Place;
  ensure(): Promise<unknown>;
}

export function toRefreshInterval(options: HoldOptions | undefined): number {
  const { refreshInterval } = toOptions(options);
  const range = { least: 1, most: LONGEST_INTERVAL, otherwise: DEFAULT_INTERVAL };
  return toInteger('options.refreshInterval', refreshInterval, range);
}

/** A binding that is kept alive until it is released, disposed of, or its process ends. */
export class BindingHold implements Disposable, AsyncDisposable {
  readonly bindingDir: string;
  readonly #box: HeldBox;
  readonly #timer: NodeJS.Timeout;
  #released = false;

  /** Not called by users: see `BoxSockets.hold`. Takes over the descriptor. */
  constructor(box: HeldBox, descriptor: number, interval: number) {
    this.bindingDir = box.place.binding;
    this.#box = box;
    adopt(box.place.parent, descriptor);
    this.#timer = setInterval(() => this.#refresh(), interval);
    // A hold keeps a link alive, not a process.
    this.#timer.unref();
  }

  /** Lets go; the last hold of a parent drops its lock. Further calls do nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    letGo(this.#box.place.parent);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }

  #refresh(): void {
    const { base, parent, binding } = this.#box.place;
    const held = heldParents.get(parent);
    if (held === undefined) return;
    const outcome = native().refresh(base, parent, binding, held.descriptor);
    if (!isFailure(outcome)) return;
    // Somebody removed the link, or the whole parent: make them anew, and hold the new one.
    this.#restore(outcome.refusal === Refusal.parentUnstable).catch((error: unknown) => {
      if (!this.#released) process.emitWarning(asError(error));
    });
  }

  async #restore(parentReplaced: boolean): Promise<void> {
    await this.#box.ensure();
    if (!parentReplaced || this.#released) return;
    const descriptor = await holdParent(this.#box.place);
    const held = heldParents.get(this.#box.place.parent);
    fs.closeSync(held === undefined ? descriptor : exchange(held, descriptor));
  }
}

export async function holdParent(place: Place): Promise<number> {
  const { base, parent } = place;
  return unwrap(await untilUnlocked(DEFAULT_LOCK_TIMEOUT, () => native().holdAsync(base, parent, 0)), place);
}

export function holdParentSync(place: Place): number {
  const outcome = native().hold(place.base, place.parent, DEFAULT_LOCK_TIMEOUT);
  if (isFailure(outcome)) throw toError(outcome, place);
  return outcome;
}

function adopt(parent: string, descriptor: number): void {
  const held = heldParents.get(parent);
  if (held === undefined) {
    heldParents.set(parent, { descriptor, holds: 1 });
  } else {
    // The newest one is of the directory that is there now.
    fs.closeSync(exchange(held, descriptor));
    held.holds++;
  }
}

function exchange(held: HeldParent, descriptor: number): number {
  const old = held.descriptor;
  held.descriptor = descriptor;
  return old;
}

function letGo(parent: string): void {
  const held = heldParents.get(parent);
  if (held === undefined || --held.holds > 0) return;
  heldParents.delete(parent);
  fs.closeSync(held.descriptor);
}
