import { type Command, EXIT } from '../command.js';

export const version: Command = {
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

/** This package's own version: dist/cli/commands/ lies three levels below its directory. */
export function packageVersion(): string {
  return require('../../../package.json').version;
}
