// What the permissions of Node and Deno forbid. A native addon could do it all the same, and must not.

import { accessDenied } from '../errors.js';

// Earlier ones have no permission for the network: what they are asked about it, they deny.
const FIRST_WITH_NETWORK = 25;

interface Deno {
  permissions: { querySync(descriptor: { name: string; path?: string }): { state: string } };
}

/** Refuses what `net` would refuse: under Node's `--permission` without `--allow-net`, and in Deno. */
export function refuseWithoutNetwork(path: string): void {
  const { Deno: deno } = globalThis as { Deno?: Deno };
  if (deno !== undefined) {
    for (const name of ['net', 'read', 'write']) {
      const { state } = deno.permissions.querySync(name === 'net' ? { name } : { name, path });
      if (state !== 'granted') throw accessDenied(path, name);
    }
    return;
  }
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission === undefined || process.versions.bun !== undefined) return;
  if (Number.parseInt(process.versions.node, 10) < FIRST_WITH_NETWORK || permission.has('net')) return;
  throw accessDenied(path, 'net');
}
