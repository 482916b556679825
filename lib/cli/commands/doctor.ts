import type { KrunScheme } from '../../index.js';
import { BASE_OPTION, baseOf, type Command, EXIT, KRUN_OPTION, UID_OPTION } from '../command.js';
import { examine } from '../doctor/doctor.js';
import { Interruption } from '../doctor/interruption.js';
import { renderReport } from '../doctor/render.js';
import { ownUid } from '../doctor/report.js';

/** `doctor`. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'Check everything: limits, base, parent, cleaners, and every box of a home',
  operands: [],
  options: [
    { name: 'home', value: 'DIR', help: 'the home whose boxes to check: DIR/boxes/<id>/sockets' },
    BASE_OPTION,
    UID_OPTION,
    KRUN_OPTION,
  ],
  details:
    'Each finding comes with its remedy. Nothing is changed: sockets are probed under names of their own and removed. ' +
    'Without --home, a home of 300 bytes is made, shown to fail directly and to work through its binding, and removed. ' +
    'Exit status 1 where a finding is an error or a warning.',
  examples: [
    ['', 'Does it work on this machine?'],
    ['--home ~/.boxes', 'Every box of a home'],
    ["--home ~/.boxes --json | jq -r '.findings[].remedy'", 'What to do'],
  ],
  async run(args, output) {
    const request = {
      home: args.text('home') ?? null,
      base: baseOf(args) ?? null,
      uid: args.number('uid') ?? ownUid(),
      krun: (args.text('krun') as KrunScheme | undefined) ?? null,
    };
    const interruption = new Interruption();
    try {
      const { report, selfCheck } = await examine(request, { interruption, progress: (step) => output.progress(step) });
      if (!interruption.received) {
        if (args.json) output.json(report);
        else renderReport(report, selfCheck, output);
      }
      return report.ok ? EXIT.fine : EXIT.findings;
    } finally {
      output.clearProgress();
      await interruption.end();
    }
  },
};
