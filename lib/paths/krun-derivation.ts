// Which socket libkrun binds beside the one it is given: the arithmetic of it, without I/O, because the constructor of
// BoxSockets needs it. What a given vendor does is found out in pin.ts.

import { invalidArgType, invalidArgValue } from '../errors.js';
import { toOptions } from '../known-options.js';
import { isSocketName, SOCKET_NAME_RULE } from './names.js';

/**
 * How libkrun names the socket that it binds for itself in its unixgram (datagram) network backend:
 * `'none'` (up to 1.7.2) binds none, `'suffix'` (1.8.0 to 1.18.x, and BoxLite's vendored fork) binds
 * `<peer path>-krun.sock`, `'temp-dir'` (1.19.0 on) binds `<TMPDIR>/krun-net-<pid>-<n>.sock`.
 */
export type KrunScheme = 'none' | 'suffix' | 'temp-dir';

/** One place in a source file that shows the scheme; `line` counts from 1. */
export interface KrunSourceEvidence {
  /** The path of the source file. */
  file: string;
  /** The number of the line. */
  line: number;
  /** What stands there, without the surrounding blanks. */
  text: string;
}

/** One place in a binary that shows the scheme; `offset` is in bytes from the beginning of the file. */
export interface KrunLibraryEvidence {
  /** The path of the binary. */
  file: string;
  /** Where in it the sign stands. */
  offset: number;
  /** The printable bytes around it. */
  text: string;
}

/** What `checkKrunPin` found. Where `scheme` is a {@link KrunScheme}, it can be passed as `krun` to `BoxSockets`. */
export interface KrunPin {
  /** `'ambiguous'`: signs of more than one scheme. `'unknown'`: neither a scheme nor proof that there is none. */
  scheme: KrunScheme | 'ambiguous' | 'unknown';
  /** With `'suffix'`, what is appended to the peer's path, as the vendor writes it; otherwise null. */
  suffix: string | null;
  /** The longest leaf name that the vendor derives; null where it derives none, or where that is not known. */
  longestName: string | null;
  /** At most 16 places that show it. */
  evidence: KrunSourceEvidence[] | KrunLibraryEvidence[];
}

/** A scheme by its name, or what `checkKrunPin` found of a given vendor. */
export type KrunDerivation = KrunScheme | KrunPin;

/** The part of a pin that a derivation needs. */
export type KrunPinNames = Pick<KrunPin, 'scheme' | 'suffix' | 'longestName'>;

/** A derivation with its parts filled in. */
export type ResolvedKrunDerivation = KrunPinNames & { scheme: KrunScheme };

/** The declared socket that the vendor is given, and from which it derives its own. */
export const KRUN_PEER_NAME = 'net.sock';

/** What libkrun 1.8.0 to 1.18.x, and BoxLite's vendored fork of it, append to the peer's path. */
const DEFAULT_KRUN_SUFFIX = '-krun.sock';

/** The largest pid: the kernel's PID_MAX_LIMIT on 64 bits (macOS stops at 99999). */
const LONGEST_PID = String(2 ** 22);

// The largest n: libkrun 1.19.0 counts in an AtomicU32.
const LONGEST_TEMP_DIR_NAME = `krun-net-${LONGEST_PID}-${2 ** 32 - 1}.sock`;

/** The longest leaf name that a scheme derives. */
export function longestKrunName(scheme: KrunScheme, suffix: string | null): string | null {
  if (scheme === 'none') return null;
  return scheme === 'suffix' ? `${KRUN_PEER_NAME}${suffix ?? DEFAULT_KRUN_SUFFIX}` : LONGEST_TEMP_DIR_NAME;
}

/** The parts of a derivation, checked: `'suffix'` with `-krun.sock` where none is given. */
export function resolveKrunDerivation(krun: KrunDerivation | undefined): ResolvedKrunDerivation {
  return krun === undefined ? resolved('suffix', DEFAULT_KRUN_SUFFIX) : parseKrunDerivation('krun', krun);
}

/** {@link resolveKrunDerivation} for an argument of another name, that must be given. */
export function parseKrunDerivation(argument: string, krun: KrunScheme | KrunPinNames): ResolvedKrunDerivation {
  if (typeof krun === 'string') {
    const scheme = schemeOf(argument, krun, krun);
    return resolved(scheme, scheme === 'suffix' ? DEFAULT_KRUN_SUFFIX : null);
  }
  if (krun === null || typeof krun !== 'object') {
    throw invalidArgType(argument, "'none', 'suffix', 'temp-dir' or a result of checkKrunPin()", krun);
  }
  toOptions<KrunPin>(krun as KrunPin, { scheme: true, suffix: true, longestName: true, evidence: true }, argument);
  const scheme = schemeOf(argument, krun.scheme, krun);
  if (scheme === 'temp-dir') return { scheme, suffix: null, longestName: longestNameOf(argument, krun) };
  return resolved(scheme, scheme === 'suffix' ? suffixOf(argument, krun) : null);
}

function resolved(scheme: KrunScheme, suffix: string | null): ResolvedKrunDerivation {
  return { scheme, suffix, longestName: longestKrunName(scheme, suffix) };
}

function schemeOf(argument: string, scheme: unknown, given: unknown): KrunScheme {
  if (scheme === 'none' || scheme === 'suffix' || scheme === 'temp-dir') return scheme;
  const undecided = scheme === 'ambiguous' || scheme === 'unknown';
  throw invalidArgValue(
    argument,
    given,
    undecided
      ? `must be a scheme, and this pin is '${scheme}': look at its evidence and say 'none', 'suffix' or 'temp-dir'`
      : "must be 'none', 'suffix', 'temp-dir' or a result of checkKrunPin()",
  );
}

function suffixOf(argument: string, pin: KrunPinNames): string {
  const { suffix } = pin;
  if (typeof suffix === 'string' && suffix !== '' && isSocketName(`${KRUN_PEER_NAME}${suffix}`)) return suffix;
  throw invalidArgValue(`${argument}.suffix`, suffix, `appended to '${KRUN_PEER_NAME}' must be ${SOCKET_NAME_RULE}`);
}

// A vendor whose pid or counter is written wider has a longer name than 1.19.0, and the pin says so.
function longestNameOf(argument: string, pin: KrunPinNames): string {
  const longestName = pin.longestName ?? LONGEST_TEMP_DIR_NAME;
  if (typeof longestName === 'string' && isSocketName(longestName)) return longestName;
  throw invalidArgValue(`${argument}.longestName`, longestName, `must be ${SOCKET_NAME_RULE}`);
}
