// What a shim.pid file holds: the number of a process and its start time, a line each, as BoxLite writes it. The third
// line is BoxLite's own (`services-mux-v1`, or nothing). From the fourth on, ours: the boot and the pid namespace, without
// which the two numbers may be another process's, and the mark by which what belongs to the box is known.

import * as fs from 'node:fs';
import { LARGEST_INT } from '../arguments.js';
import { fileAt, readFile, replaceFile } from '../beneath.js';
import { attempt, orNull, type Steps } from '../twin.js';

/** Where and as whose a process was started, as far as it is known. */
export interface ShimOrigin {
  /** Clock ticks since boot come again after a restart, so that another process may have the same pair. */
  bootId: string | null;
  /** The number of the namespace that its pid belongs to, on Linux. */
  pidNamespace: string | null;
  /** The value of `BOXSOCKETS_BOX` in its environment. */
  mark: string | null;
}

export const SHIM_ORIGIN = { bootId: true, pidNamespace: true, mark: true } as const;

export interface ShimIdentity extends ShimOrigin {
  pid: number;
  startTime: number;
}

/** More than any such file holds. */
const SHIM_PID_BYTES = 512;

const NUMBERS = /^([0-9]{1,10})\n([0-9]{1,16})(?:\n|$)/;
// A line ends with a line feed alone: to `$` with the flag m, a carriage return ends one as well.
const BOOT = /(?:^|\n)boot ([0-9a-f-]{36})(?=\n|$)/;
const NAMESPACE = /(?:^|\n)pidns ([0-9]{1,20})(?=\n|$)/;
const MARK = /(?:^|\n)mark ([0-9a-f]{32})(?=\n|$)/;

/** Null where the text is torn: a part of it, or something else. */
export function parseShimPid(text: string): ShimIdentity | null {
  const [numbers = '', pidText, startText] = NUMBERS.exec(text) ?? [];
  const pid = Number(pidText);
  const startTime = Number(startText);
  if (!(pid >= 2 && pid <= LARGEST_INT && Number.isSafeInteger(startTime))) return null;
  const further = text.slice(numbers.length);
  const field = (pattern: RegExp): string | null => pattern.exec(further)?.[1] ?? null;
  return { pid, startTime, bootId: field(BOOT), pidNamespace: field(NAMESPACE), mark: field(MARK) };
}

export function formatShimPid({ pid, startTime, bootId, pidNamespace, mark }: ShimIdentity): string {
  const line = (name: string, value: string | null): string => (value === null ? '' : `${name} ${value}\n`);
  const ours = line('boot', bootId) + line('pidns', pidNamespace) + line('mark', mark);
  return `${pid}\n${startTime}\n${ours === '' ? '' : `\n${ours}`}`;
}

/** Null where there is no such file, or a torn one. */
export function* readShimPid(file: string): Steps<ShimIdentity | null> {
  // Its directory may not be there either.
  const part = yield* orNull(readFile(fileAt(file), SHIM_PID_BYTES));
  // What is larger is no such file.
  if (part === null || part.size > SHIM_PID_BYTES) return null;
  return parseShimPid(part.bytes.toString('latin1'));
}

/** Whoever reads it finds the old content or the new one, never a part. */
export function* writeShimPid(file: string, shim: ShimIdentity): Steps<void> {
  yield* replaceFile(fileAt(file), formatShimPid(shim));
}

/**
 * Whether a process is of another boot, or another pid namespace, than this one; false where that is not known. The same
 * number and the same tick after a restart of the machine are another process all the same.
 */
export function isElsewhere(origin: ShimOrigin, which: 'bootId' | 'pidNamespace'): boolean {
  const [its, own] = [origin[which], ownOrigin()[which]];
  return its !== null && own !== null && its !== own;
}

let known: Omit<ShimOrigin, 'mark'> | undefined;

/** Of this boot and of this process's pid namespace, on Linux; null where it is not told. Read once. */
export function ownOrigin(): Omit<ShimOrigin, 'mark'> {
  known ??= {
    bootId: readOwn(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), /^([0-9a-f-]{36})$/m),
    pidNamespace: readOwn(() => fs.readlinkSync('/proc/self/ns/pid'), /^pid:\[([0-9]+)\]$/),
  };
  return known;
}

function readOwn(read: () => string, pattern: RegExp): string | null {
  return process.platform === 'linux' ? (pattern.exec(attempt(read, ''))?.[1] ?? null) : null;
}
