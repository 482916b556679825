// Everything that is loaded late, at once.

import { loadCheck } from '../krun/pin.js';
import { native } from '../native/load.js';
import * as lazy from './lazy.js';

/**
 * Loads the addon and every part of the package that is otherwise loaded by the first call that needs it. For what can
 * not load files any more later: call it before `setuid`, `chroot`, Landlock, or an update of the package in its place.
 * Entries such as `boxsockets/runtime` are loaded by importing them.
 *
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE`
 * @example
 * preload();
 * process.setuid('nobody');
 */
export function preload(): void {
  native();
  loadCheck();
  for (const load of Object.values(lazy)) load();
}
