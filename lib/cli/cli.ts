// Runs one command line: commander parses, checks, helps and says what may have been meant, and what a command throws
// becomes an exit status.

import * as path from 'node:path';
import { BoxSocketsError } from '../index.js';
import { type Arguments, COMMON_OPTIONS, type Command, EXIT } from './command.js';
import { CommanderError, Program } from './commander.js';
import { ensure, policy, remove } from './commands/box-commands.js';
import { completion } from './commands/completion-command.js';
import { doctor } from './commands/doctor-command.js';
import { list, sweep } from './commands/parent-commands.js';
import { pin, probe } from './commands/path-commands.js';
import type { Output } from './output.js';
import { packageVersion, printable } from './text.js';

const version: Command = {
  name: 'version',
  summary: 'Print the version',
  operands: [],
  options: [],
  examples: [['--json', 'As a document']],
  run(args, output) {
    const found = { version: packageVersion(), node: process.version, platform: process.platform, arch: process.arch };
    if (args.json) output.json(found);
    else output.line(found.version);
    return EXIT.fine;
  },
};

/** Every command, in the order of the help. */
export const COMMANDS = [doctor, ensure, remove, list, sweep, probe, pin, policy, completion, version];

/** Runs the command line, `argv` without the program's name, and returns the exit status. */
export async function runCli(argv: readonly string[], output: Output): Promise<number> {
  let status: number = EXIT.fine;
  const program = prepare(new Program('boxsockets'), output)
    .description('Short, predictable paths for the Unix sockets of boxes, however deep their home.')
    .version(packageVersion(), '--version', 'print the version')
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .addHelpText('after', '\nExit status: 0 fine, 1 findings or a failure, 2 wrong usage.');
  for (const command of COMMANDS) {
    const sub = toSubcommand(command, output);
    sub.action(async () => {
      status = await command.run(argumentsOf(sub), output, program);
    });
    program.addCommand(sub);
  }
  const json = wantsJson(argv);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : wrongUsage(error, json, output);
    const failure = failureDocument(error);
    if (failure === null) throw error; // a fault of this program: its stack says where
    if (json) output.json({ ok: false, error: failure });
    else printFailure(failure, output);
    // The caller is to blame for an argument that the library refuses before it touches anything.
    const isRefused = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE'].includes(failure.code);
    return isRefused && !(error instanceof BoxSocketsError) ? EXIT.usage : EXIT.findings;
  } finally {
    output.clearProgress();
  }
}

function toSubcommand(command: Command, output: Output): Program {
  const { name, summary, details, operands, choices, options, examples } = command;
  // Each purpose, and below it the line to paste.
  const lines = examples.map(([args, purpose]) => `  ${purpose}\n    boxsockets ${`${name} ${args}`.trim()}`);
  const sub = prepare(new Program(name), output)
    .summary(summary)
    .description(details === undefined ? `${summary}.` : `${summary}.\n\n${details}`)
    .addHelpText('after', `\n${output.style('bold', 'Examples:')}\n${lines.join('\n')}`);
  for (const operand of operands) sub.argument(operand);
  if (choices !== undefined) sub.registeredArguments[0]?.choices(choices);
  for (const option of [...options, ...COMMON_OPTIONS]) sub.addOption(option);
  return sub;
}

function argumentsOf(sub: Program): Arguments {
  const { BOXSOCKETS_BASE: base = '' } = process.env;
  return { ...(base !== '' && { base: path.resolve(base) }), ...sub.opts(), operands: sub.processedArgs.flat() };
}

function prepare(program: Program, output: Output): Program {
  const bold = (title: string) => output.style('bold', title);
  return program
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ helpWidth: output.proseWidth, minWidthToWrap: 8, styleTitle: bold })
    .configureOutput({
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.complain(text.trimEnd()),
      // What is wrong is thrown as well, and told by whoever catches it.
      outputError: () => {},
      getOutHasColors: () => true,
      getErrHasColors: () => false,
    });
}

// Also where the arguments cannot be read: who asks for JSON gets JSON.
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

function wrongUsage({ code, message }: CommanderError, json: boolean, output: Output): number {
  const said = message.replace(/^error: /, '');
  if (json) {
    output.json({ ok: false, error: { code: 'ERR_BOX_SOCKETS_USAGE', message: said } });
  } else if (code !== 'commander.help') {
    // Where no command was named, the help has been shown.
    output.complain(`boxsockets: ${said}`);
    output.complain('See boxsockets help.');
  }
  return EXIT.usage;
}

/** An error as `--json` prints it, with all that it carries, and with the one that it rests on. */
type FailureDocument = { code: string; message: string; cause?: FailureDocument };

/** The document of an error; null where it is no failure of an operation but a fault of the program. */
function failureDocument(error: unknown): FailureDocument | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  const carried = Object.entries(error).filter(([, value]) => ['string', 'number'].includes(typeof value));
  const cause = failureDocument(error.cause);
  return { code: error.code, message: error.message, ...Object.fromEntries(carried), ...(cause !== null && { cause }) };
}

function printFailure(failure: FailureDocument, output: Output): void {
  const message = WORDS.reduce((text, [theirs, ours]) => text.replace(theirs, ours), failure.message);
  const [first = '', ...rest] = message.split('\n').map(printable);
  output.complain(`boxsockets: ${first}`);
  for (const line of rest) output.complain(line);
  if (!failure.message.includes(failure.code)) output.complain(`  code  ${failure.code}`);
  if (failure.cause !== undefined) output.complain(`  cause ${printable(failure.cause.message)}`);
}

// The library speaks to whoever calls it: what it calls an option of a function is one of a command here.
const WORDS: readonly [RegExp, string][] = [
  [/(?:pass )?\{ takeover: true \}/g, 'add --takeover'],
  [/\(lockTimeout\)/g, '(--lock-timeout)'],
  [/[Cc]all ensure\(\)/g, 'run boxsockets ensure'],
  [/The (?:argument )?['"]options\.([a-z]+)(?:\[\d+\])?['"](?: argument)?/g, '--$1'],
];
