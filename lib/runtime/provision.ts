// Making a box: its home, its binding, its row, in this order. The row is what makes it one: until then, what was made is
// removed where a step fails, and by the next open where the host is killed.

import { randomBytes, randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import { PRIVATE_MODE, toBoxId, toOptions } from '../arguments.js';
import { removeTree } from '../beneath.js';
import { BoxConfig, type BoxLayout } from '../box/index.js';
import { asError, fromSystemError, invalidArgType } from '../errors.js';
import { runAsync } from '../twin.js';
import type { BoxRow } from './box-store.js';
import type { Home } from './home.js';
import { boxExists, cleanupFailed } from './runtime-errors.js';

/** What a box is made from; all of it may be left out. */
export interface NewBox {
  /** As in `BoxSockets`; 12 random alphanumerics when left out, as BoxLite has them. */
  id?: string;
  /** Unique in its home; null when left out. */
  name?: string | null;
  /** Of the row; `auto_remove: true` makes the box go when it is stopped, or found stopped at the next `open`. */
  options?: Record<string, unknown>;
  /** The id of the container that the guest runs; 64 random hexadecimal digits when left out. */
  containerId?: string;
  /** The engine; `'Libkrun'` when left out. */
  engineKind?: string;
}

const NEW_BOX = { id: true, name: true, options: true, containerId: true, engineKind: true } as const;
const ALPHANUMERICS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;

/** The configuration of a new box in `<homeDir>/boxes/<id>`; `defaults` of its options. */
export function newBoxConfig(homeDir: string, box: NewBox | undefined, defaults: object = {}): BoxConfig {
  const { id: given, name = null, options = {}, containerId, engineKind = 'Libkrun' } = toOptions(box, NEW_BOX, 'box');
  const random = Array.from({ length: ID_LENGTH }, () => ALPHANUMERICS[randomInt(ALPHANUMERICS.length)]);
  const id = toBoxId(given ?? random.join(''));
  // What a row refuses as a row, a caller passed as an argument.
  if (name !== null && typeof name !== 'string') throw invalidArgType('box.name', 'a string or null', name);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgType('box.options', 'an object', options);
  }
  if (typeof engineKind !== 'string') throw invalidArgType('box.engineKind', 'a string', engineKind);
  const container = containerId ?? randomBytes(32).toString('hex');
  if (typeof container !== 'string') throw invalidArgType('box.containerId', 'a string', containerId);
  return BoxConfig.from({
    id,
    name,
    created_at: new Date().toISOString(),
    container: { id: container },
    options: { ...defaults, ...options },
    engine_kind: engineKind,
    box_home: `${homeDir}/boxes/${id}`,
  });
}

export async function provisionBox(home: Home, config: BoxConfig): Promise<void> {
  const { id } = config;
  const layout = home.layout(id);
  home.store.refuseChange?.();
  if ((await home.store.get(id)) !== undefined) throw boxExists(id, 'its row');
  // The home itself is made here, and no other one's: from here on, what fails may remove it.
  await fs.promises.mkdir(layout.boxHome, { mode: PRIVATE_MODE }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw boxExists(id, `'${layout.boxHome}'`, error);
    throw fromSystemError(error, 'mkdir', layout.boxHome);
  });
  let isPrepared = false;
  try {
    await layout.prepare();
    isPrepared = true;
    await home.store.insert(toRow(config));
  } catch (error) {
    // A preparation that failed has undone what it did, but for the home itself.
    const undone = isPrepared
      ? takeBack(home, layout, error)
      : runAsync(removeTree({ directory: home.boxesDir, path: id }));
    await undone.catch((cleanup) => {
      throw cleanupFailed(id, asError(error), asError(cleanup));
    });
    throw error;
  }
}

/** Removes a box whose row was not stored. */
async function takeBack(home: Home, layout: BoxLayout, failure: unknown): Promise<void> {
  // Whether a store that failed has the row all the same is known to nobody. One that refused it says so.
  if ((failure as { code?: unknown }).code !== 'ERR_BOX_SOCKETS_BOX_EXISTS') await home.store.delete(layout.boxId);
  await layout.cleanup();
}

function toRow(config: BoxConfig): BoxRow {
  const { id, name, createdAt } = config;
  // A row without a time, which only a caller's own configuration can be, was made at the epoch.
  return { id, name, createdAt: Math.floor(Date.parse(createdAt || '1970-01-01') / 1000), json: config.toString() };
}
