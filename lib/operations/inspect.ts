// What ensure would say of a base and a parent: the very code that it runs, and nothing is changed.

import { checkOptions } from '../arguments.js';
import type { NativeInspected } from '../native/contract.js';
import { native } from '../native/load.js';
import { toError, unwrap } from '../native/to-error.js';
import { needsAncestry, type OperationPaths } from '../paths/binding-paths.js';
import { both, type Steps } from '../twin.js';
import { PARENT_CHECKS, type ParentOptions, parentPaths } from './parent-options.js';

/** What was found of a directory. */
export interface InspectedDirectory {
  /** Absolute. */
  path: string;
  /** Whether `ensure` takes it as it is, or puts it right: a missing parent is made, another mode of it repaired. */
  ok: boolean;
  /** The owner's uid; null where nothing is there, or it cannot be looked at. */
  owner: number | null;
  /** Permission bits, the sticky bit included; null where nothing is there, or it cannot be looked at. */
  mode: number | null;
  /** Where it is not ok, what `ensure` would throw: `ERR_BOX_SOCKETS_BASE_UNTRUSTED`, … */
  code?: string;
  /** The message of that error. */
  message?: string;
}

/** What `BoxSockets.inspect` found. */
export interface Inspection {
  /** The directory that holds the parents. */
  base: InspectedDirectory;
  /** `<base>/bl-<uid>`, the directory that holds the bindings. */
  parent: InspectedDirectory;
}

/** See `BoxSockets.inspect`. */
export function* inspect(options: ParentOptions | undefined): Steps<Inspection> {
  const paths = parentPaths(checkOptions(options, PARENT_CHECKS));
  const request = { ...paths, checkAncestry: needsAncestry(paths) };
  const found = unwrap(yield* both(native().inspect, native().inspectAsync, request), paths);
  return { base: toDirectory(found.base, paths.base, paths), parent: toDirectory(found.parent, paths.parent, paths) };
}

function toDirectory(
  { owner, mode, failure }: NativeInspected,
  path: string,
  paths: OperationPaths,
): InspectedDirectory {
  if (failure === null) return { path, ok: true, owner, mode };
  const { code, message } = toError(failure, paths);
  return { path, ok: false, owner, mode, code, message };
}
