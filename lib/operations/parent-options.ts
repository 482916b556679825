// Which parent an operation on all bindings is about.

import { milliseconds, toBase, toParentDir, toUid } from '../arguments.js';

/** Which parent an operation on all bindings is about: `<base>/bl-<uid>`. */
export interface ParentOptions {
  /** The directory that holds the parents: absolute; `/tmp` when left out. */
  base?: string;
  /** The uid that names the parent; the caller's when left out. */
  uid?: number;
}

export const PARENT_CHECKS = { base: toBase, uid: toUid };

/** Which parent, and how long an operation waits for file systems that may not answer. */
export interface TimeoutOptions extends ParentOptions {
  /** Milliseconds that what a binding leads to has to answer in; 2,000 when left out. */
  timeout?: number;
}

export const TIMEOUT_CHECKS = { ...PARENT_CHECKS, timeout: milliseconds(2_000) };

/** The paths of a parent. */
export function parentPaths({ base, uid }: { base: string; uid: number }) {
  return { base, parent: toParentDir(base, uid) };
}
