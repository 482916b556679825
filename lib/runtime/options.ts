// What the operations of a runtime take and return, and the checks of what they take.

import { type PathLike, timeout, toAbsolutePath, toOptions } from '../arguments.js';
import { BoxLayout, type ShimProcess } from '../box/index.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import { BOX_SOCKETS_OPTIONS, type BoxSocketsOptions } from '../paths/box-paths.js';
import type { BoxStore } from './box-store.js';
import type { RemoveBoxResult } from './removal.js';

/** Which home `BoxRuntime.open` opens, and how its boxes' paths are derived. */
export interface OpenOptions extends BoxSocketsOptions {
  /** Where everything lies: boxes in `boxes/<id>/`, and the rows where no store is given. Made where it is missing. */
  homeDir: PathLike;
  /**
   * The rows. When left out, SQLite in `<homeDir>/db/boxlite.db`, which on Node 20 needs the package `better-sqlite3`
   * 12. One that is given is not closed by `close()`.
   */
  store?: BoxStore;
  /**
   * Directories of boxes that no row knows are removed, with what still runs in them, unless this is `'keep'`: then they
   * are only told of.
   */
  orphans?: 'remove' | 'keep';
}

/** How `BoxRuntime.launch` starts a box. */
export interface LaunchOptions {
  /** Milliseconds until the guest must be ready, as of `waitForReady`. */
  readyTimeout?: number;
  /** Wait until the guest is ready; true when left out. */
  waitForReady?: boolean;
  /** Take the binding over from a live box of the same id in another home; false when left out. */
  takeover?: boolean;
  /** Gives up, and kills the shim, when it is aborted. */
  signal?: AbortSignal;
}

/** A box that runs. */
export interface LaunchedBox {
  /** The process that runs it. */
  shim: ShimProcess;
  /** Its directories and sockets. */
  layout: BoxLayout;
  /** Milliseconds until the guest was ready; null where it was not waited for. */
  elapsed: number | null;
}

/** How long `BoxRuntime.stop` waits. */
export interface StopOptions {
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 when left out. */
  timeout?: number;
}

/** What `BoxRuntime.stop` did. */
export interface StopResult {
  /** `'killed'`: the box did not end by itself in time. */
  status: 'stopped' | 'killed' | 'not-running';
  /** What became of a box with `auto_remove`; else null. */
  removed: RemoveBoxResult | null;
}

/** What `BoxRuntime.remove` may do. */
export interface RemoveBoxOptions {
  /** Kill what still runs; false when left out. */
  force?: boolean;
}

export const STOP_CHECKS = { timeout: timeout(10_000) };
const STORE_METHODS = ['get', 'pages', 'insert', 'update', 'delete'] as const;

const OPEN_OPTIONS = { homeDir: true, store: true, orphans: true, ...BOX_SOCKETS_OPTIONS } as const;

export function openArguments(options: OpenOptions) {
  const { homeDir, store, orphans = 'remove', ...sockets } = toOptions(options, OPEN_OPTIONS);
  const absolute = toAbsolutePath('options.homeDir', homeDir);
  if (store !== undefined && !STORE_METHODS.every((name) => typeof store?.[name] === 'function')) {
    throw invalidArgType('options.store', 'a BoxStore', store);
  }
  if (orphans !== 'remove' && orphans !== 'keep') {
    throw invalidArgValue('options.orphans', orphans, "must be 'remove' or 'keep'");
  }
  // What no box could be made with is refused now, and not with the first box.
  new BoxLayout(`${absolute}/boxes/x`, sockets);
  return { homeDir: absolute, store, keepOrphans: orphans === 'keep', sockets };
}
