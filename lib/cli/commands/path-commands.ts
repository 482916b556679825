// What can be found out of a path: whether a socket binds there, and how a libkrun there names its own.

import * as fs from 'node:fs';
import { assertKrunPin, checkKrunPin, type KrunPin, probeSocketPath, type SocketPathProbe } from '../../index.js';
import { type Command, EXIT, pick, SCHEMES } from '../command.js';
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

export const pin: Command = {
  name: 'pin',
  summary: 'Find out how a libkrun names the socket that it binds beside yours',
  operands: ['<PATH>'],
  options: [new ProgramOption('--expect <SCHEME>', 'fail where it is not this scheme').choices(SCHEMES)],
  details:
    'PATH is a source tree, a source file, a library or a program that contains it: binaries are told by their first ' +
    'bytes. none: no socket of its own. suffix: <peer path>-krun.sock. temp-dir: <TMPDIR>/krun-net-<pid>-<n>.sock. ' +
    'Exit status 1 where the scheme is unknown, ambiguous, or not the expected one.',
  examples: [
    ['vendor/libkrun --expect suffix', 'Fail where the sources do not name it so'],
    ['/usr/lib/libkrun.so.1', 'A built library'],
  ],
  async run({ operands: [path = ''], expect, json, quiet }, output) {
    const input = isBinary(path) ? { library: path } : { source: path };
    const found = await (expect === undefined ? checkKrunPin(input) : assertKrunPin(input, expect));
    if (json) output.json(found);
    else if (quiet) output.line(found.scheme);
    else printPin(found, output);
    return found.scheme === 'unknown' || found.scheme === 'ambiguous' ? EXIT.findings : EXIT.fine;
  },
};

// A binary has a NUL in its first bytes, or is an archive. What cannot be opened is left to the check itself, whose error
// says so.
function isBinary(path: string): boolean {
  const head = Buffer.alloc(512);
  try {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const length = fs.fstatSync(fd).isFile() ? fs.readSync(fd, head) : 0;
    fs.closeSync(fd);
    const read = head.subarray(0, length);
    return read.includes(0) || read.toString('latin1').startsWith('!<arch>');
  } catch {
    return false;
  }
}

function printPin(found: KrunPin, output: Output): void {
  const style = found.scheme === 'unknown' || found.scheme === 'ambiguous' ? 'yellow' : 'green';
  output.line(`scheme   ${output.style(style, found.scheme)}`);
  if (found.suffix !== null) output.line(`suffix   ${printable(found.suffix)}`);
  if (found.longestName !== null) output.line(`longest  ${found.longestName} (${found.longestName.length} bytes)`);
  if (found.evidence.length === 0) output.line('No sign of its network backend is in there.');
  for (const evidence of found.evidence) {
    const where = 'line' in evidence ? `${evidence.file}:${evidence.line}` : `${evidence.file} at ${evidence.offset}`;
    output.line(output.style('dim', printable(where)));
    output.prose(printable(evidence.text), '  ', '  ');
  }
}
