// Finds the command, reads its arguments, runs it, and turns what it throws into an exit status.

import { type Command, EXIT, parseArguments, usageLine } from './command.js';
import { doctor } from './commands/doctor.js';
import { ensure } from './commands/ensure.js';
import { list } from './commands/list.js';
import { pin } from './commands/pin.js';
import { policy } from './commands/policy.js';
import { probe } from './commands/probe.js';
import { remove } from './commands/remove.js';
import { sweep } from './commands/sweep.js';
import { printCommandHelp, printHelp } from './help.js';
import type { Output } from './output.js';
import { failureDocument, isArgumentError, printFailure } from './print-failure.js';
import { wrap } from './text.js';
import { packageVersion } from './version.js';

const COMMANDS: readonly Command[] = [doctor, ensure, remove, list, sweep, probe, pin, policy];

/**
 * Runs the command line.
 *
 * @param argv what follows the program's name.
 * @returns the exit status: 0 fine, 1 findings or a failure, 2 wrong usage.
 */
export async function runCli(argv: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--help' || name === '-h') return done(() => printHelp(COMMANDS, output));
  if (name === '--version') return done(() => printVersion(rest.includes('--json'), output));
  const command = COMMANDS.find((candidate) => candidate.name === name);
  const json = wantsJson(argv);
  if (command === undefined) {
    const message = name === undefined || name === '--json' ? 'No command given' : `Unknown command '${name}'`;
    return wrongUsage({ message, usage: 'boxsockets <command> [--json]', json, output });
  }
  const parsed = parseArguments(command, rest);
  if (parsed.kind === 'help') return done(() => printCommandHelp(command, output));
  if (parsed.kind === 'usage') {
    return wrongUsage({ message: parsed.message, usage: usageLine(command), json, output });
  }
  try {
    return await command.run(parsed.args, output);
  } catch (error) {
    const failure = failureDocument(error);
    if (failure === null) throw error; // a fault of this program: its stack says where
    printFailure(failure, parsed.args.json, output);
    return isArgumentError(error) ? EXIT.usage : EXIT.findings;
  } finally {
    output.clearProgress();
  }
}

function done(print: () => void): number {
  print();
  return EXIT.fine;
}

// Also where the arguments cannot be read: who asks for JSON gets JSON.
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

function wrongUsage(wrong: { message: string; usage: string; json: boolean; output: Output }): number {
  const { message, usage, json, output } = wrong;
  if (json) {
    output.json({ ok: false, error: { code: 'ERR_BOX_SOCKETS_USAGE', message: `${message}. Usage: ${usage}` } });
    return EXIT.usage;
  }
  output.complain(`boxsockets: ${message}`);
  const [first = '', ...rest] = wrap(`Usage: ${usage}`, output.width);
  output.complain(first);
  for (const line of rest) output.complain(`  ${line}`);
  output.complain('Try "boxsockets --help".');
  return EXIT.usage;
}

function printVersion(json: boolean, output: Output): void {
  const version = packageVersion();
  if (json) output.json({ version });
  else output.line(version);
}
