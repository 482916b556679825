import { type BindingInfo, BoxSockets } from '../../index.js';
import { type Command, EXIT, OPTION, pick, watching } from '../command.js';
import type { Output } from '../output.js';
import { plural, printable, shorten } from '../text.js';

export const list: Command = {
  name: 'list',
  summary: 'List the bindings of the parent, where each leads and whether its box lives',
  operands: [],
  options: [OPTION.base, OPTION.uid, OPTION.watch],
  details:
    'live: a process holds a socket there. idle: the directory exists, and no socket in it is held. dangling: it leads ' +
    'to nothing. unreadable: it cannot be resolved. not-a-symlink: something else bears the name. HELD counts the ' +
    'sockets that are held, of all that lie there; a question mark where it cannot be told of some.',
  examples: [
    ['', 'A table'],
    ['--quiet', 'The ids alone, one a line'],
    ['--json | jq -r \'.[] | select(.state == "dangling").id\'', 'What leads to nothing'],
  ],
  run: (args, output) =>
    watching(args, output, async () => {
      const found = await BoxSockets.list(pick(args, 'base', 'uid'));
      // A directory's own order tells nothing.
      const bindings = found.sort((a, b) => (a.id < b.id ? -1 : 1));
      if (args.json) output.json(bindings);
      else if (args.quiet) for (const { id } of bindings) output.line(printable(id));
      else if (bindings.length === 0) output.line('No bindings.');
      else printBindings(bindings, output);
      return EXIT.fine;
    }),
};

function printBindings(bindings: BindingInfo[], output: Output): void {
  const idWidth = Math.min(output.width < 60 ? 12 : 28, Math.max(2, ...bindings.map(({ id }) => printable(id).length)));
  const stateWidth = Math.max(5, ...bindings.map((binding) => binding.state.length));
  output.line(output.style('dim', `${'ID'.padEnd(idWidth)}  ${'STATE'.padEnd(stateWidth)}  HELD  TARGET`));
  for (const binding of bindings) {
    const { id, state, sockets } = binding;
    const style = state === 'live' ? 'green' : state === 'idle' ? 'dim' : 'yellow';
    const reason = binding.code === undefined ? '' : `  (${binding.code})`;
    const room = Math.max(8, output.width - idWidth - stateWidth - 10 - reason.length);
    const target = shorten(printable(binding.target ?? '-'), room, output.glyphs.ellipsis);
    const name = shorten(printable(id), idWidth, output.glyphs.ellipsis).padEnd(idWidth);
    const styled = output.style(style, state.padEnd(stateWidth));
    output.line(`${name}  ${styled}  ${heldOf(sockets).padStart(4)}  ${target}${reason}`);
    for (const line of reasonsOf(binding)) {
      output.line(output.style('dim', `  ${shorten(printable(line), output.width - 2, output.glyphs.ellipsis)}`));
    }
  }
  output.line(output.style('dim', plural(bindings.length, 'binding')));
}

const MOST_REASONS = 3;

/** What is odd or cannot be told, a line each. */
function reasonsOf({ mountPoint, sockets }: BindingInfo): string[] {
  const silent = mountPoint === undefined ? [] : [`what is mounted at ${mountPoint} does not answer`];
  const odd = sockets.flatMap(({ name, reason }) => (reason === undefined ? [] : [`${name}: ${reason}`]));
  return [...silent, ...odd].slice(0, MOST_REASONS);
}

function heldOf(sockets: BindingInfo['sockets']): string {
  const held = sockets.filter((socket) => socket.held === true).length;
  const isClear = sockets.every((socket) => typeof socket.held === 'boolean');
  return `${held}${isClear ? '' : '?'}/${sockets.length}`;
}
