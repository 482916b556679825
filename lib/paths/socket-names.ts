// The names of a box's sockets, and who makes each.

import { type SocketType, toSocketName, toSocketType } from '../arguments.js';
import { invalidArgType } from '../errors.js';
import type { SocketName } from './budget.js';
import { KRUN_PEER_NAME, type ResolvedKrunDerivation } from './krun-derivation.js';

const NET_TYPE: SocketType = process.platform === 'darwin' ? 'dgram' : 'stream';

const DECLARED: readonly SocketName[] = [
  { name: 'box.sock', kind: 'declared', type: 'stream' },
  { name: 'ready.sock', kind: 'declared', type: 'stream' },
  { name: KRUN_PEER_NAME, kind: 'declared', type: NET_TYPE },
  { name: 'gvproxy-ctl.sock', kind: 'declared', type: 'stream' },
];

/** Every name of a box: the declared ones, the one its vendor derives, and further ones of the caller. */
export function socketNames(krun: ResolvedKrunDerivation, extra: unknown): SocketName[] {
  const names = [...DECLARED];
  if (krun.longestName !== null) names.push({ name: krun.longestName, kind: 'derived', type: 'dgram' });
  if (extra === undefined) return names;
  if (!Array.isArray(extra)) throw invalidArgType('options.names', 'an array', extra);
  extra.forEach((entry: unknown, i) => {
    const argument = `options.names[${i}]`;
    const { name, type } = typeof entry === 'string' ? { name: entry, type: undefined } : toNamed(argument, entry);
    const further: SocketName = {
      name: toSocketName(argument, name),
      kind: 'extra',
      type: toSocketType(`${argument}.type`, type),
    };
    if (!names.some((known) => known.name === further.name)) names.push(further);
  });
  return names;
}

function toNamed(argument: string, value: unknown): { name?: unknown; type?: unknown } {
  if (typeof value === 'object' && value !== null) return value;
  throw invalidArgType(argument, 'a string or an object', value);
}
