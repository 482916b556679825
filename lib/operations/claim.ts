// A name for a binder that is not a net.Server: a child process, Bun.serve, grpc.

import { native } from '../native/load.js';
import { untilUnlocked } from '../native/lock-wait.js';
import { unwrap } from '../native/to-error.js';
import { type BindingPaths, needsAncestry, toSocketPath } from '../paths/binding-paths.js';
import { type EnsureOptions, toEnsure } from './ensure.js';

/** How `BoxSockets.claim` ensures the binding: as `ensure` does. */
export type ClaimOptions = EnsureOptions;

/** See `BoxSockets.claim`. */
export async function claim(paths: BindingPaths, name: string, options?: ClaimOptions): Promise<string> {
  const { takeover, lockTimeout } = toEnsure(options);
  const path = toSocketPath(paths, name);
  const attempt = () =>
    native().claimAsync({ ...paths, name, takeover, lockTimeout: 0, checkAncestry: needsAncestry(paths) });
  unwrap(await untilUnlocked(lockTimeout, attempt), { ...paths, socket: path });
  return path;
}
