// Making a box: its home, its binding, its row, in this order. The row is what makes it one: until then, what was made is
// removed where a step fails, and by the next open where the host is killed.

import * as fs from 'node:fs';
import type { BoxConfig, BoxLayout } from '../box/index.js';
import { asError, boxExists, cleanupFailed, fromSystemError } from '../errors.js';
import type { BoxRow } from './box-store.js';
import type { Home } from './home.js';

const MODE = 0o700;

export async function provisionBox(home: Home, config: BoxConfig): Promise<void> {
  const { id } = config;
  const layout = home.layout(id);
  if ((await home.store.get(id)) !== undefined) throw boxExists(id, 'its row');
  await claimHome(layout);
  try {
    await layout.prepare();
  } catch (error) {
    // It has undone what it did; the home itself was made here.
    await undo(id, error, () => fs.promises.rm(layout.boxHome, { recursive: true, force: true }));
  }
  try {
    await home.store.insert(toRow(config));
  } catch (error) {
    await undo(id, error, async () => {
      // Whether a store that failed has the row all the same is known to nobody. One that refused it says so.
      if ((error as { code?: unknown }).code !== 'ERR_BOX_SOCKETS_BOX_EXISTS') await home.store.delete(id);
      await layout.cleanup();
    });
  }
}

/** Makes the home itself, and no other one's: from here on, what fails may remove it. */
async function claimHome({ boxId, boxHome }: BoxLayout): Promise<void> {
  try {
    await fs.promises.mkdir(boxHome, { mode: MODE });
  } catch (error) {
    const failure = asError(error) as NodeJS.ErrnoException;
    throw failure.code === 'EEXIST'
      ? boxExists(boxId, `'${boxHome}'`, failure)
      : fromSystemError(failure, 'mkdir', boxHome);
  }
}

/** Throws the failure, after what was made has been removed. */
async function undo(id: string, failure: unknown, remove: () => Promise<unknown>): Promise<never> {
  try {
    await remove();
  } catch (error) {
    throw cleanupFailed(id, asError(failure), asError(error));
  }
  throw failure;
}

function toRow(config: BoxConfig): BoxRow {
  const { id, name, createdAt } = config;
  // A row without a time, which only a caller's own configuration can be, was made at the epoch.
  return { id, name, createdAt: Math.floor(Date.parse(createdAt || '1970-01-01') / 1000), json: config.toString() };
}
