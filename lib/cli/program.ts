// Makes commander's program of our commands: it parses, checks, helps and says what may have been meant.

import { type Arguments, COMMON_OPTIONS, type Command, type Operand, type Option } from './command.js';
import { Argument, InvalidArgumentError, Program, ProgramOption } from './commander.js';
import { packageVersion } from './commands/version-command.js';
import type { Output } from './output.js';

const PURPOSE = 'Short, predictable paths for the Unix sockets of boxes, however deep their home.';
const STATUSES = 'Exit status: 0 fine, 1 findings or a failure, 2 wrong usage.';

/** The program; `run` is called with the command that was asked for. */
export function buildProgram(
  commands: readonly Command[],
  output: Output,
  run: (command: Command, args: Arguments) => Promise<void>,
): Program {
  const program = prepare(new Program('boxsockets'), output)
    .description(PURPOSE)
    .version(packageVersion(), '--version', 'print the version')
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .addHelpText('after', `\n${STATUSES}`);
  for (const command of commands) program.addCommand(toSubcommand(command, output, run));
  return program;
}

function toSubcommand(
  command: Command,
  output: Output,
  run: (command: Command, args: Arguments) => Promise<void>,
): Program {
  const sub = prepare(new Program(command.name), output)
    .summary(command.summary)
    .description([`${command.summary}.`, command.details ?? ''].join('\n\n').trim());
  for (const operand of command.operands) {
    const argument = new Argument(operandWord(operand));
    const { choices } = operand;
    sub.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of [...command.options, ...COMMON_OPTIONS]) sub.addOption(toOption(option));
  sub.addHelpText('after', `\n${output.style('bold', 'Examples:')}\n${examples(command)}`);
  return sub.action(() => run(command, argumentsOf(sub)));
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

function toOption({ name, also, value, choices, atLeast, repeated, required, conflicts, help }: Option): ProgramOption {
  const names = [`--${name}`, ...(also === undefined ? [] : [`--${also}`])].join(', ');
  const option = new ProgramOption(value === undefined ? names : `${names} <${value}>`, help);
  if (choices !== undefined) return option.choices(choices).makeOptionMandatory(required === true);
  if (value === undefined) return option.conflicts(conflicts ?? []);
  return option.argParser<string | string[]>((text, previous) => {
    if (text === '') throw new InvalidArgumentError('It must not be empty.');
    // Number() would take '0x10', ' 1' and '1e3' as well.
    if (atLeast !== undefined && !(/^\d{1,10}$/.test(text) && Number(text) >= atLeast)) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${atLeast}.`);
    }
    return repeated === true ? [...[previous ?? []].flat(), text] : text;
  });
}

function argumentsOf(sub: Program): Arguments {
  // Of two long names, commander calls the first the short one.
  const nameOf = ({ long, short }: ProgramOption) => (short?.startsWith('--') === true ? short : long);
  const values = new Map(sub.options.map((option) => [nameOf(option), sub.getOptionValue(option.attributeName())]));
  const text = (name: string): string | undefined => values.get(`--${name}`);
  const flag = (name: string) => values.get(`--${name}`) === true;
  return {
    operands: sub.processedArgs.flat(),
    json: flag('json'),
    quiet: flag('quiet'),
    flag,
    text,
    texts: (name) => values.get(`--${name}`) ?? [],
    number: (name) => (text(name) === undefined ? undefined : Number(text(name))),
  };
}

// Each purpose, and below it the line to paste.
function examples(command: Command): string {
  return command.examples
    .map(([args, purpose]) => `  ${purpose}\n    boxsockets ${`${command.name} ${args}`.trim()}`)
    .join('\n');
}

/** `boxsockets ensure <ID> <DIR> …`, in one line. */
export function usageLine(command: Command): string {
  return ['boxsockets', command.name, '[options]', ...command.operands.map(operandWord)].join(' ');
}

function operandWord({ name, optional, repeated }: Operand): string {
  const word = repeated === true ? `${name}...` : name;
  return optional === true ? `[${word}]` : `<${word}>`;
}
