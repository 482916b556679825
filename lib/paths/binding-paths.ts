// The paths that the operations of one box work on, handed from BoxSockets to the files that implement them.

import { DEFAULT_BASE, toSocketName } from '../arguments.js';
import { pathTooLong } from '../errors.js';
import { fitsEverywhere } from './budget.js';
import { PORTABLE_CAPACITY } from './limits.js';

export interface BindingPaths {
  base: string;
  parent: string;
  binding: string;
  realDir: string;
  /** Permission bits of the parent. */
  parentMode: number;
}

/** Those that an operation is about, and the socket or file where it is about one: what its errors name. */
export interface OperationPaths extends Partial<BindingPaths> {
  socket?: string;
  file?: string;
}

/** In the order in which the native operations take them. */
export function inOrder({ base, parent, binding, realDir, parentMode }: BindingPaths) {
  return [base, parent, binding, realDir, parentMode] as const;
}

/** Whether others may rename what leads to the base is asked of every base but the default one, which is root's. */
export function needsAncestry({ base }: Pick<BindingPaths, 'base'>): boolean {
  return base !== DEFAULT_BASE;
}

/**
 * The path of a socket through the binding. A further name may be longer than every name of the budget, and what does
 * not fit is refused here, before anything is touched: some versions of Node would cut it.
 */
export function toSocketPath({ binding }: BindingPaths, name: unknown): string {
  const socketName = toSocketName('name', name);
  const path = `${binding}/${socketName}`;
  if (fitsEverywhere(binding, Buffer.byteLength(socketName))) return path;
  throw pathTooLong(path, Buffer.byteLength(path), PORTABLE_CAPACITY);
}
