// What a shim.pid file holds: the number of a process and its start time, a line each, as BoxLite writes it, and a third
// line with the boot. Clock ticks since boot come again after a restart, so that another process may have the same pair.
// BoxLite ignores a third line that it does not know (its own is `services-mux-v1`), and so does this package.

import * as fs from 'node:fs';

export interface ShimIdentity {
  pid: number;
  startTime: number;
  boot: string | null;
}

/** More than any such file holds. */
export const SHIM_PID_BYTES = 256;

const LARGEST_PID = 2 ** 31 - 1;
const FORMAT = /^([0-9]{1,10})\n([0-9]{1,16})(?:\n|$)(?:boot ([0-9a-f-]{36})(?:\n|$))?/;

/** Null where the text is torn: a part of it, or something else. */
export function parseShimPid(text: string): ShimIdentity | null {
  const [, pidText, startText, boot = null] = FORMAT.exec(text) ?? [];
  const pid = Number(pidText);
  const startTime = Number(startText);
  if (!(pid >= 2 && pid <= LARGEST_PID && Number.isSafeInteger(startTime))) return null;
  return { pid, startTime, boot };
}

export function formatShimPid({ pid, startTime, boot }: ShimIdentity): string {
  return `${pid}\n${startTime}\n${boot === null ? '' : `boot ${boot}\n`}`;
}

let knownBootId: string | null | undefined;

/** Of this boot, on Linux; null where start times are of all times (macOS), or it is not told. Read once. */
export function bootId(): string | null {
  knownBootId ??= readBootId();
  return knownBootId;
}

function readBootId(): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const text = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return /^[0-9a-f-]{36}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}
