// What ensure would say of a base and a parent: the very code that it runs, and nothing is changed.

import { checkOptions } from '../arguments.js';
import type { NativeFailure, NativeInspected, NativeInspection } from '../native/contract.js';
import { native } from '../native/load.js';
import { toError, unwrap } from '../native/to-error.js';
import { needsAncestry } from '../paths/binding-paths.js';
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
export async function inspect(options?: ParentOptions): Promise<Inspection> {
  const request = toRequest(options);
  return toInspection(await native().inspectAsync(request), request);
}

export function inspectSync(options?: ParentOptions): Inspection {
  const request = toRequest(options);
  return toInspection(native().inspect(request), request);
}

type Request = ReturnType<typeof toRequest>;

function toRequest(options: ParentOptions | undefined) {
  const paths = parentPaths(checkOptions(options, PARENT_CHECKS));
  return { ...paths, checkAncestry: needsAncestry(paths) };
}

function toInspection(outcome: NativeInspection | NativeFailure, request: Request): Inspection {
  const { base, parent } = unwrap(outcome, request);
  return { base: toDirectory(base, request.base, request), parent: toDirectory(parent, request.parent, request) };
}

function toDirectory({ owner, mode, failure }: NativeInspected, path: string, request: Request): InspectedDirectory {
  if (failure === null) return { path, ok: true, owner, mode };
  const { code, message } = toError(failure, request);
  return { path, ok: false, owner, mode, code, message };
}
