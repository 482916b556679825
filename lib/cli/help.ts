// The help of the whole and of each command.

import { type Command, HELP_OPTION, JSON_OPTION, usageLine } from './command.js';
import type { Output } from './output.js';
import { wrap } from './text.js';

/** `boxsockets --help`. */
export function printHelp(commands: readonly Command[], output: Output): void {
  output.line(`Usage: boxsockets <command> [--json]`);
  output.line();
  const purpose = 'Short, predictable paths for the Unix sockets of boxes, however deep their home.';
  for (const line of wrap(purpose, output.width)) output.line(line);
  output.line();
  output.line(output.style('bold', 'Commands'));
  const synopses = commands.map((command) => [command.name, ...command.operands].join(' '));
  const column = Math.max(...synopses.map((synopsis) => synopsis.length)) + 2;
  commands.forEach((command, index) => {
    printColumns({ output, left: synopses[index] ?? '', column, right: command.summary });
  });
  output.line();
  output.line(output.style('bold', 'Options'));
  printColumns({ output, left: '--json', column, right: JSON_OPTION.help });
  printColumns({ output, left: '--help', column, right: 'show this help; after a command, its own' });
  printColumns({ output, left: '--version', column, right: 'print the version' });
  output.line();
  const statuses = 'Exit status: 0 fine, 1 findings or a failure, 2 wrong usage.';
  for (const line of wrap(statuses, output.width)) output.line(line);
}

/** `boxsockets <command> --help`. */
export function printCommandHelp(command: Command, output: Output): void {
  const [first = '', ...rest] = wrap(`Usage: ${usageLine(command)}`, output.width);
  output.line(first);
  for (const line of rest) output.line(`  ${line}`);
  output.line();
  for (const line of wrap(`${command.summary}.`, output.width)) output.line(line);
  for (const paragraph of command.details?.split('\n\n') ?? []) {
    output.line();
    for (const line of wrap(paragraph, output.width)) output.line(line);
  }
  output.line();
  output.line(output.style('bold', 'Options'));
  const options = [...command.options, JSON_OPTION, HELP_OPTION];
  const left = options.map((option) => `--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`);
  const column = Math.max(...left.map((text) => text.length)) + 2;
  options.forEach((option, index) => {
    const choices = option.choices === undefined ? '' : `: ${option.choices.join(', ')}`;
    printColumns({ output, left: left[index] ?? '', column, right: `${option.help}${choices}` });
  });
}

function printColumns(row: { output: Output; left: string; column: number; right: string }): void {
  const { output, left, column, right } = row;
  const [first = '', ...rest] = wrap(right, output.width - column - 2);
  output.line(`  ${left.padEnd(column)}${first}`);
  for (const line of rest) output.line(`  ${' '.repeat(column)}${line}`);
}
