// The man page, made of the table of commands that the build has just compiled.

import { createRequire } from 'node:module';
import path from 'node:path';

import { root } from '../tools/checkout.mjs';

/** @returns {string} `boxsockets.1` */
export function manPage() {
  const require = createRequire(import.meta.url);
  const { version } = require(path.join(root, 'package.json'));
  /** @type {{ COMMANDS: any[] }} */
  const { COMMANDS } = require(path.join(root, 'dist/cli/cli.js'));
  const { COMMON_OPTIONS } = require(path.join(root, 'dist/cli/command.js'));
  const commands = COMMANDS.flatMap((command) => [
    `.SS ${roff(command.name)}`,
    `.B ${roff(['boxsockets', command.name, '[options]', ...command.operands].join(' '))}`,
    '.PP',
    roff(`${command.summary}. ${command.details ?? ''}`),
    ...command.options.flatMap(option),
    ...command.examples.flatMap((/** @type {string[]} */ [args, purpose = '']) => {
      return ['.PP', roff(purpose), '.RS', '.nf', roff(`boxsockets ${command.name} ${args}`.trim()), '.fi', '.RE'];
    }),
  ]);
  return `.TH BOXSOCKETS 1 "" "boxsockets ${roff(version)}"
.SH NAME
boxsockets \\- short, predictable paths for the Unix sockets of boxes
.SH SYNOPSIS
.B boxsockets
.I command
[options] [operands]
.SH DESCRIPTION
A Unix socket address holds 108 bytes on Linux and 104 on macOS. Every socket of a box is bound and dialed
through one short symlink, /tmp/bl\\-<uid>/<id>, that leads to the directory in which it really lies.
.SH COMMANDS
${commands.join('\n')}
.SH OPTIONS OF EVERY COMMAND
${COMMON_OPTIONS.flatMap(option).join('\n')}
.SH ENVIRONMENT
.TP
.B BOXSOCKETS_BASE
The base where no \\-\\-base is given.
.TP
.B NO_COLOR
No colours, whatever it holds.
.SH EXIT STATUS
0 fine, 1 findings or a failure, 2 wrong usage.
`;
}

/** @param {import('commander').Option} option */
function option({ flags, argChoices, description }) {
  const values = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  return ['.TP', `.B ${roff(flags).replace(/<(.+)>/, '\\fI$1\\fR')}`, roff(description + values)];
}

// A dash that is to be pasted, and what begins a line and would be a request.
/** @param {string} text */
function roff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
