// A home: its lock, and its boxes, found by their ids: the row, the directories, the shim that runs.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type PathLike, toAbsolutePath, toOptions } from '../arguments.js';
import { rowInvalid } from '../box/box-errors.js';
import { BoxConfig, BoxLayout, type ShimProcess } from '../box/index.js';
import { asError, invalidArgType, invalidArgValue } from '../errors.js';
import { isFailure, Refusal } from '../native/contract.js';
import { native } from '../native/load.js';
import { unwrap } from '../native/to-error.js';
import { BOX_SOCKETS_OPTIONS, type BoxSocketsOptions } from '../paths/box-paths.js';
import { attempt } from '../twin.js';
import { type Activity, activityOf } from './activity.js';
import type { BoxLiteState, BoxRow, BoxStore } from './box-store.js';
import { lookInTime } from './held-sockets.js';
import { boxNotFound, homeLocked } from './runtime-errors.js';

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

/**
 * Whether a box runs, or why it does not:
 *
 * - `'running'`: its shim is alive, or another process holds one of its sockets or belongs to it
 * - `'unknown'`: whether it runs cannot be told, `reason` says why; it is treated as one that does
 * - `'failed'`: it does not run, and BoxLite or this package noted that its start failed, `reason` says why
 * - `'stopped'`: it has its home, and nothing runs
 * - `'unprepared'`: it has a row alone: never launched by BoxLite, or its home was deleted
 * - `'invalid'`: its row cannot be used, `error` says why
 */
export type BoxState = 'running' | 'unknown' | 'failed' | 'stopped' | 'unprepared' | 'invalid';

/** One box of a home, as it is at this moment. */
export interface BoxInfo {
  /** The box id. */
  id: string;
  /** Its name; null where it has none. */
  name: string | null;
  /** Whether it runs, or why it does not. */
  state: BoxState;
  /** What its row says; null where the row is invalid. */
  config: BoxConfig | null;
  /** Whom `shim.pid` names, where it runs or may run; else null. */
  shim: ShimProcess | null;
  /** Why its state is unknown, or it failed. */
  reason?: string;
  /** What BoxLite's table says of it, in a home of BoxLite's: it may be older than {@link state}. */
  stored?: BoxLiteState;
  /** Why its row cannot be used. */
  error?: Error;
}

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

/**
 * Takes the lock on a home; the result lets go of it, as does the end of the process (or worker thread), however it ends.
 * It is an exclusive flock on `<homeDir>/.lock`, the very one that BoxLite takes, so that its hosts are kept out too.
 */
export async function lockHome(homeDir: string): Promise<() => void> {
  const file = `${homeDir}/.lock`;
  const outcome = await native().lockHomeAsync(file);
  if (isFailure(outcome) && outcome.refusal === Refusal.lockTimeout) throw homeLocked(homeDir, file, outcome.owner);
  const descriptor = unwrap(outcome, { base: homeDir, parent: homeDir });
  return () => native().closeDescriptor(descriptor);
}

/** A box that was looked up by its id. */
export interface FoundBox {
  row: BoxRow | undefined;
  layout: BoxLayout;
}

export class Home {
  /** Shims that this process has launched: known even where their homes are deleted under them. */
  readonly launched = new Map<string, ShimProcess>();

  /** @param homeDir absolute */
  constructor(
    readonly homeDir: string,
    readonly store: BoxStore,
    readonly sockets: BoxSocketsOptions,
  ) {}

  get boxesDir(): string {
    return `${this.homeDir}/boxes`;
  }

  /** The box of that id as a box of this home has it, with or without a row. */
  layout(id: string): BoxLayout {
    return new BoxLayout(`${this.boxesDir}/${id}`, this.sockets);
  }

  /** A box with a row. */
  async findStored(id: string): Promise<BoxLayout> {
    const row = await this.store.get(id);
    if (row === undefined) throw boxNotFound(id, this.homeDir);
    return this.layoutOf(this.config(row));
  }

  /**
   * A box with a row, or a directory, or both. One whose row cannot be used has the directory of its id; one whose row
   * names a home elsewhere is refused, and so is nothing at all.
   */
  async find(id: string): Promise<FoundBox> {
    const row = await this.store.get(id);
    const config = row === undefined ? null : attempt(() => this.config(row), null);
    if (config !== null) return { row, layout: await this.layoutOf(config) };
    const layout = this.layout(id);
    if (row === undefined && !(await this.exists(layout)) && !this.launched.has(id))
      throw boxNotFound(id, this.homeDir);
    return { row, layout };
  }

  config(row: BoxRow): BoxConfig {
    const config = BoxConfig.parse(row.json);
    if (config.id === row.id) return config;
    throw rowInvalid('id', `must be that of the row it is in, '${row.id}'`, { received: config.id });
  }

  /** Its directories, in the spelling of its row. A home elsewhere is refused: it is not this host's to remove. */
  async layoutOf(config: BoxConfig): Promise<BoxLayout> {
    const { id, boxHome } = config;
    if (boxHome !== `${this.boxesDir}/${id}`) {
      const realPath = (file: string) => fs.promises.realpath(file).catch(() => file);
      const [above, boxes] = await Promise.all([path.dirname(boxHome), this.boxesDir].map(realPath));
      if (above !== boxes || path.basename(boxHome) !== id) {
        throw rowInvalid('box_home', `must be '${this.boxesDir}/${id}' (was the home moved?)`, { received: boxHome });
      }
    }
    if ((await lookInTime(boxHome)) === 'link') {
      const rule = 'must be a directory, and is a link, which is not followed. Remove it';
      throw rowInvalid('box_home', rule, { received: boxHome });
    }
    return config.layout(this.sockets);
  }

  /** Whether the box runs, and what shows it. */
  activity(layout: BoxLayout, how: { thorough?: boolean; atOnce?: boolean } = {}): Promise<Activity> {
    return activityOf(layout, this.launched.get(layout.boxId) ?? null, how);
  }

  async info(row: BoxRow): Promise<BoxInfo> {
    const { id, name } = row;
    const stored = row.state === undefined ? {} : { stored: row.state };
    try {
      const config = this.config(row);
      const layout = await this.layoutOf(config);
      const { state, why, shim } = await this.activity(layout, { thorough: false });
      const common = { id, name, config, ...stored };
      if (state !== 'stopped') return { ...common, state, shim, ...(state === 'unknown' && { reason: why }) };
      if (row.state?.status === 'failed') {
        return { ...common, state: 'failed', shim: null, reason: row.state.errorReason ?? 'BoxLite does not say why' };
      }
      return { ...common, state: (await this.exists(layout)) ? state : 'unprepared', shim: null };
    } catch (error) {
      return { id, name, state: 'invalid', config: null, shim: null, ...stored, error: asError(error) };
    }
  }

  async exists({ boxHome }: BoxLayout): Promise<boolean> {
    const found = await lookInTime(boxHome);
    return found !== null && found !== 'late'; // which is not touched
  }
}
