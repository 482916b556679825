// Options objects in: what is none, and what is misspelt, is refused.

import { invalidArgType, invalidArgValue } from './errors.js';

/** Every option of a call: a list that the compiler holds to the type. */
export type KnownOptions<T> = { readonly [Key in keyof T]-?: true };

/**
 * An options object; an empty one where none is given.
 *
 * @param known the options that there are
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` for a member that is no option, with the nearest
 * that is one
 */
export function toOptions<T extends object>(
  value: T | undefined,
  known: KnownOptions<T>,
  name = 'options',
): Partial<T> {
  if (value === undefined) return {};
  if (value === null || typeof value !== 'object') throw invalidArgType(name, 'an object', value);
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(known, key));
  if (unknown !== undefined) throw unknownOption(name, value, unknown, known);
  return value;
}

function unknownOption(name: string, value: object, key: string, known: object): TypeError {
  const options = Object.keys(known);
  const [nearest] = options
    .map((option) => ({ option, edits: editsBetween(key.toLowerCase(), option.toLowerCase()) }))
    .filter(({ option, edits }) => edits <= Math.max(2, option.length / 3))
    .sort((a, b) => a.edits - b.edits);
  const hint = nearest === undefined ? `there are ${options.join(', ')}` : `did you mean '${nearest.option}'?`;
  return invalidArgValue(`${name}.${key}`, (value as Record<string, unknown>)[key], `is not known here (${hint})`);
}

/** Levenshtein's distance: characters to insert, remove or exchange. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const above = row;
    row = [at];
    for (let index = 1; index <= to.length; index++) {
      const isSame = from[at - 1] === to[index - 1];
      const exchanged = (above[index - 1] ?? 0) + (isSame ? 0 : 1);
      row.push(Math.min(exchanged, (above[index] ?? 0) + 1, (row[index - 1] ?? 0) + 1));
    }
  }
  return row[to.length] ?? 0;
}
