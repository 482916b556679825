import { randomBytes, randomInt } from 'node:crypto';
import { toBoxId, toOptions } from '../arguments.js';
import { BoxConfig } from '../box/index.js';
import { invalidArgType } from '../errors.js';

/** What a box is made from; all of it may be left out. */
export interface NewBox {
  /** 1 to 128 of `[A-Za-z0-9_-]`; 12 random alphanumerics when left out, as BoxLite has them. */
  id?: string;
  /** Unique in its home. */
  name?: string | null;
  /** Of the row; `auto_remove: true` makes the box go when it is stopped, or found stopped at the next `open`. */
  options?: Record<string, unknown>;
  containerId?: string;
  /** `'Libkrun'` when left out. */
  engineKind?: string;
}

const ALPHANUMERICS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;

/** The configuration of a new box in `<homeDir>/boxes/<id>`. */
export function newBoxConfig(homeDir: string, box: NewBox | undefined): BoxConfig {
  const { id: given, name = null, options = {}, containerId, engineKind = 'Libkrun' } = toOptions(box);
  const id = toBoxId(given ?? randomId());
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
    options,
    engine_kind: engineKind,
    box_home: `${homeDir}/boxes/${id}`,
  });
}

function randomId(): string {
  return Array.from({ length: ID_LENGTH }, () => ALPHANUMERICS[randomInt(ALPHANUMERICS.length)]).join('');
}
