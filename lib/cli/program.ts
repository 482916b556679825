// Makes commander's program of our commands: it parses, checks, helps and says what may have been meant.

import * as path from 'node:path';
import { type Arguments, COMMON_OPTIONS, type Command } from './command.js';
import { Program } from './commander.js';
import { packageVersion } from './commands/version-command.js';
import type { Output } from './output.js';

const PURPOSE = 'Short, predictable paths for the Unix sockets of boxes, however deep their home.';
const STATUSES = 'Exit status: 0 fine, 1 findings or a failure, 2 wrong usage.';

type Run = (command: Command, args: Arguments) => Promise<void>;

/** The program; `run` is called with the command that was asked for. */
export function buildProgram(commands: readonly Command[], output: Output, run: Run): Program {
  const program = prepare(new Program('boxsockets'), output)
    .description(PURPOSE)
    .version(packageVersion(), '--version', 'print the version')
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .addHelpText('after', `\n${STATUSES}`);
  for (const command of commands) program.addCommand(toSubcommand(command, output, run));
  return program;
}

function toSubcommand(command: Command, output: Output, run: Run): Program {
  const sub = prepare(new Program(command.name), output)
    .summary(command.summary)
    .description([`${command.summary}.`, command.details ?? ''].join('\n\n').trim())
    .addHelpText('after', `\n${output.style('bold', 'Examples:')}\n${examples(command)}`);
  for (const operand of command.operands) sub.argument(operand);
  if (command.choices !== undefined) sub.registeredArguments[0]?.choices(command.choices);
  for (const option of [...command.options, ...COMMON_OPTIONS]) sub.addOption(option);
  return sub.action(() => run(command, { ...environment(), ...sub.opts(), operands: sub.processedArgs.flat() }));
}

function environment(): Pick<Arguments, 'base'> {
  const { BOXSOCKETS_BASE: base } = process.env;
  return base === undefined || base === '' ? {} : { base: path.resolve(base) };
}

function prepare(program: Program, output: Output): Program {
  return program
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      helpWidth: output.proseWidth,
      minWidthToWrap: 8,
      styleTitle: (title) => output.style('bold', title),
    })
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.complain(text.trimEnd()),
      // What is wrong is thrown as well, and told by whoever catches it.
      outputError: () => {},
      getOutHasColors: () => true,
      getErrHasColors: () => false,
    });
}

// Each purpose, and below it the line to paste.
function examples({ name, examples }: Command): string {
  return examples.map(([args, purpose]) => `  ${purpose}\n    boxsockets ${`${name} ${args}`.trim()}`).join('\n');
}
