import { BoxSockets } from '../../index.js';
import { BASE_OPTION, baseAndUid, type Command, EXIT, UID_OPTION } from '../command.js';
import { printable } from '../text.js';

/** `remove ID DIR`. */
export const remove: Command = {
  name: 'remove',
  summary: 'Remove the binding of a box, where it leads to the box or to nothing',
  operands: ['ID', 'DIR'],
  options: [BASE_OPTION, UID_OPTION],
  details:
    'Only a link that leads to DIR, or to nothing, is removed; DIR itself is never touched. ' +
    'A link of the same id that leads elsewhere is left alone: exit status 1.',
  async run(args, output) {
    const [id = '', dir = ''] = args.operands;
    const box = new BoxSockets(id, dir, baseAndUid(args));
    const result = await box.remove();
    if (args.json) output.json(result);
    else {
      const said = {
        removed: 'removed',
        absent: 'absent: there was none',
        foreign: 'foreign: it leads elsewhere and was left alone',
      };
      output.line(`${printable(box.bindingDir)}  ${said[result.status]}`);
    }
    return result.status === 'foreign' ? EXIT.findings : EXIT.fine;
  },
};
