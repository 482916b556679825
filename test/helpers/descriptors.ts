// The descriptors of this process that a test can answer for.

import * as fs from 'node:fs';
import { expect } from 'vitest';

/** Where each open descriptor leads that is a socket or lies below `base`, sorted. */
export function openDescriptors(base: string): string[] {
  const targets = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that readdir itself had
    }
  });
  return targets.filter((target) => target.startsWith('socket:') || target.startsWith(base)).sort();
}

/** Fails unless the same descriptors are open, soon, as in `before`: what a stream closes, it closes a little later. */
export async function expectDescriptors(base: string, before: string[]): Promise<void> {
  await expect.poll(() => openDescriptors(base)).toEqual(before);
}
