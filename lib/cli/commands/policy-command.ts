import { BoxSockets, type PathAccess } from '../../index.js';
import { bubblewrapArgs, seatbeltPolicy, shellQuote } from '../../sandbox/index.js';
import { boxOptions, type Command, EXIT, OPTION } from '../command.js';
import type { Output } from '../output.js';

/** `policy ID DIR --format FORMAT`. */
export const policy: Command = {
  name: 'policy',
  summary: 'Print the rules that let exactly the sockets of a box through a sandbox',
  operands: [{ name: 'ID' }, { name: 'DIR' }],
  options: [
    {
      name: 'format',
      value: 'FORMAT',
      choices: ['json', 'seatbelt', 'bwrap'],
      required: true,
      help: 'json: the paths; seatbelt: a profile for macOS; bwrap: a command line for bubblewrap',
    },
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
    const box = new BoxSockets(id, dir, boxOptions(args));
    print(args.text('format') ?? '', box.policyPaths(), { output, json: args.json });
    return EXIT.fine;
  },
};

function print(format: string, paths: PathAccess[], to: { output: Output; json: boolean }): void {
  const { output, json } = to;
  const profile = format === 'seatbelt' ? seatbeltPolicy(paths) : '';
  const args = format === 'bwrap' ? bubblewrapArgs(paths, { unsharePid: true, dieWithParent: true }) : [];
  if (format === 'json') output.json(paths);
  else if (json) output.json(format === 'seatbelt' ? { format, profile } : { format, args });
  else if (format === 'seatbelt') output.line(profile.trimEnd());
  // Words that begin with a dash begin a line: the arguments are long, and are to be read as well.
  else
    output.line(
      [['bwrap'], ...SYSTEM, ...grouped(args), ['--', 'sh']].map((group) => shellQuote(group)).join(' \\\n  '),
    );
}

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
