// Options objects in: what is none, and what is misspelt, is refused.

import { invalidArgType, invalidArgValue } from './errors.js';

/** Every option of a call: a list that the compiler holds to the type. */
export type KnownOptions<T> = { readonly [Key in keyof T]-?: unknown };

/** Such a list, and how each option is checked: what the check makes of it, undefined where it is left out. */
type OptionChecks<T> = { readonly [Key in keyof T]-?: (name: string, value: unknown) => unknown };

type Checked<Checks> = {
  [Key in keyof Checks]: Checks[Key] extends (name: string, value: unknown) => infer Result ? Result : never;
};

/** An options object, empty where none is given. What is no option is refused, with the nearest that is one. */
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

/** The options of a call, each checked. @throws as {@link toOptions}, and what a check throws */
export function checkOptions<T extends object, Checks extends OptionChecks<T>>(
  value: T | undefined,
  checks: Checks,
): Checked<Checks> {
  const given = toOptions(value, checks);
  const checked: Partial<Record<keyof T, unknown>> = {};
  for (const key of Object.keys(checks) as (keyof T & string)[])
    checked[key] = checks[key](`options.${key}`, given[key]);
  return checked as Checked<Checks>;
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
