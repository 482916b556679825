import * as path from 'node:path';
import { BoxSockets } from '../../index.js';
import { type Arguments, type Command, EXIT, OPTION, pick, valued, watching } from '../command.js';
import { ProgramOption } from '../commander.js';
import { examine } from '../doctor/examine.js';
import { Interruption } from '../doctor/interruption.js';
import { renderReport, verdict } from '../doctor/render.js';
import type { Output } from '../output.js';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Check everything: limits, base, parent, cleaners, and every box of a home',
  operands: [],
  options: [
    valued('--home <DIR>', 'the home whose boxes to check: DIR/boxes/<id>/sockets', (text) => path.resolve(text)),
    new ProgramOption('--verbose', 'draw every box, and tell of the machine'),
    OPTION.watch,
    OPTION.name,
    OPTION.base,
    OPTION.uid,
    OPTION.krun,
  ],
  details:
    'The verdict comes first, then a line for each box, then one finding for each cause, with what to do: commands to ' +
    'paste, of which the first looks and none destroys. Nothing is changed: sockets are probed under names of their own ' +
    "and removed. Another user's home is looked at as that user. Without --home, a home of 300 bytes is made, shown to " +
    'fail directly and to work through its binding, and removed. Exit status 1 where a finding is an error or a warning.',
  examples: [
    ['', 'Does it work on this machine?'],
    ['--home ~/.boxes', 'Every box of a home'],
    ['--home ~/.boxes --watch', 'The same, again and again'],
    ["--home ~/.boxes --json | jq -r '.findings[].remedy'", 'What to do'],
  ],
  run: async (args, output) => {
    const interruption = new Interruption();
    try {
      return await watching(args, output, () => interruption.during(() => examineOnce(args, output, interruption)));
    } finally {
      interruption.release();
    }
  },
};

async function examineOnce(args: Arguments, output: Output, interruption: Interruption): Promise<number> {
  // Where it is told no uid, the constructor knows which one names the parent.
  const uid = args.uid ?? Number(new BoxSockets('any', '/').parentDir.split('-').at(-1));
  const given = pick(args, 'home', 'base', 'krun', 'names');
  const request = { home: null, base: null, krun: null, names: [], ...given, uid };
  const { report, selfCheck } = await examine(request, output, interruption);
  if (interruption.received) output.clearProgress();
  else if (args.json) output.json(report);
  else if (args.quiet) output.line(verdict(report, output));
  else renderReport(report, selfCheck, args.verbose === true, output);
  return report.ok ? EXIT.fine : EXIT.findings;
}
