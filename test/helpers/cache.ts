// What the tests borrow and do not install: it lies in the user's cache, where `npm run …` puts it.

import * as os from 'node:os';
import * as path from 'node:path';

/** As `cacheDirectory` of scripts/tools/pinned.mjs has it. */
export function cacheDirectory(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'boxsockets');
}
