// The names of a box's sockets, and who makes each.

import { type SocketType, toBoolean, toSocketName, toSocketType } from '../arguments.js';
import { invalidArgType } from '../errors.js';
import { toOptions } from '../known-options.js';
import type { SocketName } from './budget.js';
import { KRUN_PEER_NAME, type ResolvedKrunDerivation } from './krun-derivation.js';

/** A further socket of a box, counted in the budget and probed. */
export interface NamedSocket {
  /** 1 to 100 bytes of UTF-8, what a file may be called: see `BoxSockets.socket`. */
  name: string;
  /** `'stream'` when left out. */
  type?: SocketType;
  /** Suffixes that a program will append to it, of which only the length matters: see `DERIVED_NAMES`. */
  derives?: readonly string[];
}

/**
 * Suffixes that programs append to the socket they are given, for `names[].derives`; only their length matters. Measured:
 * OpenSSH 9.2 binds a ControlPath as `<path>.<16 random>` and renames it, containerd 1.6 binds `<path>.ttrpc` beside its
 * own, HAProxy 2.6 `<path>.<pid>.tmp`, libkrun 1.8 to 1.18 `<path>-krun.sock`.
 *
 * @example
 * const box = new BoxSockets(BoxSockets.idFor(dir), dir, {
 *   standardNames: false,
 *   names: [{ name: 'cm-user@host:22', derives: DERIVED_NAMES.ssh }],
 * });
 */
export const DERIVED_NAMES = Object.freeze({
  /** OpenSSH, beside a ControlPath. */
  ssh: Object.freeze(['.XXXXXXXXXXXXXXXX']),
  /** containerd, beside its own socket. */
  containerd: Object.freeze(['.ttrpc']),
  /** HAProxy, while it binds. */
  haproxy: Object.freeze(['.4194304.tmp']),
  /** libkrun 1.8 to 1.18, beside the peer's socket. */
  libkrun: Object.freeze(['-krun.sock']),
});

const NET_TYPE: SocketType = process.platform === 'darwin' ? 'dgram' : 'stream';

const STANDARD: readonly SocketName[] = [
  { name: 'box.sock', kind: 'declared', type: 'stream' },
  { name: 'ready.sock', kind: 'declared', type: 'stream' },
  { name: KRUN_PEER_NAME, kind: 'declared', type: NET_TYPE },
  { name: 'gvproxy-ctl.sock', kind: 'declared', type: 'stream' },
];

/** Where the names of a box come from, not checked yet. */
interface GivenNames {
  krun: ResolvedKrunDerivation;
  names: unknown;
  standardNames: unknown;
}

/** Every name of a box, once each: the declared ones, the one its vendor derives, and further ones with what they derive. */
export function socketNames({ krun, names: further, standardNames }: GivenNames): SocketName[] {
  const isStandard = standardNames === undefined || toBoolean('options.standardNames', standardNames);
  const names = isStandard ? [...STANDARD] : [];
  if (isStandard && krun.longestName !== null) names.push({ name: krun.longestName, kind: 'derived', type: 'dgram' });
  if (further === undefined) return names;
  if (!Array.isArray(further)) throw invalidArgType('options.names', 'an array', further);
  names.push(...further.flatMap((entry: unknown, index) => namesOf(`options.names[${index}]`, entry)));
  return names.filter(({ name }, index) => names.findIndex((earlier) => earlier.name === name) === index);
}

// The name itself, and each that is derived from it.
function namesOf(argument: string, entry: unknown): SocketName[] {
  if (typeof entry === 'string') return [{ name: toSocketName(argument, entry), kind: 'extra', type: 'stream' }];
  if (typeof entry !== 'object' || entry === null) throw invalidArgType(argument, 'a string or an object', entry);
  const given = toOptions(entry as NamedSocket, { name: true, type: true, derives: true }, argument);
  const name = toSocketName(`${argument}.name`, given.name);
  const type = toSocketType(`${argument}.type`, given.type);
  const { derives = [] } = given;
  if (!Array.isArray(derives)) throw invalidArgType(`${argument}.derives`, 'an array of suffixes', derives);
  const derived = derives.map((suffix: unknown, index): SocketName => {
    if (typeof suffix !== 'string') throw invalidArgType(`${argument}.derives[${index}]`, 'a string', suffix);
    return { name: toSocketName(`${argument}.derives[${index}]`, `${name}${suffix}`), kind: 'derived', type };
  });
  return [{ name, kind: 'extra', type }, ...derived];
}
