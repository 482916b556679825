import { BoxSockets, type KrunScheme } from '../../index.js';
import { BASE_OPTION, baseAndUid, type Command, EXIT, KRUN_OPTION, UID_OPTION } from '../command.js';
import { printable } from '../text.js';

/** `ensure ID DIR`. */
export const ensure: Command = {
  name: 'ensure',
  summary: 'Make the binding of a box lead to its directory of sockets',
  operands: ['ID', 'DIR'],
  options: [
    BASE_OPTION,
    UID_OPTION,
    KRUN_OPTION,
    { name: 'takeover', help: 'replace a binding of a live box of the same id, or one that cannot be read' },
    { name: 'lock-timeout', value: 'MS', atLeast: 0, help: 'how long to wait for other processes (default 5000)' },
  ],
  details:
    'Prints the path through which the sockets are to be bound and dialed. Doing it again changes nothing. ' +
    'The home of the box must exist; the parent is made where it is missing.',
  async run(args, output) {
    const [id = '', dir = ''] = args.operands;
    const krun = args.text('krun') as KrunScheme | undefined;
    const box = new BoxSockets(id, dir, { ...baseAndUid(args), ...(krun !== undefined && { krun }) });
    const lockTimeout = args.number('lock-timeout');
    const result = await box.ensure({
      takeover: args.flag('takeover'),
      ...(lockTimeout !== undefined && { lockTimeout }),
    });
    if (args.json) output.json(result);
    else {
      const arrow = `${output.style('bold', printable(result.bindingDir))} ${output.glyphs.arrow} ${printable(box.realDir)}`;
      output.line(`${result.status.padEnd(9)}  ${arrow}`);
    }
    return EXIT.fine;
  },
};
