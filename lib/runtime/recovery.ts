// What a host finds when it opens a home, and makes right: links that lead nowhere, directories that no row knows, boxes
// that were to go when they stopped. In portions, so that neither the event loop nor the disk is blocked by many boxes.

import * as fs from 'node:fs';
import { BoxConfig } from '../box/index.js';
import { BoxSockets } from '../box-sockets.js';
import { nextTurn } from '../clock.js';
import { asError } from '../errors.js';
import type { BoxSocketsOptions } from '../paths/box-paths.js';
import { attempt } from '../twin.js';
import type { BoxRow, BoxStore } from './box-store.js';
import { lookInTime } from './held-sockets.js';
import type { Home } from './home.js';
import { removeBox } from './removal.js';

/** How many entries of a directory are read at once. */
const PORTION = 256;
// A directory beside the boxes may be somebody's copy of one, `box1.bak`: only what no copy is called is removed.
const ORPHAN = /^[A-Za-z0-9_-]{1,128}$/;

/** What `BoxRuntime.open` did. */
export interface Recovery {
  /** Names of links that led nowhere, and were removed. */
  swept: string[];
  /** Boxes whose directory no row knew: removed, or only found (see {@link orphansKept}). */
  orphans: string[];
  /**
   * Why they were only found: the runtime was told so, the store has not one row, so that it may be the wrong one, or it
   * may only be read. Null where they were removed.
   */
  orphansKept: 'as-told' | 'no-rows' | 'read-only' | null;
  /** Boxes with `auto_remove` that did not run any more, and were removed. */
  autoRemoved: string[];
  /** Boxes that were to be removed, and why they were not: they run, for example. The next `open` tries again. */
  failed: {
    /** The box id. */
    id: string;
    /** Why it was not removed. */
    error: Error;
  }[];
  /** Entries of the directory of boxes that are none. */
  ignored: string[];
}

/** Links that lead nowhere, removed: on a thread of its own, so that it costs little to begin with it. */
export async function sweep({ base, uid }: BoxSocketsOptions): Promise<string[]> {
  const parent = { ...(base !== undefined && { base }), ...(uid !== undefined && { uid }) };
  return (await BoxSockets.sweepStale(parent)).removed;
}

export async function recover(home: Home, sweeping: Promise<string[]>, keepOrphans: boolean): Promise<Recovery> {
  // One after the other: the sweep takes longest, and has a processor for itself where there are two.
  const readOnly = attempt(() => {
    home.store.refuseChange?.();
    return false;
  }, true);
  const { known, watched } = await readRows(home.store);
  const unknown = await entriesBut(known, home.boxesDir);
  const orphansKept = keepOrphans ? 'as-told' : readOnly ? 'read-only' : known.size === 0 ? 'no-rows' : null;
  const swept = await sweeping;
  const recovery: Recovery = { swept, orphans: [], orphansKept: null, autoRemoved: [], failed: [], ignored: [] };
  for (const name of unknown) {
    // One that does not answer is taken for a box, and found to be one of which nothing is known.
    const found = ORPHAN.test(name) ? await lookInTime(`${home.boxesDir}/${name}`) : null;
    if (found !== 'directory' && found !== 'late') {
      recovery.ignored.push(name);
    } else if (orphansKept !== null) {
      recovery.orphans.push(name);
      recovery.orphansKept = orphansKept;
    } else {
      await orNote(recovery, name, async () => {
        await removeBox(home, { row: undefined, layout: home.layout(name) }, false);
        recovery.orphans.push(name);
      });
    }
  }
  if (readOnly) return recovery;
  for (const row of watched) {
    await orNote(recovery, row.id, async () => {
      const layout = await home.layoutOf(home.config(row));
      if ((await home.activity(layout)).state !== 'stopped') return;
      // Its state says that it runs, and it has ended while no host looked.
      if (!isAutoRemove(row)) return home.store.changeState?.(row.id, { status: 'stopped' });
      await removeBox(home, { row, layout }, false);
      recovery.autoRemoved.push(row.id);
    });
  }
  return recovery;
}

const ACTIVE: readonly unknown[] = ['running', 'paused', 'stopping'];

/** The other entries of a directory, in order; read in portions, between which the event loop turns. */
async function entriesBut(known: Set<string>, directory: string): Promise<string[]> {
  const others: string[] = [];
  for await (const { name } of await fs.promises.opendir(directory, { bufferSize: PORTION })) {
    if (!known.has(name)) others.push(name);
  }
  return others.sort();
}

/** The ids of all rows, and the rows of boxes that go when they do not run, or of which it is stored that they run. */
async function readRows(store: BoxStore): Promise<{ known: Set<string>; watched: BoxRow[] }> {
  const known = new Set<string>();
  const watched: BoxRow[] = [];
  for await (const rows of store.pages()) {
    for (const row of rows) {
      known.add(row.id);
      if (isAutoRemove(row) || ACTIVE.includes(row.state?.status)) watched.push(row);
    }
    await nextTurn();
  }
  return { known, watched };
}

// What must stand in a row with `"auto_remove": true`, or `"auto_delete": 1`: parsing every row would cost more than
// reading it, and so would a search that begins with one of its many quotes, or with either of two words.
const MAY_AUTO_REMOVE = /_remove"\s*:\s*t/;
const MAY_AUTO_DELETE = /_delete"\s*:\s*[1-9]/;

/** Whether a box goes when it does not run. One whose row cannot be used does not. */
export function isAutoRemove({ json }: BoxRow): boolean {
  if (!MAY_AUTO_REMOVE.test(json) && !MAY_AUTO_DELETE.test(json)) return false;
  const { auto_remove, auto_delete } = attempt(() => BoxConfig.parse(json).options, {});
  // BoxLite's newer name for it, a number of which any but 0 means the moment at which it stops, comes first.
  return typeof auto_delete === 'number' ? auto_delete > 0 : auto_remove === true;
}

async function orNote(recovery: Recovery, id: string, removal: () => Promise<void>): Promise<void> {
  try {
    await removal();
  } catch (error) {
    recovery.failed.push({ id, error: asError(error) });
  }
}
