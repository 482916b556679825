import { BoxSockets } from '../../index.js';
import { bubblewrapArgs, seatbeltPolicy, shellQuote } from '../../sandbox/index.js';
import { type Command, EXIT, OPTION, pick } from '../command.js';
import { ProgramOption } from '../commander.js';

const FORMAT_HELP = 'json: the paths; seatbelt: a profile for macOS; bwrap: a command line for bubblewrap';

export const policy: Command = {
  name: 'policy',
  summary: 'Print the rules that let exactly the sockets of a box through a sandbox',
  operands: ['<ID>', '<DIR>'],
  options: [
    new ProgramOption('--format <FORMAT>', FORMAT_HELP).choices(['json', 'seatbelt', 'bwrap']).makeOptionMandatory(),
    OPTION.base,
    OPTION.uid,
    OPTION.krun,
  ],
  details:
    'A function of the arguments: nothing is looked up, and the answer is the same whether or not the box exists. The ' +
    'bwrap form can be pasted into a shell: it runs sh in the sandbox, or what stands there in its place.',
  examples: [
    ['box1 /home/me/.boxes/boxes/box1/sockets --format bwrap', 'A command line for bubblewrap'],
    ['box1 /home/me/.boxes/boxes/box1/sockets --format seatbelt', 'A profile for sandbox-exec'],
  ],
  run(args, output) {
    const [id = '', dir = ''] = args.operands;
    const { format, json } = args;
    const paths = new BoxSockets(id, dir, pick(args, 'base', 'uid', 'krun')).policyPaths();
    if (format === 'seatbelt') {
      const profile = seatbeltPolicy(paths);
      if (json) output.json({ format, profile });
      else output.line(profile.trimEnd());
    } else if (format === 'bwrap') {
      const words = bubblewrapArgs(paths, { unsharePid: true, dieWithParent: true });
      // Words that begin with a dash begin a line: the arguments are long, and are to be read as well.
      const lines = [['bwrap'], ...SYSTEM, ...grouped(words), ['--', 'sh']].map(shellQuote);
      if (json) output.json({ format, args: words });
      else output.line(lines.join(' \\\n  '));
    } else {
      output.json(paths);
    }
    return EXIT.fine;
  },
};

// What any program needs of the system: its own files, to be read. On a host without a merged /usr the others are
// directories of their own.
const SYSTEM = [
  ['--ro-bind', '/usr', '/usr'],
  ...['/bin', '/sbin', '/lib', '/lib64'].map((dir) => ['--ro-bind-try', dir, dir]),
  ['--proc', '/proc'],
  ['--dev', '/dev'],
];

function grouped(args: string[]): string[][] {
  const starts = args.flatMap((arg, index) => (arg.startsWith('--') ? [index] : []));
  return starts.map((start, at) => args.slice(start, starts[at + 1]));
}
