// Which parent an operation on all bindings is about.

import { toBase, toMilliseconds, toOptions, toParentDir, toUid } from '../arguments.js';

/** Which parent an operation on all bindings is about: `<base>/bl-<uid>`. */
export interface ParentOptions {
  /** The directory that holds the parents: absolute; `/tmp` when left out. */
  base?: string;
  /** The uid that names the parent; the caller's when left out. */
  uid?: number;
}

export const PARENT_OPTIONS = { base: true, uid: true } as const;

/** How long an operation waits for file systems that may not answer. */
export interface TimeoutOptions {
  /** Milliseconds that what a binding leads to has to answer in; 2,000 when left out. */
  timeout?: number;
}

const ANSWER_TIMEOUT = 2_000;

/** Whole milliseconds, up to a day. */
export function toTimeout(value: unknown): number {
  return value === undefined ? ANSWER_TIMEOUT : toMilliseconds('options.timeout', value);
}

/** The paths of a parent, from what a caller passed. */
export function parentArguments(options: ParentOptions | undefined) {
  const { base: givenBase, uid } = toOptions(options, PARENT_OPTIONS);
  const base = toBase(givenBase);
  return { base, parent: toParentDir(base, toUid(uid)) };
}
