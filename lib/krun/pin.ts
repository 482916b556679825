// Which scheme a given libkrun follows: read from its sources, or from what was built of them.

import { type PathLike, toOptions, toPath } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import type { KrunPin } from '../paths/krun-derivation.js';
import { runAsync, runSync, type Steps } from '../twin.js';
import type { KrunPinExpectation, Target } from './check.js';

export type { KrunPinExpectation };

// Loaded where it is used: see operations/lazy.ts.
export const loadCheck = () => require('./check.js') as typeof import('./check.js');

/**
 * What to look at: libkrun's sources (its tree, a directory of it, or one file), or a built library or a program that
 * contains it.
 */
export type KrunPinInput =
  | {
      /** libkrun's tree, a directory of it, or one file. */
      source: PathLike;
      /** Not beside `source`. */
      library?: undefined;
    }
  | {
      /** A built library, or a program that contains it. */
      library: PathLike;
      /** Not beside `library`. */
      source?: undefined;
    };

/**
 * Finds out how a given libkrun names the socket that it binds for itself in its unixgram network backend.
 *
 * Of sources, comments, tests and log messages are no evidence. Of a binary, `'none'` is said only where the network
 * code of libkrun up to 1.7.2 is found in it; a binary that shows nothing is `'unknown'`.
 *
 * @param input `{ source }`: libkrun's tree, a directory or a Rust file; `{ library }`: libkrun.so, libkrun.dylib or a
 * program that contains it, of any size (read through one buffer of 1 MiB)
 * @returns the scheme, its suffix, the longest leaf name that it derives (both null where there is none) and at most 16
 * places that show it. Where `scheme` is neither `'ambiguous'` nor `'unknown'`, it can be passed as `krun` to
 * `BoxSockets`
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_VENDOR_PIN` where the input is not what it should be (empty, cut short, no
 * text, no file), and the codes of system calls (`ENOENT`, `EACCES`, `EISDIR`)
 * @example
 * const krun = await checkKrunPin({ library: '/usr/lib64/libkrun.so.1' });
 * const box = new BoxSockets(id, realDir, { krun });
 */
export async function checkKrunPin(input: KrunPinInput): Promise<KrunPin> {
  return runAsync(loadCheck().checkSteps(parseInput(input)));
}

/** {@link checkKrunPin}, at once. @example checkKrunPinSync({ source: 'vendor/libkrun' }).scheme; // 'suffix' */
export function checkKrunPinSync(input: KrunPinInput): KrunPin {
  return runSync(loadCheck().checkSteps(parseInput(input)));
}

/**
 * Refuses a libkrun that names its socket in another way than the host relies on. Meant for the host's own tests.
 *
 * @param input as in {@link checkKrunPin}
 * @param expected a scheme (with the names it usually has), or what {@link checkKrunPin} returned earlier
 * @returns what was found
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_VENDOR_PIN`: what was expected, what was found where, and what to do; and
 * what {@link checkKrunPin} throws
 * @example
 * await assertKrunPin({ source: 'vendor/libkrun' }, 'suffix');
 */
export async function assertKrunPin(input: KrunPinInput, expected: KrunPinExpectation): Promise<KrunPin> {
  return runAsync(asserted(parseInput(input), expected));
}

/** {@link assertKrunPin}, at once. @example assertKrunPinSync({ source: 'vendor/libkrun' }, 'suffix'); */
export function assertKrunPinSync(input: KrunPinInput, expected: KrunPinExpectation): KrunPin {
  return runSync(asserted(parseInput(input), expected));
}

function* asserted(target: Target, expected: KrunPinExpectation): Steps<KrunPin> {
  const { checkSteps, comparePins } = loadCheck();
  // What is expected is checked before anything is read.
  const compare = comparePins(target.path, expected);
  return compare(yield* checkSteps(target));
}

function parseInput(input: KrunPinInput): Target {
  if (input === null || typeof input !== 'object') {
    throw invalidArgType('input', '{ source } or { library }', input);
  }
  const given: { source?: PathLike | undefined; library?: PathLike | undefined } = input;
  const { source, library } = toOptions(given, { source: true, library: true }, 'input');
  if ((source === undefined) === (library === undefined)) {
    throw invalidArgValue('input', input, "must have exactly one of 'source' and 'library'");
  }
  return source === undefined
    ? { kind: 'library', path: toPath('input.library', library) }
    : { kind: 'source', path: toPath('input.source', source) };
}
