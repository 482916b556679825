/** One row of the table `box_config`. */
export interface BoxRow {
  /** The box id, unique among the rows. */
  id: string;
  /** Unique among the rows, where it is not null. */
  name: string | null;
  /** Whole seconds since the epoch. */
  createdAt: number;
  /** The text of a `BoxConfig`. */
  json: string;
  /** What BoxLite's own table says of it, where the rows are BoxLite's. Not read by `insert` and `update`. */
  state?: BoxLiteState;
}

/** The state of a box as BoxLite has stored it. */
export interface BoxLiteState {
  /** `'configured'`, `'running'`, `'stopped'`, `'failed'`, …; null where a row of `box_config` has none. */
  status: string | null;
  /** Why it failed. */
  errorReason: string | null;
}

/** What became of a box. */
export type StateChange =
  | {
      /** It was launched. */
      status: 'running';
      /** The process id of its shim. */
      pid: number;
    }
  | {
      /** It has ended. */
      status: 'stopped';
    }
  | {
      /** It could not be launched. */
      status: 'failed';
      /** Why, as a sentence. */
      reason: string;
    };

/**
 * Where the rows of boxes are kept. A `BoxRuntime` calls it from one process at a time, the one that holds the lock of
 * its home, and waits for what it returns. A row that it was told to have inserted or deleted must be so after a crash.
 */
export interface BoxStore {
  /** The row of that id; undefined where there is none. @example (await store.get('box1'))?.name; // 'web' */
  get(id: string): Promise<BoxRow | undefined>;
  /**
   * All rows, in any order, in portions that block the event loop for some milliseconds at most: a few hundred rows. One
   * that is inserted or deleted meanwhile may be among them or not.
   *
   * @example for await (const rows of store.pages()) console.log(rows.length);
   */
  pages(): AsyncIterable<BoxRow[]>;
  /**
   * Adds a row.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_BOX_EXISTS`: a row of that id or name is there, and nothing was changed
   * @example await store.insert({ id: 'box1', name: null, createdAt: 1_700_000_000, json: config.toString() });
   */
  insert(row: BoxRow): Promise<void>;
  /** Replaces the row of that id; false where there is none. @example await store.update({ ...row, name: 'web' }); */
  update(row: BoxRow): Promise<boolean>;
  /** Deletes the row of that id; false where there is none. @example await store.delete('box1'); */
  delete(id: string): Promise<boolean>;
  /** Lets go of whatever the store has open. @example await store.close(); */
  close(): Promise<void>;
  /** Where it may only be read: throws why. Asked before anything is changed. @example store.refuseChange?.(); */
  refuseChange?(): void;
  /** What options of a new box need, beside those that are given. */
  readonly defaultOptions?: Readonly<Record<string, unknown>>;
  /**
   * Stores what became of a box, where that has a place.
   *
   * @example await store.changeState?.('box1', { status: 'stopped' });
   */
  changeState?(id: string, change: StateChange): Promise<void>;
  /** The ids of the boxes that need the disks of this one. @example await store.dependents?.('box1'); // [] */
  dependents?(id: string): Promise<string[]>;
}
