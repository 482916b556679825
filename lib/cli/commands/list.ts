import { type BindingInfo, BoxSockets } from '../../index.js';
import { BASE_OPTION, baseAndUid, type Command, EXIT, UID_OPTION } from '../command.js';
import type { Output } from '../output.js';
import { plural, printable, shorten } from '../text.js';

/** `list`. */
export const list: Command = {
  name: 'list',
  summary: 'List the bindings of the parent, where each leads and whether its box lives',
  operands: [],
  options: [BASE_OPTION, UID_OPTION],
  details:
    'live: a process holds a socket there. idle: the directory exists, and no socket in it is held. dangling: it leads ' +
    'to nothing. unreadable: it cannot be resolved. not-a-symlink: something else bears the name.',
  async run(args, output) {
    const bindings = await BoxSockets.list(baseAndUid(args));
    if (args.json) output.json(bindings);
    else if (bindings.length === 0) output.line('No bindings.');
    else printBindings(bindings, output);
    return EXIT.fine;
  },
};

function printBindings(bindings: BindingInfo[], output: Output): void {
  const idWidth = Math.min(28, Math.max(2, ...bindings.map((binding) => binding.id.length)));
  const stateWidth = Math.max(5, ...bindings.map((binding) => binding.state.length));
  output.line(output.style('dim', `${'ID'.padEnd(idWidth)}  ${'STATE'.padEnd(stateWidth)}  HELD  TARGET`));
  // A directory's own order tells nothing.
  const sorted = [...bindings].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const binding of sorted) {
    const held = binding.sockets.filter((socket) => socket.held).length;
    const { id, state } = binding;
    const style = state === 'live' ? 'green' : state === 'idle' ? 'dim' : 'yellow';
    const reason = binding.code === undefined ? '' : `  (${binding.code})`;
    const room = Math.max(20, output.width - idWidth - stateWidth - 10 - reason.length);
    const target = shorten(printable(binding.target ?? '-'), room, output.glyphs.ellipsis);
    output.line(
      [
        shorten(printable(id), idWidth, output.glyphs.ellipsis).padEnd(idWidth),
        output.style(style, state.padEnd(stateWidth)),
        `${held}/${binding.sockets.length}`.padStart(4),
        target + reason,
      ].join('  '),
    );
  }
  output.line(output.style('dim', plural(bindings.length, 'binding')));
}
