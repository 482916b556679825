// What a host finds when it opens a home, and makes right: links that lead nowhere, directories that no row knows, boxes
// that were to go when they stopped. In portions, so that neither the event loop nor the disk is blocked by many boxes.

import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BoxConfig } from '../box/index.js';
import { BoxSockets, type BoxSocketsOptions } from '../box-sockets.js';
import { asError } from '../errors.js';
import { BOX_ID } from '../names.js';
import type { BoxRow, BoxStore } from './box-store.js';
import type { Home } from './home.js';
import { removeBox } from './removal.js';

/** What `BoxRuntime.open` did. */
export interface Recovery {
  /** Names of links that led nowhere, and were removed. */
  swept: string[];
  /** Boxes whose directory no row knew: removed, or where the runtime was told to keep them, only found. */
  orphans: string[];
  /** Boxes with `auto_remove` that did not run any more, and were removed. */
  autoRemoved: string[];
  /** Boxes that were to be removed, and why that failed; the next `open` tries again. */
  failed: { id: string; error: Error }[];
  /** Entries of the directory of boxes that are none. */
  ignored: string[];
}

/** How many rows are read at once: a few milliseconds of the event loop. */
const PAGE = 500;

/** Links that lead nowhere, removed: on a thread of its own, so that it costs little to begin with it. */
export async function sweep({ base, uid }: BoxSocketsOptions): Promise<string[]> {
  const parent = { ...(base !== undefined && { base }), ...(uid !== undefined && { uid }) };
  return (await BoxSockets.sweepStale(parent)).removed;
}

export async function recover(home: Home, sweeping: Promise<string[]>, keepOrphans: boolean): Promise<Recovery> {
  const [names, { known, leaving }] = await Promise.all([fs.promises.readdir(home.boxesDir), readRows(home.store)]);
  const unknown = names.filter((name) => !known.has(name));
  const recovery: Recovery = { swept: await sweeping, orphans: [], autoRemoved: [], failed: [], ignored: [] };
  for (const name of unknown) {
    if (!BOX_ID.test(name) || !(await isDirectory(`${home.boxesDir}/${name}`))) {
      recovery.ignored.push(name);
    } else if (keepOrphans) {
      recovery.orphans.push(name);
    } else {
      await attempt(recovery, name, async () => {
        const layout = home.layout(name);
        await removeBox(home, layout, await home.runningShim(layout));
        recovery.orphans.push(name);
      });
    }
  }
  for (const row of leaving) {
    await attempt(recovery, row.id, async () => {
      const layout = await home.layoutOf(home.config(row));
      if ((await home.runningShim(layout)) !== null) return;
      await removeBox(home, layout, null);
      recovery.autoRemoved.push(row.id);
    });
  }
  return recovery;
}

/** Every row, in portions. */
export async function* pages(store: BoxStore, size = PAGE): AsyncGenerator<BoxRow[]> {
  let after = '';
  for (;;) {
    const rows = await store.page(after, size);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < size) return;
    after = last.id;
    await nextTurn();
  }
}

async function readRows(store: BoxStore): Promise<{ known: Set<string>; leaving: BoxRow[] }> {
  const known = new Set<string>();
  const leaving: BoxRow[] = [];
  for await (const rows of pages(store)) {
    for (const row of rows) {
      known.add(row.id);
      if (isAutoRemove(row)) leaving.push(row);
    }
  }
  return { known, leaving };
}

/** Whether a box goes when it does not run. One whose row cannot be used does not. */
export function isAutoRemove({ json }: BoxRow): boolean {
  if (!maySayTrue(json, '"auto_remove"')) return false;
  try {
    return BoxConfig.parse(json).options.auto_remove === true;
  } catch {
    return false;
  }
}

/** Whether some member of that name may be true. Parsing every row would cost more than reading it. */
function maySayTrue(json: string, name: string): boolean {
  for (let at = json.indexOf(name); at !== -1; at = json.indexOf(name, at + 1)) {
    const value = at + name.length;
    if (/^\s*:\s*t/.test(json.slice(value, value + 64))) return true;
  }
  return false;
}

async function isDirectory(path: string): Promise<boolean> {
  const stat = await fs.promises.lstat(path).catch(() => null);
  return stat?.isDirectory() === true;
}

async function attempt(recovery: Recovery, id: string, removal: () => Promise<void>): Promise<void> {
  try {
    await removal();
  } catch (error) {
    recovery.failed.push({ id, error: asError(error) });
  }
}
