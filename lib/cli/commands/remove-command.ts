import { BoxSockets } from '../../index.js';
import { type Command, EXIT, OPTION, pick } from '../command.js';
import { printable } from '../text.js';

const SAID = {
  removed: 'removed',
  absent: 'absent: there was none',
  foreign: 'foreign: it leads elsewhere and was left alone',
};

export const remove: Command = {
  name: 'remove',
  summary: 'Remove the binding of a box, where it leads to the box or to nothing',
  operands: ['<ID>', '<DIR>'],
  options: [OPTION.base, OPTION.uid],
  details:
    'Only a link that leads to DIR, or to nothing, is removed; DIR itself is never touched. ' +
    'A link of the same id that leads elsewhere is left alone: exit status 1.',
  examples: [['box1 ~/.boxes/boxes/box1/sockets', 'The binding of a box']],
  async run(args, output) {
    const [id = '', dir = ''] = args.operands;
    const box = new BoxSockets(id, dir, pick(args, 'base', 'uid'));
    const result = await box.remove();
    if (args.json) output.json(result);
    else if (!args.quiet) output.line(`${printable(box.bindingDir)}  ${SAID[result.status]}`);
    return result.status === 'foreign' ? EXIT.findings : EXIT.fine;
  },
};
