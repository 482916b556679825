// What is said where the addon cannot be loaded.

import { type BoxSocketsError, refusal } from '../errors.js';

/** No native binary could be loaded; `attempts` names every place that was tried, in order. */
export function nativeUnavailable(attempts: { place: string; reason: Error }[]): BoxSocketsError {
  const target = `${process.platform}-${process.arch}`;
  const tried = attempts.map(({ place, reason }) => `\n  - ${place}: ${shortReason(reason)}`).join('');
  const reasons = attempts.map(({ reason }) => reason);
  return refusal(
    'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE',
    `No native binary could be loaded for ${target}.${tried === '' ? '' : ` Tried:${tried}`}\n${nativeRemedy(reasons)}`,
    { cause: reasons.length === 0 ? undefined : new AggregateError(reasons, 'every place that was tried') },
  );
}

// One line of it: a bundler's loader puts its own name on the first, and what failed behind it.
function shortReason({ name, message }: Error): string {
  const [first = '', second = ''] = message.split('\n').filter((line) => line.trim() !== '');
  if (first === '') return `no reason was given (${name})`;
  return first.endsWith(':') ? `${first} ${second.trim()}`.trim() : first;
}

// The last line of the message, which doctor shows as its remedy.
function nativeRemedy(reasons: Error[]): string {
  if (reasons.length === 0)
    return 'There is none for it: this package has binaries for linux and darwin on x64 and arm64';
  // A bundler's loader passes on the message, and not always the code.
  const says = (pattern: RegExp) => reasons.some(({ message }) => pattern.test(message));
  if (says(/loading addons is disabled|--allow-addons/)) {
    return 'permission' in process
      ? 'Allow native addons: node --permission --allow-addons'
      : 'Allow native addons: start Node without --no-addons (look at NODE_OPTIONS as well)';
  }
  if (says(/--allow-ffi/)) return 'Allow native addons: deno run --allow-ffi';
  if (says(/failed to map segment|Operation not permitted/)) {
    return 'Install the package on a file system that is not mounted noexec, or name a copy elsewhere with useBinding()';
  }
  return (
    'Install the package anew with all its files (npm install --force boxsockets; no script or compiler is needed), let ' +
    "your bundler copy .node files, or name the file with useBinding() of 'boxsockets/binding'"
  );
}

/** What an addon of another version of this package is refused with. */
export function wrongContract(found: unknown, expected: number): Error {
  return new Error(`is not of this version of boxsockets (contract ${String(found)}, expected ${expected})`);
}

/** What a binary that was cut short is refused with. */
export function cutShort({ found, stated }: { found: number; stated: number }): Error {
  return new Error(`file too short: it has ${found} bytes of ${stated}`);
}
