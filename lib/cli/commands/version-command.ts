import * as fs from 'node:fs';
import * as path from 'node:path';
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

/** This package's own version. */
export function packageVersion(): string {
  // dist/cli/commands/ lies three levels below the package's own directory.
  const { version: own } = JSON.parse(fs.readFileSync(path.join(__dirname, '../../../package.json'), 'utf8'));
  return String(own);
}
