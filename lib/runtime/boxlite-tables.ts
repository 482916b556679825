// BoxLite's own tables beside box_config, kept as BoxLite keeps them, so that both hosts can have one home in turn: it
// deletes a box without a row in box_state, and opens no home in which a row cannot be read.

import * as path from 'node:path';
import { listDirectory, lookAt, makeDirectory, removeFile, replaceFile } from '../beneath.js';
import { rowInvalid } from '../box/box-errors.js';
import { backingFileOf } from '../qcow2.js';
import { attempt, runSync } from '../twin.js';
import type { BoxRow, StateChange } from './box-store.js';
import { schemaUnknown } from './runtime-errors.js';
import type { Database } from './sqlite.js';

/** What BoxLite 0.9.7 (8), and 0.10.0 to 0.10.3 (10) write. */
const KNOWN_VERSIONS: readonly number[] = [8, 10];
/** From this version on a state has an exit code and a time of its start. */
const WITH_EXIT_CODE = 10;
const MOST_FILES = 1_000_000;

interface BaseDisk {
  id: string;
  kind: string;
  base_path: string;
}

export class BoxliteTables {
  private constructor(
    private readonly database: Database,
    private readonly file: string,
    private readonly version: number,
  ) {}

  /** Null where the database is not BoxLite's. */
  static recognise(database: Database, file: string): BoxliteTables | null {
    const table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'";
    if (database.prepare(table).get() === undefined) return null;
    const row = database.prepare<{ version: unknown }>('SELECT version FROM schema_version WHERE id = 1').get();
    return new BoxliteTables(database, file, typeof row?.version === 'number' ? row.version : -1);
  }

  refuseUnknownVersion(): void {
    if (!this.isKnown) throw schemaUnknown(this.file, this.version, KNOWN_VERSIONS);
  }

  get isKnown(): boolean {
    return KNOWN_VERSIONS.includes(this.version);
  }

  /** Within the transaction that inserts the row. */
  insertState(id: string): void {
    const insert = this.database.prepare('INSERT INTO box_state (id, status, pid, json) VALUES (?, ?, NULL, ?)');
    insert.run(id, 'configured', JSON.stringify(this.#newState()));
  }

  changeState(id: string, change: StateChange): void {
    const row = this.#state(id);
    // A row of ours from before it was kept, or one that cannot be read, is made anew.
    if (row === undefined) this.insertState(id);
    const fields = this.#fields(change);
    // BoxLite makes the disk of a box that is only configured, and starts none that has stopped without one.
    if (change.status === 'stopped' && !this.#hasDisk(id)) fields.status = 'configured';
    const state = { ...(parsed(row?.json) ?? this.#newState()), ...fields };
    const update = this.database.prepare('UPDATE box_state SET status = ?, pid = ?, json = ? WHERE id = ?');
    update.run(fields.status, fields.pid, JSON.stringify(state), id);
  }

  #state(id: string): { json: string } | undefined {
    return this.database.prepare<{ json: string }>('SELECT json FROM box_state WHERE id = ?').get(id);
  }

  #hasDisk(id: string): boolean {
    return runSync(lookAt({ directory: this.#home('boxes'), path: `${id}/disks/disk.qcow2` })) !== null;
  }

  /** Boxes whose disks are based on those of this one. */
  dependents(id: string): string[] {
    const dependents = this.database.prepare<{ box_id: string }>(
      `SELECT DISTINCT r.box_id FROM base_disk b JOIN base_disk_ref r ON r.base_disk_id = b.id
       WHERE b.source_box_id = ? AND r.box_id <> ? ORDER BY r.box_id`,
    );
    return dependents.all(id, id).map(({ box_id }) => box_id);
  }

  /**
   * Within the transaction that deletes the row: the box's other rows, and bases of disks that no box needs any more.
   * Returns what removes their files, to be called when all that is committed.
   */
  deleteRest(id: string): () => void {
    const lock = parsed(this.#state(id)?.json)?.lock_id;
    const references = this.database.prepare<{ base: string }>(
      'SELECT base_disk_id AS base FROM base_disk_ref WHERE box_id = ?',
    );
    const bases = references.all(id);
    this.database.prepare('DELETE FROM base_disk_ref WHERE box_id = ?').run(id);
    this.database.prepare('DELETE FROM snapshot WHERE box_id = ?').run(id);
    const files: string[] = [];
    for (const { base } of bases) this.#collect(base, files);
    return () => {
      for (const name of files) runSync(removeFile({ directory: this.#home('bases'), path: name }));
      if (Number.isSafeInteger(lock)) runSync(removeFile({ directory: this.#home('locks'), path: String(lock) }));
    };
  }

  /** Deletes a base that only clones were made from, where nothing is based on it any more, and then what it is based on. */
  #collect(id: string, files: string[]): void {
    const base = this.#base('id', id);
    if (base?.kind !== 'clone_base') return;
    const name = this.#nameOf(base);
    if (this.database.prepare('SELECT 1 FROM base_disk_ref WHERE base_disk_id = ?').get(id) !== undefined) return;
    if (this.#isBackingFile(base)) return;
    const backing = this.#backingFile(name);
    this.database.prepare('DELETE FROM base_disk WHERE id = ?').run(id);
    if (name !== null) files.push(name);
    const parent = backing === null ? undefined : this.#base('base_path', backing);
    if (parent !== undefined) this.#collect(parent.id, files);
  }

  /** Whether another base is based on it, which BoxLite does not ask: a clone of a clone would lose its disk. */
  #isBackingFile({ id, base_path }: BaseDisk): boolean {
    const others = this.database.prepare<BaseDisk>('SELECT id, kind, base_path FROM base_disk WHERE id <> ?').all(id);
    return others.map((other) => this.#nameOf(other)).some((name) => this.#backingFile(name) === base_path);
  }

  #base(column: 'id' | 'base_path', value: string): BaseDisk | undefined {
    return this.database.prepare<BaseDisk>(`SELECT id, kind, base_path FROM base_disk WHERE ${column} = ?`).get(value);
  }

  /** Its file in `bases/`; null where the row names one elsewhere, which is not this host's to touch. */
  #nameOf({ base_path }: BaseDisk): string | null {
    return path.basename(path.dirname(base_path)) === 'bases' ? path.basename(base_path) : null;
  }

  #backingFile(name: string | null): string | null {
    if (name === null) return null;
    // Where it is not there, or no file of ours, nothing is known to be below it.
    return attempt(() => runSync(backingFileOf({ directory: this.#home('bases'), path: name })), null);
  }

  #fields(change: StateChange): Record<string, unknown> & { status: string; pid: number | null } {
    const now = new Date().toISOString();
    const withExitCode = this.version >= WITH_EXIT_CODE;
    return {
      status: change.status,
      pid: change.status === 'running' ? change.pid : null,
      last_updated: now,
      // It keeps why a box failed until the box runs.
      ...(change.status !== 'stopped' && { error_reason: change.status === 'failed' ? change.reason : null }),
      ...(change.status === 'running' && withExitCode && { exit_code: null, started_at: now }),
    };
  }

  #newState(): Record<string, unknown> {
    return {
      status: 'configured',
      pid: null,
      container_id: null,
      last_updated: new Date().toISOString(),
      lock_id: this.#allocateLock(),
      health_status: { state: 'None', failures: 0, last_check: null },
      error_reason: null,
      ...(this.version >= WITH_EXIT_CODE && { exit_code: null, started_at: null }),
    };
  }

  /** BoxLite starts no box without a lock of its own: a file in `locks/` whose name is the lowest free number. */
  #allocateLock(): number {
    runSync(makeDirectory({ directory: this.#home(), path: 'locks' }));
    const directory = this.#home('locks');
    const taken = new Set(runSync(listDirectory({ directory, path: '.' }, MOST_FILES)).map(({ name }) => name));
    const states = this.database.prepare<{ json: string }>('SELECT json FROM box_state');
    for (const { json } of states.all()) taken.add(String(parsed(json)?.lock_id));
    let lock = 0;
    while (taken.has(String(lock))) lock++;
    runSync(replaceFile({ directory, path: String(lock) }, ''));
    return lock;
  }

  /** `<home>`, or a directory in it: the database is `<home>/db/boxlite.db`. */
  #home(name?: string): string {
    const home = path.dirname(path.dirname(this.file));
    return name === undefined ? home : `${home}/${name}`;
  }
}

function parsed(json = ''): Record<string, unknown> | null {
  const value: unknown = attempt(() => JSON.parse(json), null);
  return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
}

const ENGINES: readonly unknown[] = ['Libkrun', 'Firecracker'];

/** Refuses a row that BoxLite could not read: one of them keeps it from opening the home at all. */
export function checkBoxliteRow({ json }: BoxRow): void {
  const { created_at, container, engine_kind, options } = JSON.parse(json) as Record<string, unknown>;
  if (typeof created_at !== 'string') throw rowInvalid('created_at', "is missing, which BoxLite's rows need");
  if (typeof (container as { id?: unknown } | undefined)?.id !== 'string') {
    throw rowInvalid('container.id', "is missing, which BoxLite's rows need");
  }
  if (!ENGINES.includes(engine_kind)) {
    throw rowInvalid('engine_kind', `must be one of ${ENGINES.join(', ')} in a home of BoxLite's`, {
      received: engine_kind,
    });
  }
  const { auto_remove, auto_delete } = checkedOptions(options);
  if (auto_remove === undefined && auto_delete === undefined) {
    throw rowInvalid('options.auto_remove', 'must be given: BoxLite takes a box without it for one to be removed');
  }
}

// The kinds of the options that BoxLite knows; it passes over others.
const KINDS: Readonly<Record<string, readonly string[]>> = {
  number: ['cpus', 'memory_mib', 'disk_size_gb', 'auto_stop', 'auto_delete'],
  string: ['working_dir', 'user'],
  boolean: ['auto_remove', 'detach', 'tty', 'auto_resume'],
  array: ['env', 'volumes', 'ports', 'entrypoint', 'cmd', 'secrets'],
  object: ['rootfs', 'network', 'inbound_network', 'advanced'],
};
const NEVER_NULL: readonly string[] = ['auto_remove', 'detach', 'tty', 'env', 'volumes', 'ports', 'secrets', 'rootfs'];

function checkedOptions(options: unknown): Record<string, unknown> {
  if (typeof options !== 'object' || options === null)
    throw rowInvalid('options', "is missing, which BoxLite's rows need");
  const all = options as Record<string, unknown>;
  for (const [kind, names] of Object.entries(KINDS)) {
    for (const name of names) {
      const value = all[name];
      if (value === undefined || (value === null && !NEVER_NULL.includes(name))) continue;
      const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
      if (found !== kind)
        throw rowInvalid(`options.${name}`, `must be of kind ${kind} for BoxLite`, { received: value });
    }
  }
  return all;
}
