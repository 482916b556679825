// The rules of names, and the random stand-ins that a probe binds in place of a real name. An id lies in a parent that
// this package shares with BoxLite, so it is plain ASCII; a socket is called what its program calls it.

import { invalidArgType, invalidArgValue } from '../errors.js';
import { sunPathLimit } from './limits.js';

const BOX_ID = /^[A-Za-z0-9_-][A-Za-z0-9_.@+:=-]{0,127}$/;

/** Completes "must be …". */
export const BOX_ID_RULE =
  '1 to 128 of [A-Za-z0-9_.@+:=-], the first of [A-Za-z0-9_-] (BoxSockets.idFor() makes an id of any text)';
export const SOCKET_NAME_RULE =
  "1 to 100 bytes without '/', NUL or control characters, neither '.' nor '..', and not begin with '.~'";

const LONGEST_SOCKET_NAME = 100;
const STAND_IN = '.~';
const SHORTEST_STAND_IN = 6;
const ALPHANUMERICS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** {@link BOX_ID_RULE}; the temporary link of an id is `.<id>.new`, which no id can be. */
export function isBoxId(text: string): boolean {
  return BOX_ID.test(text);
}

/** {@link SOCKET_NAME_RULE}: what a file may be called, but for what stand-ins are called. */
export function isSocketName(text: string): boolean {
  if (text === '' || text === '.' || text === '..' || text.startsWith(STAND_IN)) return false;
  return !/[/\p{Cc}]/u.test(text) && text.isWellFormed() && Buffer.byteLength(text) <= LONGEST_SOCKET_NAME;
}

/**
 * Where a probe binds in place of a name of so many bytes in `prefix`, which is empty or ends in a slash: at a name of
 * the same length, that no socket may have. A name of fewer than six bytes has so few others that one of six is taken,
 * but where that alone would not fit. It needs no secrecy: it only has to be free, and where it is not, the bind says so.
 */
export function standInPath(prefix: string, nameBytes: number): string {
  const hasRoom = Buffer.byteLength(prefix) + SHORTEST_STAND_IN <= sunPathLimit().maxBytes;
  return `${prefix}${standInName(hasRoom ? Math.max(nameBytes, SHORTEST_STAND_IN) : nameBytes)}`;
}

/** A stand-in of exactly so many bytes. */
export function standInName(bytes: number): string {
  let name = bytes > 1 ? STAND_IN : '';
  while (name.length < bytes) name += ALPHANUMERICS[Math.floor(Math.random() * ALPHANUMERICS.length)];
  return name;
}

const READABLE_BYTES = 19;
const HASH_CHARACTERS = 12; // of five bits each
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** See `BoxSockets.idFor`. */
export function idFor(text: unknown): string {
  if (typeof text !== 'string') throw invalidArgType('text', 'a string', text);
  if (!text.isWellFormed()) throw invalidArgValue('text', text, 'must be valid Unicode');
  // Loaded where it is used: it would be half of the time that the package takes to load.
  const { createHash } = require('node:crypto') as typeof import('node:crypto');
  const digest = createHash('sha256').update(text).digest();
  let bits = digest.readBigUInt64BE() >> 4n;
  let hash = '';
  for (; hash.length < HASH_CHARACTERS; bits >>= 5n) hash = `${BASE32[Number(bits & 31n)]}${hash}`;
  return [readable(text), hash].filter(Boolean).join('-');
}

// The end of the text, which tells directories apart; whole words, as far as they fit.
function readable(text: string): string {
  const words = text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  let kept = (words.pop() ?? '').slice(-READABLE_BYTES);
  for (let word = words.pop(); word !== undefined; word = words.pop()) {
    if (word.length + 1 + kept.length > READABLE_BYTES) break;
    kept = `${word}-${kept}`;
  }
  return kept;
}
