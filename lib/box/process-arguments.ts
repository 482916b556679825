// Numbers of processes and signals that a caller names, checked.

import { constants } from 'node:os';
import { LARGEST_INT, toInteger } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';

// Number 1 is init, 0 and negative ones are groups of processes to kill(2): none of them is ever a shim.
export function toPid(value: unknown): number {
  if (value === undefined) throw invalidArgType('pid', 'a number', value);
  return toInteger('pid', value, { least: 2, most: LARGEST_INT, otherwise: 2 });
}

export function toSignalNumber(value: unknown): number {
  if (typeof value === 'string' && value in constants.signals) return constants.signals[value as NodeJS.Signals];
  if (typeof value === 'number' && Object.values(constants.signals).includes(value)) return value;
  throw invalidArgValue('signal', value, 'must be the name or the number of a signal');
}
