// Which parent an operation on all bindings is about.

import { toBase, toOptions, toParentDir, toUid } from '../arguments.js';

/** Which parent an operation on all bindings is about: `<base>/bl-<uid>`. */
export interface ParentOptions {
  /** The directory that holds the parents: absolute; `/tmp` when left out. */
  base?: string;
  /** The uid that names the parent; the caller's when left out. */
  uid?: number;
}

export const PARENT_OPTIONS = { base: true, uid: true } as const;

/** The paths of a parent, from what a caller passed. */
export function parentArguments(options: ParentOptions | undefined) {
  const { base: givenBase, uid } = toOptions(options, PARENT_OPTIONS);
  const base = toBase(givenBase);
  return { base, parent: toParentDir(base, toUid(uid)) };
}
