// All bindings of a parent at once: removing those that lead nowhere, and listing them.

import { toBase, toBoolean, toLockTimeout, toOptions, toParentDir, toUid } from './arguments.js';
import { native } from './binding.js';
import { errnoName } from './errors.js';
import { unwrap } from './failure.js';
import { untilUnlocked } from './lock-wait.js';
import { BINDING_STATES, type NativeListEntry, type NativeSweep, nameOf } from './native.js';

export interface ParentOptions {
  /** Absolute; `/tmp` when left out. */
  base?: string;
  /** The uid that names the parent; the caller's when left out. */
  uid?: number;
}

export interface SweepOptions extends ParentOptions {
  /** Say what would be removed, and change nothing. */
  dryRun?: boolean;
  /** Milliseconds to wait for the lock; 5,000 when left out. */
  lockTimeout?: number;
}

export interface SweepResult {
  /** Names of the links that were removed: their targets are proven gone, or they were left by a killed replacement. */
  removed: string[];
  /** How many links lead somewhere and were kept. */
  kept: number;
  /** Links that could not be resolved for another reason than a missing target, and were kept; or not be removed. */
  skipped: { name: string; code: string }[];
}

/**
 * - `'live'`: leads to a directory in which a process holds a socket
 * - `'idle'`: leads to a directory in which none does
 * - `'dangling'`: leads to nothing; a sweep takes it
 * - `'unreadable'`: cannot be resolved or read, `code` says why
 * - `'not-a-symlink'`
 */
export type BindingState = (typeof BINDING_STATES)[number];

export interface BindingInfo {
  id: string;
  /** What the link holds; null where it is no link. */
  target: string | null;
  state: BindingState;
  /** Why it is `'unreadable'`, a system error's name. */
  code?: string;
  /** The sockets in the directory that it leads to. */
  sockets: { name: string; held: boolean }[];
}

/** See `BoxSockets.sweepStale`. */
export async function sweepStale(options?: SweepOptions): Promise<SweepResult> {
  const sweep = sweepArguments(options);
  const attempt = () => native().sweepStaleAsync({ ...sweep, lockTimeout: 0 });
  return toSweepResult(unwrap(await untilUnlocked(sweep.lockTimeout, attempt), sweep));
}

export function sweepStaleSync(options?: SweepOptions): SweepResult {
  const sweep = sweepArguments(options);
  return toSweepResult(unwrap(native().sweepStale(sweep), sweep));
}

/** See `BoxSockets.list`. */
export async function list(options?: ParentOptions): Promise<BindingInfo[]> {
  const paths = parentArguments(options);
  return unwrap(await native().listAsync(paths), paths).map(toBindingInfo);
}

export function listSync(options?: ParentOptions): BindingInfo[] {
  const paths = parentArguments(options);
  return unwrap(native().list(paths), paths).map(toBindingInfo);
}

function parentArguments(options: ParentOptions | undefined) {
  const { base: givenBase, uid } = toOptions(options);
  const base = toBase(givenBase);
  return { base, parent: toParentDir(base, toUid(uid)) };
}

function sweepArguments(options: SweepOptions | undefined) {
  const { dryRun, lockTimeout } = toOptions(options);
  return {
    ...parentArguments(options),
    dryRun: toBoolean('options.dryRun', dryRun),
    lockTimeout: toLockTimeout(lockTimeout),
  };
}

function toSweepResult({ removed, kept, skipped }: NativeSweep): SweepResult {
  return { removed, kept, skipped: skipped.map(({ name, errno }) => ({ name, code: errnoName(errno) })) };
}

function toBindingInfo({ id, target, state, errno, sockets }: NativeListEntry): BindingInfo {
  return { id, target, state: nameOf(BINDING_STATES, state), ...(errno !== 0 && { code: errnoName(errno) }), sockets };
}
