// Finds and loads the native binary: the only code that knows a .node file exists. The calls of require are literal,
// one for each binary, because that is the one style that bundlers can follow.

import { types } from 'node:util';
import { isUrl, toPath } from '../arguments.js';
import { asError, invalidArgType } from '../errors.js';
import type { NativeBinding } from './addon.js';
import { CONTRACT } from './contract.js';
import { directoryOfBundle } from './host.js';
import { nativeUnavailable, wrongContract } from './load-errors.js';
import { checkWhole } from './whole-file.js';

let loaded: NativeBinding | undefined;

/**
 * Makes the package use this binary instead of looking for one beside itself: for single executables and bundlers that
 * carry it in a way of their own. Call it before the first operation.
 *
 * @param pathOrExports the absolute path of a `.node` file (a string, a Buffer or a file: URL), or what loading one
 * returned
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`: it does not load, or is of another version
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example
 * useBinding(path.join(path.dirname(process.execPath), 'boxsockets.glibc.node'));
 */
export function useBinding(pathOrExports: string | Buffer | URL | object): void {
  if (typeof pathOrExports === 'string' || types.isUint8Array(pathOrExports) || isUrl(pathOrExports)) {
    const file = toPath('pathOrExports', pathOrExports);
    loaded = attempt([[file, () => openAddon(file)]]);
  } else if (typeof pathOrExports === 'object' && pathOrExports !== null) {
    loaded = attempt([['the exports given to useBinding()', () => pathOrExports]]);
  } else {
    throw invalidArgType('pathOrExports', 'a path or the exports of a native addon', pathOrExports);
  }
}

/** The native addon, loaded at the first call. @internal */
export function native(): NativeBinding {
  loaded ??= attempt(candidates(`${process.platform}-${process.arch}`).map(besideThisFile));
  return loaded;
}

type Candidate = [place: string, load: () => unknown];

function candidates(target: string): Candidate[] {
  // glibc first: there, musl's binary is never tried; on musl, the dynamic linker refuses glibc's at once. Telling the
  // two apart in advance would mean a directory scan or a diagnostic report, which cost more than that refusal.
  switch (target) {
    case 'linux-x64':
      return [
        ['prebuilds/linux-x64/boxsockets.glibc.node', () => require('../../prebuilds/linux-x64/boxsockets.glibc.node')],
        ['prebuilds/linux-x64/boxsockets.musl.node', () => require('../../prebuilds/linux-x64/boxsockets.musl.node')],
      ];
    case 'linux-arm64':
      return [
        [
          'prebuilds/linux-arm64/boxsockets.glibc.node',
          () => require('../../prebuilds/linux-arm64/boxsockets.glibc.node'),
        ],
        [
          'prebuilds/linux-arm64/boxsockets.musl.node',
          () => require('../../prebuilds/linux-arm64/boxsockets.musl.node'),
        ],
      ];
    case 'darwin-x64':
      return [['prebuilds/darwin-x64/boxsockets.node', () => require('../../prebuilds/darwin-x64/boxsockets.node')]];
    case 'darwin-arm64':
      return [
        ['prebuilds/darwin-arm64/boxsockets.node', () => require('../../prebuilds/darwin-arm64/boxsockets.node')],
      ];
    default:
      return [];
  }
}

// Where nothing has bundled it, the file is where the package has it. In an ES module there is no __dirname.
function besideThisFile([place, load]: Candidate): Candidate {
  if (typeof __dirname !== 'string') return [place, load];
  const file = `${__dirname}/../${place}`;
  return [
    place,
    () => {
      checkWhole(file);
      return load();
    },
  ];
}

function attempt(places: Candidate[]): NativeBinding {
  const attempts: { place: string; reason: Error }[] = [];
  for (const [place, load] of places) {
    try {
      return checkContract(opened(load()));
    } catch (error) {
      attempts.push({ place, reason: asError(error) });
    }
  }
  throw nativeUnavailable(attempts);
}

function checkContract(exports: unknown): NativeBinding {
  const contract = (exports as Partial<NativeBinding> | undefined)?.contract;
  if (contract !== CONTRACT) throw wrongContract(contract, CONTRACT);
  return exports as NativeBinding;
}

// Some bundlers give the place of the file in place of its exports: a name beside the bundle, a path, or a file: URL.
function opened(given: unknown): unknown {
  const place = (given as { default?: unknown } | undefined)?.default ?? given;
  if (typeof place !== 'string') return given;
  if (place.startsWith('file:')) return openAddon(toPath('place', new URL(place)));
  return openAddon(place.startsWith('/') ? place : `${directoryOfBundle()}/${place}`);
}

function openAddon(file: string): unknown {
  checkWhole(file);
  // Not require: a single executable's require knows built-in modules only.
  const addon = { exports: {} };
  process.dlopen(addon, file);
  return addon.exports;
}
