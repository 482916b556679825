// The persisted configuration of a box: what it is, and where its home is. Paths of sockets are derived from the two at
// each call and never part of it, so that no row can hold one that is too long, or another user's.

import { toAbsolutePath } from '../arguments.js';
import { BoxSockets } from '../box-sockets.js';
import { invalidArgType } from '../errors.js';
import type { BoxSocketsOptions } from '../paths/box-paths.js';
import { BOX_ID_RULE, isBoxId } from '../paths/names.js';
import { rowInvalid, rowTooLarge } from './box-errors.js';
import { BoxLayout } from './box-layout.js';
import { deeperThan, withoutMembers } from './json-members.js';

/** A row as it is persisted. Whatever else it holds is carried along. */
export interface BoxConfigJson {
  /** The box id, as in `BoxSockets`. */
  id: string;
  /** Unique in its home; null where the box has none. */
  name: string | null;
  /** When the box was made, as RFC 3339 writes it. */
  created_at: string;
  /** The container that the guest runs. */
  container: {
    /** Its id, which BoxLite makes of 64 hexadecimal digits. */
    id: string;
  };
  /** What the box was asked to be: image, volumes, `auto_remove` and the like. */
  options: Record<string, unknown>;
  /** The engine, `'Libkrun'` for example. */
  engine_kind: string;
  /** The directory of the box: absolute. */
  box_home: string;
  [further: string]: unknown;
}

/** Where a box is reached. */
export interface UnixTransport {
  /** Always `'unix'`: a Unix socket. */
  type: 'unix';
  /** The path to dial, through the binding: absolute. */
  path: string;
}

/** Persisted by older releases; loaded rows may hold them, and none is ever written. */
const FIELDS_OF_OLDER_RELEASES: ReadonlySet<string> = new Set(['transport', 'ready_socket_path']);

/** Rows of BoxLite have some thousand. */
export const MOST_ROW_CHARACTERS = 1 << 20;
/** As many as BoxLite reads. */
const MOST_LEVELS = 128;

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * The configuration of a box. It holds no path of a socket: {@link sockets}, {@link transport} and
 * {@link readyTransport} derive them from the home and the id, at each call.
 *
 * @example
 * const config = BoxConfig.parse(row.json);
 * await config.layout().prepare();
 * config.transport(); // { type: 'unix', path: '/tmp/bl-1000/fJJNxyl8bP0k/box.sock' }
 */
export class BoxConfig {
  /** The box id, as in `BoxSockets`. */
  readonly id: string;
  /** Unique in its home; null where the box has none. */
  readonly name: string | null;
  /** RFC 3339, as the row has it: a row of BoxLite counts nanoseconds, which a `Date` would lose. */
  readonly createdAt: string;
  /** The id of the container that the guest runs; empty where the row has none. */
  readonly containerId: string;
  /** What the box was asked to be, as the row has it. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The engine, `'Libkrun'` for example; empty where the row has none. */
  readonly engineKind: string;
  /** The directory of the box: absolute. */
  readonly boxHome: string;
  readonly #text: string;

  private constructor(text: string, row: Record<string, unknown>) {
    this.id = boxId(row.id);
    this.boxHome = boxHome(row.box_home);
    this.name = row.name === null || row.name === undefined ? null : stringField('name', row.name);
    this.createdAt = row.created_at === undefined ? '' : timestamp(row.created_at);
    this.containerId = stringField('container.id', objectField('container', row.container).id, '');
    this.options = objectField('options', row.options);
    this.engineKind = stringField('engine_kind', row.engine_kind, '');
    this.#text = withoutMembers(text, FIELDS_OF_OLDER_RELEASES);
  }

  /**
   * Reads a row. Fields that it does not know survive a round trip; `transport` and `ready_socket_path`, which older
   * releases persisted, are ignored and dropped.
   *
   * @param text JSON
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_ROW_TOO_LARGE`: more than 1,048,576 characters or 128 levels;
   * `ERR_BOX_SOCKETS_ROW_INVALID`: not JSON, `id` or `box_home` missing, an id that could
   * leave its directory, or another field of the wrong kind; `field` names it
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`
   * @example
   * BoxConfig.parse('{"id":"box1","box_home":"/home/me/.boxes/boxes/box1"}').boxHome; // '/home/me/.boxes/boxes/box1'
   */
  static parse(text: string): BoxConfig {
    if (typeof text !== 'string') throw invalidArgType('text', 'a string', text);
    if (text.length > MOST_ROW_CHARACTERS) throw rowTooLarge(`more than ${MOST_ROW_CHARACTERS} characters`);
    if (deeperThan(text, MOST_LEVELS)) throw rowTooLarge(`more than ${MOST_LEVELS} levels`);
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch (error) {
      throw rowInvalid(null, 'is not JSON', { cause: error });
    }
    if (!isObject(row)) throw rowInvalid(null, 'is not a JSON object', { received: row });
    return new BoxConfig(text, row);
  }

  /**
   * A configuration of these fields.
   *
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_ROW_INVALID`, as {@link BoxConfig.parse}
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`
   * @example const renamed = BoxConfig.from({ ...config.toJSON(), name: 'web' });
   */
  static from(row: BoxConfigJson): BoxConfig {
    if (!isObject(row)) throw invalidArgType('row', 'an object', row);
    return BoxConfig.parse(JSON.stringify(row));
  }

  /** The row as an object, with every unknown field; a copy of its own each time. @example config.toJSON().id; */
  toJSON(): BoxConfigJson {
    return JSON.parse(this.#text) as BoxConfigJson;
  }

  /**
   * The row as text, to be persisted: what was parsed, byte for byte, without the fields of older releases. Unlike
   * `JSON.stringify(config)` it keeps integers above 2^53, which JavaScript's numbers do not hold.
   *
   * @example await store.update({ ...row, json: config.toString() });
   */
  toString(): string {
    return this.#text;
  }

  /** The directories of the box. @example await config.layout().prepare(); */
  layout(options?: BoxSocketsOptions): BoxLayout {
    return new BoxLayout(this.boxHome, { ...options, boxId: this.id });
  }

  /** The sockets of the box. @example await config.sockets().connect('box.sock'); */
  sockets(options?: BoxSocketsOptions): BoxSockets {
    return new BoxSockets(this.id, `${this.boxHome}/sockets`, options);
  }

  /** Where the host controls the box. @example net.connect(config.transport().path); */
  transport(options?: BoxSocketsOptions): UnixTransport {
    return { type: 'unix', path: this.sockets(options).boxSock };
  }

  /** Where the guest says that it is ready. @example config.readyTransport().path; */
  readyTransport(options?: BoxSocketsOptions): UnixTransport {
    return { type: 'unix', path: this.sockets(options).readySock };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function boxId(value: unknown): string {
  const id = stringField('id', value);
  if (isBoxId(id)) return id;
  throw rowInvalid('id', `must be ${BOX_ID_RULE}`, { received: id });
}

function boxHome(value: unknown): string {
  const home = stringField('box_home', value);
  const rule = 'must be an absolute path without .. and NUL';
  if (!home.startsWith('/') || home.split('/').includes('..')) throw rowInvalid('box_home', rule, { received: home });
  try {
    return toAbsolutePath('box_home', home);
  } catch (error) {
    throw rowInvalid('box_home', rule, { received: home, cause: error });
  }
}

function timestamp(value: unknown): string {
  const text = stringField('created_at', value);
  if (RFC_3339.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw rowInvalid('created_at', 'must be a time as RFC 3339 writes it', { received: text });
}

function stringField(field: string, value: unknown, otherwise?: string): string {
  if (typeof value === 'string') return value;
  if (value !== undefined) throw rowInvalid(field, 'must be a string', { received: value });
  if (otherwise === undefined) throw rowInvalid(field, 'is missing');
  return otherwise;
}

function objectField(field: string, value: unknown = {}): Record<string, unknown> {
  if (isObject(value)) return value;
  throw rowInvalid(field, 'must be an object', { received: value });
}
