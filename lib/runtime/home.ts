// The boxes of one home, found by their ids: the row, the directories, the shim that runs.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoxConfig, BoxLayout, type ShimProcess } from '../box/index.js';
import { asError, boxNotFound, rowInvalid } from '../errors.js';
import type { BoxSocketsOptions } from '../paths/box-paths.js';
import type { BoxInfo } from './box-info.js';
import type { BoxRow, BoxStore } from './box-store.js';

/** A box that was looked up by its id. */
export interface FoundBox {
  row: BoxRow | undefined;
  layout: BoxLayout;
}

export class Home {
  /** Absolute. */
  readonly homeDir: string;
  readonly store: BoxStore;
  readonly sockets: BoxSocketsOptions;
  /** Shims that this process has launched: known even where their homes are deleted under them. */
  readonly launched = new Map<string, ShimProcess>();

  constructor(homeDir: string, store: BoxStore, sockets: BoxSocketsOptions) {
    this.homeDir = homeDir;
    this.store = store;
    this.sockets = sockets;
  }

  get boxesDir(): string {
    return `${this.homeDir}/boxes`;
  }

  /** The box of that id as a box of this home has it, with or without a row. */
  layout(id: string): BoxLayout {
    return new BoxLayout(`${this.boxesDir}/${id}`, this.sockets);
  }

  /** A box with a row. */
  async findStored(id: string): Promise<{ config: BoxConfig; layout: BoxLayout }> {
    const row = await this.store.get(id);
    if (row === undefined) throw boxNotFound(id, this.homeDir);
    const config = this.config(row);
    return { config, layout: await this.layoutOf(config) };
  }

  /**
   * A box with a row, or a directory, or both. One whose row cannot be used has the directory of its id; one whose row
   * names a home elsewhere is refused, and so is nothing at all.
   */
  async find(id: string): Promise<FoundBox> {
    const row = await this.store.get(id);
    const config = row === undefined ? null : this.#usableConfig(row);
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
      const [above, boxes] = await Promise.all([realPath(path.dirname(boxHome)), realPath(this.boxesDir)]);
      if (above !== boxes || path.basename(boxHome) !== id) {
        throw rowInvalid('box_home', `must be '${this.boxesDir}/${id}' (was the home moved?)`, { received: boxHome });
      }
    }
    return config.layout(this.sockets);
  }

  /** What runs the box: the process that `shim.pid` names, or that this host launched. */
  async runningShim(layout: BoxLayout): Promise<ShimProcess | null> {
    const { boxId } = layout;
    const named = await layout.shim();
    if (named !== null) return named;
    const launched = this.launched.get(boxId);
    if (launched !== undefined && (await launched.isAlive())) return launched;
    this.launched.delete(boxId);
    return null;
  }

  async info(row: BoxRow): Promise<BoxInfo> {
    const { id, name } = row;
    try {
      const config = this.config(row);
      const layout = await this.layoutOf(config);
      const shim = await this.runningShim(layout);
      const state = shim !== null ? 'running' : (await this.exists(layout)) ? 'stopped' : 'unprepared';
      return { id, name, state, config, shim };
    } catch (error) {
      return { id, name, state: 'invalid', config: null, shim: null, error: asError(error) };
    }
  }

  async exists({ boxHome }: BoxLayout): Promise<boolean> {
    return fs.promises.lstat(boxHome).then(
      () => true,
      () => false,
    );
  }

  #usableConfig(row: BoxRow): BoxConfig | null {
    try {
      return this.config(row);
    } catch {
      return null;
    }
  }
}

async function realPath(file: string): Promise<string> {
  return fs.promises.realpath(file).catch(() => file);
}
