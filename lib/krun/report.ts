// What to say when a vendor is not what a host relies on.

import { refusal } from '../errors.js';
import {
  type KrunPin,
  type KrunPinNames,
  type KrunScheme,
  parseKrunDerivation,
  type ResolvedKrunDerivation,
} from '../paths/krun-derivation.js';

/** What a host relies on: a scheme with the names it usually has, or the result of an earlier `checkKrunPin`. */
export type KrunPinExpectation = KrunScheme | KrunPinNames;

const SHOWN_EVIDENCE = 4;

/** Checks the expectation, and makes what refuses a pin that is another: `ERR_BOX_SOCKETS_VENDOR_PIN`. */
export function comparePins(path: string, expected: KrunPinExpectation): (found: KrunPin) => KrunPin {
  const wanted = parseKrunDerivation('expected', expected);
  return (found) => {
    if (isSame(wanted, found)) return found;
    const message = [
      `The libkrun at '${path}' is not the one this host relies on: expected ${describe(wanted)}, found ${describe(found)}.`,
      ...found.evidence.slice(0, SHOWN_EVIDENCE).map(showEvidence),
      advice(found),
    ].join('\n');
    throw refusal('ERR_BOX_SOCKETS_VENDOR_PIN', message, { path });
  };
}

function isSame(wanted: ResolvedKrunDerivation, found: KrunPin): boolean {
  return wanted.scheme === found.scheme && wanted.suffix === found.suffix && wanted.longestName === found.longestName;
}

function describe({ scheme, longestName }: Pick<KrunPin, 'scheme' | 'longestName'>): string {
  const name = longestName === null ? '' : `, ${longestName}, ${longestName.length} bytes`;
  const said = {
    none: 'no socket of its own',
    suffix: `the peer's path and more${name}`,
    'temp-dir': `a file in TMPDIR${name}`,
    ambiguous: 'signs of more than one scheme',
    unknown: 'neither a known scheme nor proof that there is none',
  };
  return `'${scheme}' (${said[scheme]})`;
}

function showEvidence(evidence: KrunPin['evidence'][number]): string {
  const place =
    'line' in evidence ? `${evidence.file}:${evidence.line}` : `${evidence.file} at byte ${evidence.offset}`;
  return `  ${place}: ${evidence.text}`;
}

function advice({ scheme }: KrunPin): string {
  if (scheme === 'ambiguous' || scheme === 'unknown') {
    return (
      "Look at src/devices/src/virtio/net/unixgram.rs of that libkrun for the address it binds, then pass 'none', " +
      "'suffix' or 'temp-dir' as 'krun' to BoxSockets; until that is settled, keep the libkrun you had."
    );
  }
  return (
    "Pass the result of checkKrunPin() as 'krun' to BoxSockets, so that the budget, the probe, the policy and shimEnv() " +
    'follow it, and expect it here; or keep the libkrun you had.'
  );
}
