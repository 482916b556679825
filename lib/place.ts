// What the operations of one box work on, handed from BoxSockets to the files that implement them.

import { toSocketName } from './arguments.js';
import { fitsEverywhere } from './budget.js';
import { pathTooLong } from './errors.js';
import type { Scene } from './failure.js';
import { PORTABLE_CAPACITY } from './sun-path.js';

export interface Place extends Scene {
  binding: string;
  realDir: string;
}

/** In the order in which the native operations take them. */
export function bindingPaths({ base, parent, binding, realDir }: Place): [string, string, string, string] {
  return [base, parent, binding, realDir];
}

/**
 * The path of a socket through the binding. A further name may be longer than every name of the budget, and what does
 * not fit is refused here, before anything is touched: some versions of Node would cut it.
 */
export function toSocketPath({ binding }: Place, name: unknown): string {
  const socketName = toSocketName('name', name);
  const path = `${binding}/${socketName}`;
  if (fitsEverywhere(binding, socketName.length)) return path;
  throw pathTooLong(path, Buffer.byteLength(path), PORTABLE_CAPACITY);
}
