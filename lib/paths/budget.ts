// The arithmetic of a box's socket names: every one that it or its vendor binds, in bytes, both ways.

import type { SocketType } from '../arguments.js';
import { PORTABLE_CAPACITY } from './limits.js';

/** Who makes a socket of that name: the host and its tools, the vendor, or whoever passed it as a further name. */
export type SocketKind = 'declared' | 'derived' | 'extra';

/** A name that a box or its vendor binds. */
export interface SocketName {
  /** The name of the socket file. */
  name: string;
  /** Who makes it. */
  kind: SocketKind;
  /** The type of the socket. */
  type: SocketType;
}

/** One name of a budget. Bytes are counted without the NUL, limits with it: a path fits when `bytes < limit`. */
export interface SocketBudgetEntry extends SocketName {
  /** Through the binding, absolute. */
  path: string;
  /** The length of {@link path} in UTF-8. */
  bytes: number;
  /** 104 on every platform: what fits there fits everywhere. */
  limit: number;
  /** Whether {@link path} fits. */
  fits: boolean;
  /** What a direct bind would have used. */
  realPath: string;
  /** The length of {@link realPath} in UTF-8. */
  realBytes: number;
  /** Whether {@link realPath} would fit. */
  realFits: boolean;
}

/** The names of a box, and whether they fit. */
export interface SocketBudget {
  /** Every name, once each. */
  sockets: SocketBudgetEntry[];
  /** Whether every name fits through the binding; where there is none, whether one of one byte would. */
  fits: boolean;
  /** The name of the most bytes; null where there is none (`standardNames: false` without `names`). */
  longest: SocketBudgetEntry | null;
  /** Whether some names of the real directory fit and others do not: it looks healthy, and hangs. */
  deadZone: boolean;
}

/** Whether a name of so many bytes fits in that directory on every platform. */
export function fitsEverywhere(bindingDir: string, nameBytes: number): boolean {
  return Buffer.byteLength(bindingDir) + 1 + nameBytes < PORTABLE_CAPACITY;
}

export function makeBudget(names: readonly SocketName[], bindingDir: string, realDir: string): SocketBudget {
  const sockets = names.map((one): SocketBudgetEntry => {
    const [path, realPath] = [`${bindingDir}/${one.name}`, `${realDir}/${one.name}`];
    const [bytes, realBytes] = [Buffer.byteLength(path), Buffer.byteLength(realPath)];
    const [fits, realFits] = [bytes < PORTABLE_CAPACITY, realBytes < PORTABLE_CAPACITY];
    return { ...one, path, bytes, limit: PORTABLE_CAPACITY, fits, realPath, realBytes, realFits };
  });
  const [longest = null] = [...sockets].sort((a, b) => b.bytes - a.bytes);
  return {
    sockets,
    fits: longest?.fits ?? fitsEverywhere(bindingDir, 1),
    longest,
    deadZone: sockets.some(({ realFits }) => realFits) && !sockets.every(({ realFits }) => realFits),
  };
}
