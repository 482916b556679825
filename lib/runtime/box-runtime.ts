// The lifecycle of the boxes of one home. Every way by which a box goes away ends in removal.ts.

import type * as net from 'node:net';
import { checkOptions, PRIVATE_MODE, timeout, toBoolean, toBoxId } from '../arguments.js';
import { BoxConfig } from '../box/index.js';
import { invalidArgValue } from '../errors.js';
import { makeDirectory } from '../files.js';
import type { ConnectOptions } from '../operations/connect.js';
import { runAsync } from '../twin.js';
import { type BoxInfo, Home, lockHome, type OpenOptions, openArguments } from './home.js';
import { type LaunchedBox, type LaunchOptions, launchBox, type ShimRecipe, toLaunch } from './launch.js';
import { type NewBox, newBoxConfig, provisionBox } from './provision.js';
import { isAutoRemove, type Recovery, recover, sweep } from './recovery.js';
import {
  type RemoveBoxOptions,
  type RemoveBoxResult,
  removeBox,
  type StopOptions,
  type StopResult,
  stopBox,
} from './removal.js';
import { runtimeClosed } from './runtime-errors.js';
import { SqliteBoxStore } from './sqlite-box-store.js';
import { TaskQueue } from './task-queue.js';

/** How many boxes are looked at at the same time. */
const LOOKS = 32;

/**
 * The boxes of one home, from the row to the running shim and back. One process at a time has a home open. What concerns
 * one box happens one after another; different boxes do not wait for each other.
 *
 * @example
 * const runtime = await BoxRuntime.open({ homeDir: '/home/me/.boxes' });
 * const { id } = await runtime.provision({ name: 'web' });
 * await runtime.launch(id, { command: '/usr/lib/shim', args: [id] });
 * const control = await runtime.connect(id);
 * await runtime.remove(id, { force: true });
 * await runtime.close();
 */
export class BoxRuntime implements AsyncDisposable {
  /** What {@link BoxRuntime.open} found and did. */
  readonly recovery: Recovery;
  readonly #home: Home;
  readonly #release: () => Promise<void>;
  readonly #queue = new TaskQueue();
  readonly #launches = new Set<{ id: string; interrupt: AbortController }>();
  #closed: Promise<void> | undefined;

  private constructor(home: Home, recovery: Recovery, release: () => Promise<void>) {
    this.#home = home;
    this.recovery = recovery;
    this.#release = release;
  }

  /** The home that is open: absolute. */
  get homeDir(): string {
    return this.#home.homeDir;
  }

  /**
   * Opens a home: takes its lock, removes links that lead nowhere, and, where they do not run, directories that no row
   * knows and boxes with `auto_remove`. Boxes that run go on. Where there is no row at all, directories stay: the store may
   * be the wrong one. {@link recovery} tells what was done.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_HOME_LOCKED`: another host has it open, be it one of BoxLite;
   * `ERR_BOX_SOCKETS_SQLITE_UNAVAILABLE`, `ERR_BOX_SOCKETS_STORE`; as `BoxSockets.sweepStale`, or a failed system call
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const runtime = await BoxRuntime.open({ homeDir: '/home/me/.boxes', orphans: 'keep' });
   */
  static async open(options: OpenOptions): Promise<BoxRuntime> {
    const { homeDir, store: given, keepOrphans, sockets } = openArguments(options);
    await runAsync(makeDirectory(`${homeDir}/boxes`, PRIVATE_MODE));
    const unlock = await lockHome(homeDir);
    let own: SqliteBoxStore | undefined;
    const release = async (): Promise<void> => {
      try {
        await own?.close();
      } finally {
        unlock();
      }
    };
    // Rows are read on this thread, and the store opened, while it works on its own.
    const sweeping = sweep(sockets);
    sweeping.catch(() => undefined); // told by recover()
    try {
      if (given === undefined) own = await SqliteBoxStore.open(`${homeDir}/db/boxlite.db`);
      const home = new Home(homeDir, given ?? (own as SqliteBoxStore), sockets);
      return new BoxRuntime(home, await recover(home, sweeping, keepOrphans), release);
    } catch (error) {
      // Not while it still removes links: whoever opens the home next does it itself.
      await sweeping.catch(() => undefined);
      await release();
      throw error;
    }
  }

  /**
   * Makes a box: its home, its binding, and at last its row. Where a step fails, nothing of it is left.
   *
   * @param box what it is made from, or a whole configuration, whose home must be `<homeDir>/boxes/<id>`
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_EXISTS`: a row, a name or a directory is there already;
   * `ERR_BOX_SOCKETS_CLEANUP_FAILED`; as `BoxLayout.prepare`, or what the store failed with
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { id } = await runtime.provision({ name: 'web', options: { auto_remove: true } });
   */
  async provision(box?: NewBox | BoxConfig): Promise<BoxConfig> {
    const config = box instanceof BoxConfig ? box : newBoxConfig(this.homeDir, box, this.#home.store.defaultOptions);
    const home = this.#home.layout(config.id).boxHome;
    if (config.boxHome !== home) throw invalidArgValue('box.boxHome', config.boxHome, `must be '${home}'`);
    await this.#exclusively(config.id, () => provisionBox(this.#home, config));
    return config;
  }

  /**
   * Runs a box: makes what is missing of its directories and its binding, removes socket files that nobody holds, starts
   * a program as its shim, in a session of its own that survives this process, and waits until the guest is ready. Where
   * that fails, the shim is killed, and the box is stopped.
   *
   * @param shim a program with its arguments; or a function that makes them, of directories and a binding that are there
   * (policies of a sandbox, for example)
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_NOT_FOUND`, `ERR_BOX_SOCKETS_BOX_RUNNING`, as `BoxLayout.prepare` and
   * `waitForReady`, or the system call that failed
   * @throws {Error} `ABORT_ERR`: by the signal, or because the box was stopped or removed meanwhile
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { shim, elapsed } = await runtime.launch(id, { command: '/usr/lib/shim', args: [id] });
   */
  async launch(id: string, shim: ShimRecipe, options?: LaunchOptions): Promise<LaunchedBox> {
    const interrupt = new AbortController();
    const launch = toLaunch(shim, options, interrupt.signal);
    // Known before it has its turn: who stops the box in the same moment means this launch, too.
    const own = { id: toBoxId(id), interrupt };
    this.#launches.add(own);
    try {
      return await this.#exclusively(id, () => launchBox(this.#home, id, launch));
    } finally {
      this.#launches.delete(own);
    }
  }

  /**
   * Dials a socket of a box. A binding that something has removed meanwhile is mended.
   *
   * @param name `'box.sock'` when left out
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_NOT_FOUND`, or as `BoxSockets.connect`
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const socket = await runtime.connect(id, 'box.sock', { verifyPeer: true });
   */
  async connect(id: string, name = 'box.sock', options?: ConnectOptions): Promise<net.Socket> {
    this.#refuseWhereClosed();
    const layout = await this.#home.findStored(toBoxId(id));
    return layout.sockets.connect(name, options);
  }

  /**
   * Ends a box: its shim by SIGTERM, and after a while whatever is left of it by SIGKILL: its session, its descendants,
   * who carries its mark, who holds its sockets. A box with `auto_remove` is then removed; another one keeps its home and
   * its binding.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_NOT_FOUND`; `ERR_BOX_SOCKETS_BOX_RUNNING`: something of it cannot be
   * killed, or be seen from here; or the system call that failed
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example const { status } = await runtime.stop(id, { timeout: 5_000 }); // 'stopped', 'killed' or 'not-running'
   */
  async stop(id: string, options?: StopOptions): Promise<StopResult> {
    const { timeout: patience } = checkOptions(options, { timeout: timeout(10_000) });
    this.#interrupt(toBoxId(id));
    return this.#exclusively(id, async () => {
      const found = await this.#home.find(id);
      this.#home.store.refuseChange?.();
      const status = await stopBox(this.#home, found, patience);
      const goes = found.row !== undefined && isAutoRemove(found.row);
      return { status, removed: goes ? await this.#remove(id, false) : null };
    });
  }

  /**
   * Removes a box: what runs of it, its row, its home, its binding, in this order. It may have a row, or a directory, or
   * both. Without `force` one that runs, or of which that cannot be told, is refused. With it, the process that `shim.pid`
   * identifies is killed, whatever the row says, and all else that belongs to the box, again until nothing is left; never
   * a process that merely has a number.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_NOT_FOUND`; `ERR_BOX_SOCKETS_BOX_RUNNING`: it runs, or something of it
   * survived, with the command lines; `ERR_BOX_SOCKETS_ROW_INVALID`: its row names a home elsewhere;
   * `ERR_BOX_SOCKETS_BOX_NEEDED`: other boxes need its disks; as `BoxLayout.cleanup`, or what the store failed with
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example await runtime.remove(id, { force: true });
   */
  async remove(id: string, options?: RemoveBoxOptions): Promise<RemoveBoxResult> {
    const { force } = checkOptions(options, { force: toBoolean });
    if (force) this.#interrupt(toBoxId(id));
    return this.#exclusively(toBoxId(id), () => this.#remove(id, force));
  }

  /** One box that has a row; null where none has that id. @example (await runtime.get(id))?.state; // 'running' */
  async get(id: string): Promise<BoxInfo | null> {
    this.#refuseWhereClosed();
    const row = await this.#home.store.get(toBoxId(id));
    return row === undefined ? null : this.#home.info(row);
  }

  /**
   * Every box that has a row, in the order of their ids. One whose row cannot be used is among them, and says so.
   * @example const running = (await runtime.list()).filter(({ state }) => state === 'running');
   */
  async list(): Promise<BoxInfo[]> {
    this.#refuseWhereClosed();
    const infos: BoxInfo[] = [];
    for await (const rows of this.#home.store.pages()) {
      for (let i = 0; i < rows.length; i += LOOKS) {
        infos.push(...(await Promise.all(rows.slice(i, i + LOOKS).map((row) => this.#home.info(row)))));
      }
    }
    return infos.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Waits for what is under way, and lets go of the home; boxes that run go on. @example await runtime.close(); */
  close(): Promise<void> {
    this.#closed ??= this.#queue.idle().then(this.#release);
    return this.#closed;
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #interrupt(id: string): void {
    for (const launch of this.#launches) if (launch.id === id) launch.interrupt.abort();
  }

  async #remove(id: string, force: boolean): Promise<RemoveBoxResult> {
    return removeBox(this.#home, await this.#home.find(id), force);
  }

  async #exclusively<T>(id: string, task: () => Promise<T>): Promise<T> {
    this.#refuseWhereClosed();
    return this.#queue.run(id, task);
  }

  #refuseWhereClosed(): void {
    if (this.#closed !== undefined) throw runtimeClosed(this.homeDir);
  }
}
