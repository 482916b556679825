// What a command is, and how its arguments are read.

import { parseArgs } from 'node:util';
import type { Output } from './output.js';

/** Exit statuses, design section 8. */
export const EXIT = { fine: 0, findings: 1, usage: 2 } as const;

/** One option of a command. */
export interface Option {
  name: string;
  /** What stands for its value in the help; left out for a switch. */
  value?: string;
  /** The values it takes, where they are few. */
  choices?: readonly string[];
  /** A whole number of at least this. */
  atLeast?: number;
  help: string;
}

/** One command of the command line. */
export interface Command {
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** Names of its operands, each required. */
  operands: readonly string[];
  options: readonly Option[];
  /** What the help says beyond that. */
  details?: string;
  /** An option without which the command cannot run. */
  required?: string;
  run(args: Arguments, output: Output): Promise<number> | number;
}

/** The arguments of one run, checked. */
export interface Arguments {
  /** As many as the command names. */
  operands: string[];
  json: boolean;
  flag(name: string): boolean;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
}

/** What reading the arguments came to. */
export type Parsed = { kind: 'run'; args: Arguments } | { kind: 'help' } | { kind: 'usage'; message: string };

export const BASE_OPTION: Option = {
  name: 'base',
  value: 'DIR',
  help: 'directory that holds the parent (default /tmp)',
};
export const UID_OPTION: Option = {
  name: 'uid',
  value: 'N',
  atLeast: 0,
  help: 'uid that names the parent, bl-<uid> (default: yours)',
};
export const KRUN_OPTION: Option = {
  name: 'krun',
  value: 'SCHEME',
  choices: ['none', 'suffix', 'temp-dir'],
  help: 'how libkrun names its own socket, see "pin" (default suffix)',
};
export const JSON_OPTION: Option = { name: 'json', help: 'print one JSON document' };
export const HELP_OPTION: Option = { name: 'help', help: 'show this help' };

/** Reads the arguments that follow a command's name. */
export function parseArguments(command: Command, argv: readonly string[]): Parsed {
  const options = [...command.options, JSON_OPTION, HELP_OPTION];
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: Object.fromEntries(
        options.map((option) => [
          option.name,
          {
            type: option.value === undefined ? ('boolean' as const) : ('string' as const),
            ...(option.name === 'help' && { short: 'h' }),
          },
        ]),
      ),
    });
  } catch (error) {
    return { kind: 'usage', message: error instanceof Error ? firstSentence(error.message) : String(error) };
  }
  if (parsed.values.help === true) return { kind: 'help' };
  const message = check(command, parsed.positionals, parsed.values);
  if (message !== null) return { kind: 'usage', message };
  const text = (name: string) => {
    const value = parsed.values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    kind: 'run',
    args: {
      operands: parsed.positionals,
      json: parsed.values.json === true,
      flag: (name) => parsed.values[name] === true,
      text,
      number: (name) => (text(name) === undefined ? undefined : Number(text(name))),
    },
  };
}

// Node's message goes on to explain "--"; the usage line below it says the same in a shape of ours.
function firstSentence(message: string): string {
  return message.split(/\. (?=[A-Z])/)[0] ?? message;
}

function check(command: Command, operands: string[], values: Record<string, unknown>): string | null {
  const missing = command.operands.slice(operands.length);
  if (missing.length > 0) return `${missing.join(' and ')} missing`;
  const extra = operands[command.operands.length];
  if (extra !== undefined) return `Unexpected argument '${extra}'`;
  if (command.required !== undefined && values[command.required] === undefined) return `--${command.required} missing`;
  for (const option of command.options) {
    const value = values[option.name];
    if (typeof value !== 'string') continue;
    if (value === '') return `--${option.name} must not be empty`;
    if (option.choices !== undefined && !option.choices.includes(value)) {
      return `--${option.name} must be one of ${option.choices.join(', ')}, not '${value}'`;
    }
    // Number() would take '0x10', ' 1' and '1e3' as well.
    if (option.atLeast !== undefined && !(/^\d{1,10}$/.test(value) && Number(value) >= option.atLeast)) {
      return `--${option.name} must be a whole number of at least ${option.atLeast}, not '${value}'`;
    }
  }
  return null;
}

/** `boxsockets ensure ID DIR [--base DIR] …`. */
export function usageLine(command: Command): string {
  const options = [...command.options, JSON_OPTION].map((option) => {
    const text = `--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`;
    return option.name === command.required ? text : `[${text}]`;
  });
  return ['boxsockets', command.name, ...command.operands, ...options].join(' ');
}

/** The constructor's and the statics' options, as far as they were given. */
export function baseAndUid(args: Arguments): { base?: string; uid?: number } {
  const base = args.text('base');
  const uid = args.number('uid');
  return { ...(base !== undefined && { base }), ...(uid !== undefined && { uid }) };
}
