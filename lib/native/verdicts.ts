// What is known of sockets, in words.

import { errnoName, type Occupant } from '../errors.js';
import type { BindingPaths, OperationPaths } from '../paths/binding-paths.js';
import { isFailure, JUDGEMENTS, type NativeVerdict, nameOf, REASONS } from './contract.js';
import { native } from './load.js';

/** Whether a process holds a socket, and where that cannot be known or needs a word, why. */
export interface Held {
  /** True: a process holds it. False: none does. `'unknown'`: that cannot be known here. */
  held: boolean | 'unknown';
  /** Why it is unknown, or what is odd about one that is held (its file is gone): words for a person. */
  reason?: string;
}

export function toHeld(verdict: NativeVerdict): Held {
  const judgement = nameOf(JUDGEMENTS, verdict.judgement);
  const reason = reasonOf(verdict);
  const held = judgement === 'unknown' ? judgement : judgement === 'alive';
  return { held, ...(reason !== undefined && { reason }) };
}

/** Who is in the way of a binding that was just refused for that; null where it is free by now. */
export function occupantOf(paths: OperationPaths): Occupant | null {
  if (!isComplete(paths)) return null;
  const found = native().occupant(paths);
  if (found === null || isFailure(found)) return null;
  const { target, socket, pid } = found;
  const judgement = nameOf(JUDGEMENTS, found.judgement) === 'alive' ? 'alive' : 'unknown';
  return { target, socket, judgement, reason: reasonOf(found), pid: pid > 0 ? pid : undefined };
}

function isComplete(paths: OperationPaths): paths is BindingPaths {
  const { base, parent, binding, realDir, parentMode } = paths;
  return [base, parent, binding, realDir, parentMode].every((value) => value !== undefined);
}

function reasonOf({ reason, errno }: NativeVerdict): string | undefined {
  switch (nameOf(REASONS, reason)) {
    case 'errno':
      return `${errnoName(errno)} when it was asked`;
    case 'foreign-file-system':
      return 'it lies on a file system that another kernel or another mount may serve, too';
    case 'file-gone':
      return 'its file is gone';
    case 'too-many':
      return 'there are too many entries to look at';
    default:
      return undefined;
  }
}
