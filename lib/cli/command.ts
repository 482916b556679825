// What a command is. Parsing, help, completions and the man page are all made from this one description.

import * as path from 'node:path';
import type { EnsureOptions, KrunScheme, ProbePathOptions, SweepOptions } from '../index.js';
import { InvalidArgumentError, type Program, ProgramOption } from './commander.js';
import type { Output } from './output.js';

/** Exit statuses, design section 8. */
export const EXIT = { fine: 0, findings: 1, usage: 2 } as const;

export interface Command {
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** As its usage shows them: `['<ID>', '[WORD...]']`. */
  operands: readonly string[];
  /** What the first operand may be. */
  choices?: readonly string[];
  options: readonly ProgramOption[];
  /** What the help says beyond that. */
  details?: string;
  /** What follows the command's name, and what it is for. */
  examples: readonly (readonly [args: string, purpose: string])[];
  run(args: Arguments, output: Output, program: Program): Promise<number> | number;
}

/** The arguments of one run, checked; an option that was not given is not there. Those of the library have its names. */
export interface Arguments extends SweepOptions, EnsureOptions, ProbePathOptions {
  operands: string[];
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  watch?: boolean;
  home?: string;
  dir?: string;
  krun?: KrunScheme;
  names?: string[];
  expect?: KrunScheme;
  format?: string;
}

/** Those of the arguments that were given. */
export function pick<K extends keyof Arguments>(args: Arguments, ...names: K[]): Pick<Arguments, K> {
  const given = Object.entries(args).filter(([name]) => (names as string[]).includes(name));
  return Object.fromEntries(given) as Pick<Arguments, K>;
}

export const SCHEMES = ['none', 'suffix', 'temp-dir'];

/** An option with a value, which must not be empty. */
export function valued(flags: string, help: string, parse: (text: string) => unknown = (text) => text): ProgramOption {
  return new ProgramOption(flags, help).argParser((text) => parse(notEmpty(text)));
}

function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

export function wholeNumber(text: string): number {
  // Number() would take '0x10', ' 1' and '1e3' as well.
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 0.');
  return Number(text);
}

const BASE_HELP = 'directory that holds the parent (default: $BOXSOCKETS_BASE, else /tmp)';
const KRUN_HELP = 'how libkrun names its own socket, see "pin" (default: suffix)';
const NAME_HELP = 'a further socket name of the box; may be given several times';
const UID_HELP = 'uid that names the parent, bl-<uid> (default: yours)';

const oneMore = (text: string, previous: string[] = []): string[] => [...previous, notEmpty(text)];

/** Options that several commands take. */
export const OPTION = {
  base: valued('--base <DIR>', BASE_HELP, (text) => path.resolve(text)),
  uid: valued('--uid <N>', UID_HELP, wholeNumber),
  krun: new ProgramOption('--krun <SCHEME>', KRUN_HELP).choices(SCHEMES),
  name: new ProgramOption('--name, --names <NAME>', NAME_HELP).argParser(oneMore),
  watch: new ProgramOption('--watch', 'draw it again every two seconds').conflicts('json'),
};

export const COMMON_OPTIONS: readonly ProgramOption[] = [
  new ProgramOption('--json', 'print one JSON document'),
  new ProgramOption('--quiet', 'print the bare result, or nothing: the exit status tells'),
];

/** Draws once, or with `--watch` every two seconds on a screen wiped before, until the process is ended. */
export async function watching(args: Arguments, output: Output, draw: () => Promise<number>): Promise<number> {
  while (args.watch === true) {
    output.wipe();
    await draw();
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  return draw();
}
