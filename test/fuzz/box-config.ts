// Rows of BoxLite's database. What is accepted comes out as it went in, but for what older releases persisted.

import { isDeepStrictEqual } from 'node:util';
import { BoxConfig } from '../../dist/box/box-config.js';
import { attempt, check, consistsOf, DIGITS, LETTERS } from './check.js';

const ROW = '{"id":"b1","name":null,"created_at":"2026-01-02T03:04:05.123456789Z","container":{"id":"c"},';

export const seeds = [
  `${ROW}"options":{},"engine_kind":"Libkrun","box_home":"/h/b1"}`,
  `${ROW}"box_home":"/h//b1/","transport":{"Unix":["/t,}"]},"x":18446744073709551615}`,
  '{"ready_socket_path":"\\\\\\",{","id":"a","box_home":"/"}',
  '{"\\u0074ransport":1, "id":"a" ,"box_home":"/a","transport":[{}], "y":[1,{"transport":2}]}',
  '{"id":"a","box_home":"/a","name":"n","__proto__":{"id":"q"},"created_at":"2024-02-30T00:00:00+01:00"}',
  // One level more than a row may have, and as many as it may have.
  ...[128, 127].map((levels) => `{"id":"a","box_home":"/a","x":${'['.repeat(levels)}"]"${']'.repeat(levels)}}`),
];
export const dictionary = [
  ...['"id":', '"box_home":', '"name":', '"created_at":', '"container":', '"options":', '"engine_kind":', '"/a"'],
  ...['"transport":', '"ready_socket_path":', '"\\u0074ransport":', '"__proto__":', '\\"', '\\\\', '{}', '[]', 'null'],
  ...['18446744073709551615', '2026-01-02T03:04:05Z', '"..', '/../', '\\u0000', '\\ud800', '1e999', '-0'],
];

const MOST_LEVELS = 128;
const OF_OLDER_RELEASES = ['transport', 'ready_socket_path'];

export function fuzz(data: Buffer): void {
  const text = data.toString('utf8');
  const config = attempt(() => BoxConfig.parse(text), ['ERR_BOX_SOCKETS_ROW_INVALID', 'ERR_BOX_SOCKETS_ROW_TOO_LARGE']);
  const row = attempt<unknown>(() => parseJson(text), [NOT_JSON]);
  check(config === undefined || isObject(row), 'a row is a JSON object', text);
  if (!isObject(row)) return;
  const isAcceptable = isRow(row) && levelsOf(text) <= MOST_LEVELS;
  check((config !== undefined) === isAcceptable, 'its fields are what they must be, and then it is accepted', text);
  if (config === undefined) return;
  for (const field of OF_OLDER_RELEASES) delete row[field];
  check(isDeepStrictEqual(parseJson(config.toString()), row), 'every other field is kept', text, config.toString());
  check(isDeepStrictEqual(config.toJSON(), row), 'as text and as an object', text);
  const again = BoxConfig.parse(config.toString());
  check(again.toString() === config.toString() && again.id === config.id, 'it can be read again', text);
  check(/^\/$|^(\/[^/]+)+$/.test(config.boxHome), 'the home has one form', config.boxHome);
  if (!OF_OLDER_RELEASES.some((field) => text.includes(field) || text.includes('\\u'))) {
    check(config.toString() === text, 'nothing is rewritten', text, config.toString());
  }
}

/** How deep arrays and objects nest, those included that a later member of the same name hides from JSON.parse. */
function levelsOf(text: string): number {
  let level = 0;
  let deepest = 0;
  for (const character of text.replace(/"(?:\\.|[^"\\])*"/gs, '')) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++level);
    if (character === ']' || character === '}') level--;
  }
  return deepest;
}

const NOT_JSON = 'NOT_JSON';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(error as Error, { code: NOT_JSON });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function isRow(row: Record<string, unknown>): boolean {
  const { id, box_home: home, name, created_at: created, container, options, engine_kind: kind } = row;
  return (
    isId(id) &&
    isHome(home) &&
    (name === undefined || name === null || typeof name === 'string') &&
    (created === undefined || isTime(created)) &&
    (container === undefined || (isObject(container) && ['undefined', 'string'].includes(typeof container.id))) &&
    (options === undefined || isObject(options)) &&
    (kind === undefined || typeof kind === 'string')
  );
}

function isId(value: unknown): boolean {
  if (typeof value !== 'string' || value.length < 1 || value.length > 128) return false;
  const first = `${LETTERS}${DIGITS}_-`;
  return consistsOf(value.charAt(0), first) && consistsOf(value, `${first}.@+:=`);
}

function isHome(value: unknown): boolean {
  if (typeof value !== 'string' || !value.startsWith('/') || value.split('/').includes('..')) return false;
  return !value.includes('\0') && Buffer.from(value).toString() === value;
}

function isTime(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const [date = '', time = ''] = [value.slice(0, 10), value.slice(11)];
  const isShaped = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(date) && ['T', 't', ' '].includes(value[10] ?? '');
  return isShaped && /^..:..:..(?:\.[0-9]+)?(?:[zZ]|[+-]..:..)$/.test(time) && isNumbers(time) && !isInvalidDate(value);
}

function isNumbers(time: string): boolean {
  return time.split(/[:.zZ+-]/).every((part) => consistsOf(part, DIGITS));
}

function isInvalidDate(text: string): boolean {
  return Number.isNaN(Date.parse(text));
}
