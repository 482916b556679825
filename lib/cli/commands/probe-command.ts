import { probeSocketPath, type SocketPathProbe } from '../../index.js';
import { type Command, EXIT, pick } from '../command.js';
import { ProgramOption } from '../commander.js';
import type { Output } from '../output.js';
import { printable } from '../text.js';

export const probe: Command = {
  name: 'probe',
  summary: 'Find out whether a socket really binds at a path, and if not, why',
  operands: ['<PATH>'],
  options: [new ProgramOption('--type <TYPE>', 'the kind of socket (default stream)').choices(['stream', 'dgram'])],
  details:
    'Binds a socket of a stand-in name of the same length beside it, dials it, and removes it. ' +
    'What is at the path is left alone. Exit status 1 where it does not bind.',
  examples: [
    ['/srv/very/deep/home/boxes/box1/sockets/ready.sock', 'Would it bind?'],
    ['--type dgram ./net.sock', 'The same for a datagram socket'],
  ],
  async run(args, output) {
    const [path = ''] = args.operands;
    const report = await probeSocketPath(path, pick(args, 'type'));
    if (args.json) output.json(report);
    else if (!args.quiet) printProbe(report, output);
    return report.ok ? EXIT.fine : EXIT.findings;
  },
};

function printProbe(report: SocketPathProbe, output: Output): void {
  const { glyphs } = output;
  const verdict = report.ok
    ? output.style('green', `${glyphs.good} binds`)
    : output.style('red', `${glyphs.bad} ${report.code ?? 'does not bind'}`);
  output.line(`${verdict}  ${report.type}  ${report.bytes} of ${report.limit} bytes  ${printable(report.path)}`);
  const notes = [
    report.message,
    report.held === 'unknown' && `Whether it is held cannot be known: ${report.reason}.`,
    report.nodeTruncates &&
      `Node ${process.version} binds a cut path here without a word: net.Server.listen would make another file.`,
  ];
  for (const note of notes) if (note) output.prose(printable(note), '  ', '  ');
}
