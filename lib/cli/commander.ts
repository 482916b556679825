// What the command line needs of commander. The build packs it into this file: the package has no dependencies.

export { Argument, Command as Program, CommanderError, InvalidArgumentError, Option as ProgramOption } from 'commander';
