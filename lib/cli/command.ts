// What a command is. Parsing, help, completions and the man page are all made from this one description.

import * as path from 'node:path';
import type { KrunScheme } from '../index.js';
import type { Output } from './output.js';

/** Exit statuses, design section 8. */
export const EXIT = { fine: 0, findings: 1, usage: 2 } as const;

export interface Option {
  name: string;
  also?: string;
  /** What stands for its value in the help; left out for a switch. */
  value?: string;
  choices?: readonly string[];
  /** A whole number of at least this. */
  atLeast?: number;
  repeated?: boolean;
  required?: boolean;
  /** An option that it cannot be given with. */
  conflicts?: string;
  help: string;
}

export interface Operand {
  name: string;
  optional?: boolean;
  /** All that follow are its. */
  repeated?: boolean;
  choices?: readonly string[];
}

export interface Command {
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  operands: readonly Operand[];
  options: readonly Option[];
  /** What the help says beyond that. */
  details?: string;
  /** What follows the command's name, and what it is for. */
  examples: readonly (readonly [args: string, purpose: string])[];
  run(args: Arguments, output: Output): Promise<number> | number;
}

/** The arguments of one run, checked. */
export interface Arguments {
  operands: (string | undefined)[];
  json: boolean;
  quiet: boolean;
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): string[];
  number(name: string): number | undefined;
}

const BASE_HELP = 'directory that holds the parent (default: $BOXSOCKETS_BASE, else /tmp)';
const KRUN_HELP = 'how libkrun names its own socket, see "pin" (default: suffix)';
const NAME_HELP = 'a further socket name of the box; may be given several times';
const UID_HELP = 'uid that names the parent, bl-<uid> (default: yours)';
/** How libkrun may name its own socket. */
export const SCHEMES = ['none', 'suffix', 'temp-dir'];

/** Options that several commands take. */
export const OPTION = {
  base: { name: 'base', value: 'DIR', help: BASE_HELP },
  uid: { name: 'uid', value: 'N', atLeast: 0, help: UID_HELP },
  krun: { name: 'krun', value: 'SCHEME', choices: SCHEMES, help: KRUN_HELP },
  name: { name: 'name', also: 'names', value: 'NAME', repeated: true, help: NAME_HELP },
  watch: { name: 'watch', conflicts: 'json', help: 'draw it again every two seconds' },
} as const satisfies Record<string, Option>;
/** What every command takes. */
export const COMMON_OPTIONS: readonly Option[] = [
  { name: 'json', help: 'print one JSON document' },
  { name: 'quiet', help: 'print the bare result, or nothing: the exit status tells' },
];

/** The base that was named, on the command line or in the environment, resolved. */
export function baseOf(named: string | undefined): { base?: string } {
  const base = named ?? (process.env.BOXSOCKETS_BASE || undefined);
  return base === undefined ? {} : { base: path.resolve(base) };
}

/** The options of the statics, as far as they were given. */
export function parentOptions(args: Arguments): { base?: string; uid?: number } {
  const uid = args.number('uid');
  return { ...baseOf(args.text('base')), ...(uid !== undefined && { uid }) };
}

/** The constructor's options, as far as they were given. */
export function boxOptions(args: Arguments) {
  const krun = args.text('krun') as KrunScheme | undefined;
  const names = args.texts('name');
  return { ...parentOptions(args), ...(krun !== undefined && { krun }), ...(names.length > 0 && { names }) };
}
