// An id of any text: for directories that are no boxes, and for names that are too long to be ids.

import { invalidArgType, invalidArgValue } from '../errors.js';

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
