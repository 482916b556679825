// Node's own modules, of which a test replaces a function: `vi.spyOn(nodeFs, 'statSync')`, and `syncBuiltinESMExports()`
// after it, for those who have imported it by name.

import type * as ChildProcess from 'node:child_process';
import type * as Fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type * as Os from 'node:os';
import { afterEach, vi } from 'vitest';

const load = createRequire(__filename);

export const nodeFs: typeof Fs = load('node:fs');
export const nodeOs: typeof Os = load('node:os');
export const nodeChildProcess: typeof ChildProcess = load('node:child_process');
export { syncBuiltinESMExports };

/** What a test has replaced, environment included, is as it was after it. */
export function restoreAfterEach(): void {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    syncBuiltinESMExports();
  });
}

/** An error as a failed call of Node throws it. */
export function coded<More extends object>(code: string, message = `${code}: words`, more?: More) {
  return Object.assign(new Error(message), { code, ...more });
}
