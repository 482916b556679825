// The commands of one box: its binding made and removed, and the rules that let its sockets through a sandbox.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoxSockets } from '../../index.js';
import { bubblewrapArgs, seatbeltPolicy, shellQuote } from '../../sandbox/index.js';
import { type Arguments, type Command, EXIT, OPTION, pick, valued, wholeNumber } from '../command.js';
import { InvalidArgumentError, ProgramOption } from '../commander.js';
import { printable } from '../text.js';

export const ensure: Command = {
  name: 'ensure',
  summary: 'Make a binding lead to a directory of sockets',
  operands: ['[ID]', '[DIR]'],
  options: [
    valued('--dir <DIR>', 'any directory in the place of ID and DIR: its id is made of its path'),
    OPTION.name,
    OPTION.base,
    OPTION.uid,
    OPTION.krun,
    new ProgramOption('--takeover', 'replace a binding of a live box of the same id, or one that cannot be read'),
    valued('--lock-timeout <MS>', 'how long to wait for other processes (default: 5000)', wholeNumber),
  ],
  details:
    'Prints the path through which the sockets are to be bound and dialed. Doing it again changes nothing. The ' +
    'directory must exist; the parent is made where it is missing. With --dir, the names of a box do not count: name ' +
    'the sockets that are to fit with --name.',
  examples: [
    ['box1 ~/.boxes/boxes/box1/sockets', 'The sockets of a box'],
    ['--quiet --dir ./run --name app.sock', 'Any directory; prints the short path alone'],
  ],
  async run(args, output) {
    refuseAnotherUser(args.uid);
    const box = boxOf(args);
    const result = await box.ensure(pick(args, 'takeover', 'lockTimeout'));
    if (args.json) output.json(result);
    else if (args.quiet) output.line(result.bindingDir);
    else {
      const arrow = `${output.style('bold', printable(result.bindingDir))} ${output.glyphs.arrow} ${printable(box.realDir)}`;
      output.line(`${result.status.padEnd(9)}  ${arrow}`);
    }
    return EXIT.fine;
  },
};

// What root made in the place of another user's parent, that user could not use, nor remove. A uid that is not mapped here
// is this user's own, as a shim in a namespace is told it.
function refuseAnotherUser(uid: number | undefined): void {
  if (uid === undefined || uid === process.getuid?.() || !isMapped(uid)) return;
  throw new InvalidArgumentError(`that user makes what is missing there: sudo -u '#${uid}' boxsockets ensure …`);
}

function isMapped(uid: number): boolean {
  if (process.platform !== 'linux') return true;
  const ranges = fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return ranges.some((range) => {
    const [first = 0, , count = 0] = range.trim().split(/\s+/).map(Number);
    return uid >= first && uid < first + count;
  });
}

function boxOf(args: Arguments): BoxSockets {
  const { dir, operands } = args;
  const [id, realDir] = operands;
  const options = pick(args, 'base', 'uid', 'krun', 'names');
  if (dir !== undefined && id === undefined) {
    const absolute = path.resolve(dir);
    return new BoxSockets(BoxSockets.idFor(absolute), absolute, { ...options, standardNames: false });
  }
  if (dir !== undefined || id === undefined || realDir === undefined) {
    throw new InvalidArgumentError('give either ID and DIR, or --dir DIR');
  }
  return new BoxSockets(id, realDir, options);
}

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
