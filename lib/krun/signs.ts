// What speaks for one scheme or another, and the judgement on all of it: the same for sources and for binaries.

import { type KrunPin, longestKrunName } from '../paths/krun-derivation.js';

/** Places that show something. `E` is where: a line of a source, or an offset in a binary. */
export interface KrunSigns<E> {
  /** What is appended to the peer's path, and where it stands. */
  suffixes: Map<string, E[]>;
  /** A numbered name in the temporary directory. */
  templates: E[];
  /** A local address, or a datagram backend: something may be bound, under a name that is none of these. */
  local: E[];
  /** A network backend that binds nothing. */
  network: E[];
}

export const MAX_EVIDENCE = 16;

export function noSigns<E>(): KrunSigns<E> {
  return { suffixes: new Map(), templates: [], local: [], network: [] };
}

/** Where further places of a suffix belong. */
export function signsOfSuffix<E>({ suffixes }: KrunSigns<E>, suffix: string): E[] {
  const list = suffixes.get(suffix) ?? [];
  if (suffixes.size < MAX_EVIDENCE) suffixes.set(suffix, list);
  return list;
}

/** The scheme that the signs show together, with at most sixteen of them. */
export function judgeKrunSigns<E>({ suffixes, templates, local, network }: KrunSigns<E>): KrunPin {
  const [suffix] = suffixes.keys();
  const found = shares([...suffixes.values(), templates].filter(({ length }) => length > 0));
  if (suffixes.size + Math.min(templates.length, 1) > 1) return pin('ambiguous', null, found);
  if (suffix !== undefined) return pin('suffix', suffix, found);
  if (templates.length > 0) return pin('temp-dir', null, found);
  if (local.length > 0) return pin('unknown', null, local.slice(0, MAX_EVIDENCE));
  return pin(network.length > 0 ? 'none' : 'unknown', null, network.slice(0, MAX_EVIDENCE));
}

function pin<E>(scheme: KrunPin['scheme'], suffix: string | null, evidence: E[]): KrunPin {
  const isDecided = scheme !== 'ambiguous' && scheme !== 'unknown';
  const longestName = isDecided ? longestKrunName(scheme, suffix) : null;
  return { scheme, suffix, longestName, evidence: evidence as unknown as KrunPin['evidence'] };
}

// Some of each, so that an ambiguous vendor shows all that it is.
function shares<E>(lists: E[][]): E[] {
  const share = Math.ceil(MAX_EVIDENCE / lists.length);
  return lists.flatMap((list) => list.slice(0, share)).slice(0, MAX_EVIDENCE);
}
