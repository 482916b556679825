// What stands in a parent: listed, and swept of what leads nowhere.

import { type BindingInfo, BoxSockets, type SweepResult } from '../../index.js';
import { type Command, EXIT, OPTION, pick, watching } from '../command.js';
import { ProgramOption } from '../commander.js';
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

/** What is odd or cannot be told, a line each, and three of them at most. */
function reasonsOf({ mountPoint, sockets }: BindingInfo): string[] {
  const silent = mountPoint === undefined ? [] : [`what is mounted at ${mountPoint} does not answer`];
  const odd = sockets.flatMap(({ name, reason }) => (reason === undefined ? [] : [`${name}: ${reason}`]));
  return [...silent, ...odd].slice(0, 3);
}

function heldOf(sockets: BindingInfo['sockets']): string {
  const held = sockets.filter((socket) => socket.held === true).length;
  const isClear = sockets.every((socket) => typeof socket.held === 'boolean');
  return `${held}${isClear ? '' : '?'}/${sockets.length}`;
}

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
