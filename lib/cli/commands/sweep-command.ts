import { BoxSockets, type SweepResult } from '../../index.js';
import { type Command, EXIT, OPTION, pick } from '../command.js';
import { ProgramOption } from '../commander.js';
import type { Output } from '../output.js';
import { plural, printable } from '../text.js';

export const sweep: Command = {
  name: 'sweep',
  summary: 'Remove the bindings whose directory is proven gone',
  operands: [],
  options: [OPTION.base, OPTION.uid, new ProgramOption('--dry-run', 'say what would go, and remove nothing')],
  details:
    'A link that cannot be resolved for any other reason (no permission, an input/output error, a loop) stays and is ' +
    'reported: exit status 1. A home that is unmounted looks gone; the next ensure restores its link.',
  examples: [
    ['--dry-run', 'What would go'],
    ['', 'Remove it'],
  ],
  async run(args, output) {
    const { dryRun = false } = args;
    const result = await BoxSockets.sweepStale(pick(args, 'base', 'uid', 'dryRun'));
    if (args.json) output.json(result);
    else if (args.quiet) for (const name of result.removed) output.line(printable(name));
    else printSweep(result, dryRun, output);
    return result.skipped.length > 0 ? EXIT.findings : EXIT.fine;
  },
};

function printSweep({ removed, kept, skipped }: SweepResult, dryRun: boolean, output: Output): void {
  for (const name of removed) output.line(`${dryRun ? 'would remove' : 'removed'}  ${printable(name)}`);
  for (const { name, code } of skipped) {
    output.line(`${output.style('yellow', 'skipped')}  ${printable(name)}  (${code})`);
  }
  const counts = [`${removed.length} ${dryRun ? 'to remove' : 'removed'}`, `${kept} kept`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  const total = removed.length + kept + skipped.length;
  output.line(output.style('dim', `${plural(total, 'binding')}: ${counts.join(', ')}`));
}
