// What Node's permission model forbids. A native addon could do it all the same, and must not.

import { accessDenied } from '../errors.js';

// Earlier ones have no permission for the network: what they are asked about it, they deny.
const FIRST_WITH_NETWORK = 25;

/** Refuses what `net` would refuse under `--permission` without `--allow-net`. */
export function refuseWithoutNetwork(path: string): void {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission === undefined || process.versions.bun !== undefined) return;
  if (Number.parseInt(process.versions.node, 10) < FIRST_WITH_NETWORK || permission.has('net')) return;
  throw accessDenied(path);
}
