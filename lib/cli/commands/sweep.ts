import { BoxSockets } from '../../index.js';
import { BASE_OPTION, baseAndUid, type Command, EXIT, UID_OPTION } from '../command.js';
import { plural, printable } from '../text.js';

/** `sweep`. */
export const sweep: Command = {
  name: 'sweep',
  summary: 'Remove the bindings whose directory is proven gone',
  operands: [],
  options: [BASE_OPTION, UID_OPTION, { name: 'dry-run', help: 'say what would go, and remove nothing' }],
  details:
    'A link that cannot be resolved for any other reason (no permission, an input/output error, a loop) stays and is ' +
    'reported: exit status 1. A home that is unmounted looks gone; the next ensure restores its link.',
  async run(args, output) {
    const dryRun = args.flag('dry-run');
    const result = await BoxSockets.sweepStale({ ...baseAndUid(args), dryRun });
    if (args.json) output.json(result);
    else {
      const verb = dryRun ? 'would remove' : 'removed';
      for (const name of result.removed) output.line(`${verb}  ${printable(name)}`);
      for (const { name, code } of result.skipped) {
        output.line(`${output.style('yellow', 'skipped')}  ${printable(name)}  (${code})`);
      }
      const counts = [`${result.removed.length} ${dryRun ? 'to remove' : 'removed'}`, `${result.kept} kept`];
      if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`);
      const total = result.removed.length + result.kept + result.skipped.length;
      output.line(output.style('dim', `${plural(total, 'binding')}: ${counts.join(', ')}`));
    }
    return result.skipped.length > 0 ? EXIT.findings : EXIT.fine;
  },
};
