// The page that `doctor` prints: the verdict, a line for each box, each finding with what to do, and the rest on demand.

import type { Output } from '../output.js';
import { plural, printable, shorten, wrap } from '../text.js';
import { packageVersion } from '../version.js';
import type { DirectBind } from './direct-bind.js';
import { renderBars } from './render-bars.js';
import type { BoxReport, DoctorReport, Finding } from './report.js';
import type { SelfCheck } from './self-check.js';

// Boxes in order that get a line; what is not gets one whatever the number.
const MOST_IN_ORDER = 20;
const MOST_LINES = 6;
const MOST_DRAWN = 3;

/** Prints the report. */
export function renderReport(
  report: DoctorReport,
  selfCheck: SelfCheck | null,
  verbose: boolean,
  output: Output,
): void {
  output.line(verdict(report, output));
  if (verbose || selfCheck !== null) renderMachine(report, output);
  if (selfCheck !== null) renderDirect(selfCheck, output);
  renderBoxes(report.boxes, verbose, output);
  for (const finding of report.findings) {
    // Drawn above, and nothing to be done about.
    if (finding.code !== 'direct-bind') renderFinding(finding, verbose, output);
  }
  const drawn = verbose ? report.boxes : report.boxes.filter((box) => box.sockets.some(isBroken)).slice(0, MOST_DRAWN);
  for (const box of drawn) renderBars(box, output);
  if (selfCheck !== null) {
    output.line();
    output.line(output.style('dim', 'Next: boxsockets doctor --home DIR'));
  }
}

/** The first line, which says it all. */
export function verdict({ ok, boxes, findings }: DoctorReport, output: Output): string {
  const count = (severity: Finding['severity']) => findings.filter((one) => one.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const checked = `${plural(boxes.length, 'box', 'boxes')} checked`;
  if (ok) return output.style('green', `${output.glyphs.good} All is well: ${checked}.`);
  const counts = [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : ''];
  const broken = boxes.filter((box) => stateOf(box).word !== 'ok').length;
  const which = broken > 0 ? `${broken} of ${plural(boxes.length, 'box', 'boxes')} not in order` : checked;
  const text = `${which}: ${counts.filter((part) => part !== '').join(', ')}.`;
  return output.style(errors > 0 ? 'red' : 'yellow', `${output.glyphs[errors > 0 ? 'bad' : 'warning']} ${text}`);
}

function renderBoxes(boxes: BoxReport[], verbose: boolean, output: Output): void {
  if (boxes.length === 0) return;
  output.line();
  const idWidth = Math.min(output.width < 60 ? 14 : 30, Math.max(...boxes.map(({ id }) => printable(id).length)));
  const told = boxes.map((box) => ({ box, state: stateOf(box) }));
  const inOrder = told.filter(({ state }) => state.word === 'ok');
  const shown = new Set(verbose ? inOrder : inOrder.slice(0, MOST_IN_ORDER));
  for (const one of told) {
    if (one.state.word === 'ok' && !shown.has(one)) continue;
    const { word, style, said } = one.state;
    const id = shorten(printable(one.box.id), idWidth, output.glyphs.ellipsis).padEnd(idWidth);
    const start = `${output.style(style, word.padEnd(6))}  ${id}  `;
    const left = output.width - 10 - idWidth;
    const size = `${longest(one.box, 'bytes')} of 103 bytes, ${longest(one.box, 'realBytes')} directly`;
    const parts = [said, size, printable(one.box.realDir)];
    let text = shorten(said, left, output.glyphs.ellipsis);
    for (const part of parts.slice(1)) if (`${text}  ${part}`.length <= left) text += `  ${part}`;
    output.line(start + text);
  }
  const hidden = inOrder.length - shown.size;
  if (hidden > 0) output.line(`${hidden} more in order (all of them: --verbose, --json)`);
}

function longest(box: BoxReport, of: 'bytes' | 'realBytes'): number {
  return Math.max(...box.sockets.map((socket) => socket[of]));
}

const BINDING_SAID: Record<BoxReport['binding']['state'], string> = {
  live: 'live',
  idle: 'idle',
  missing: 'no binding',
  foreign: 'taken by another home',
  dangling: 'its binding leads to nothing',
  unreadable: 'its binding cannot be resolved',
  'not-a-symlink': 'something else at its binding',
  unknown: 'its binding is not known',
};

function isBroken(socket: BoxReport['sockets'][0]): boolean {
  return !socket.fits || socket.probe?.ok === false;
}

function stateOf({ binding, sockets }: BoxReport): {
  word: 'ok' | 'broken' | 'lost';
  style: 'green' | 'red' | 'yellow';
  said: string;
} {
  const failed = sockets.find(isBroken);
  if (failed !== undefined) {
    const why = failed.fits ? `does not bind, ${failed.probe?.code}` : 'is too long';
    return { word: 'broken', style: 'red', said: `${failed.name} ${why}` };
  }
  const said = BINDING_SAID[binding.state];
  if (binding.state === 'live' || binding.state === 'idle') return { word: 'ok', style: 'green', said };
  const lost = ['missing', 'dangling', 'unknown'].includes(binding.state);
  return lost ? { word: 'lost', style: 'yellow', said } : { word: 'broken', style: 'red', said };
}

function renderFinding({ severity, code, message, remedy }: Finding, verbose: boolean, output: Output): void {
  const colour = { error: 'red', warning: 'yellow', info: 'dim' } as const;
  output.line();
  output.line(`${output.style(colour[severity], severity)}  ${output.style('bold', code)}`);
  for (const part of message.split('\n')) {
    for (const text of wrap(printable(part), output.proseWidth - 2)) output.line(`  ${text}`);
  }
  // A command stays whole, however long: it is there to be pasted.
  const lines = remedy.split('\n');
  const shown = verbose || lines.length <= MOST_LINES + 1 ? lines : lines.slice(0, MOST_LINES);
  for (const line of shown) {
    const isComment = line.startsWith('# ');
    const parts = isComment
      ? wrap(printable(line.slice(2)), output.proseWidth - 6).map((text) => `# ${text}`)
      : [printable(line)];
    for (const part of parts) output.line(`    ${output.style(isComment ? 'dim' : 'cyan', part)}`);
  }
  if (shown.length < lines.length) output.line(`    # ${lines.length - shown.length} more lines: --verbose, --json`);
}

function renderMachine({ limit, base, parent, cleaner, platform }: DoctorReport, output: Output): void {
  const row = (label: string, text: string): void => {
    const column = output.width < 60 ? 2 : 10;
    if (column === 2) output.line(output.style('bold', label));
    wrap(printable(text), output.proseWidth - column).forEach((line, index) => {
      output.line(`${output.style('bold', (index === 0 && column > 2 ? label : '').padEnd(column))}${line}`);
    });
  };
  const measured = limit.measured === null ? 'not measured' : `${limit.measured} measured`;
  const described = ({ state, owner, mode }: DoctorReport['parent']): string =>
    `${state}${owner === null ? '' : ` (uid ${owner}, mode ${mode})`}`;
  output.line();
  row('Host', `${process.platform} ${process.arch}, Node ${process.version}, boxsockets ${packageVersion()}`);
  row(
    'Limit',
    `an address holds ${limit.declared} bytes here (${measured}); ${limit.portable} and a NUL fit everywhere`,
  );
  row('Base', `${base.path}, ${described(base)}${base.isPrivate === true ? ', private to this process' : ''}`);
  row('Parent', `${parent.path}, ${described(parent)}`);
  for (const { name, active, takesLink, age, reason } of cleaner.cleaners) {
    const takes =
      takesLink === null ? 'may take a link' : takesLink ? `takes a link after ${age}` : 'takes no link here';
    row('Cleaner', `${name} ${takes} (${active ? '' : 'not active: '}${reason})`);
  }
  if (cleaner.cleaners.length === 0) row('Cleaner', 'none found');
  if (platform === 'linux') row('', `to be sure, in /etc/tmpfiles.d: ${cleaner.tmpfilesLine}`);
}

function renderDirect({ direct, through, native }: SelfCheck, output: Output): void {
  if (direct === null) return;
  output.line();
  for (const line of wrap('A socket in a home made for this, by net.Server.listen(path)', output.proseWidth)) {
    output.line(output.style('bold', line));
  }
  renderBind('directly', direct, output);
  if (native !== null) {
    const isGood = native === 'binds';
    const mark = output.style(isGood ? 'green' : 'red', output.glyphs[isGood ? 'good' : 'bad']);
    for (const line of wrap(`by a bind that cuts nothing: ${native}`, output.proseWidth - 4))
      output.line(`  ${mark} ${line}`);
  }
  if (through !== null) renderBind('through its binding', through, output);
}

function renderBind(how: string, bind: DirectBind, output: Output): void {
  const { glyphs } = output;
  const mark = bind.outcome === 'bound' ? output.style('green', glyphs.good) : output.style('red', glyphs.bad);
  const outcomes = {
    bound: 'binds',
    cut: '"listening", but at a cut path',
    lost: '"listening", and no socket is to be found',
    refused: `fails, ${bind.code}`,
  };
  const [first = '', ...rest] = wrap(`${how}, ${bind.bytes} bytes: ${outcomes[bind.outcome]}`, output.proseWidth - 4);
  output.line(`  ${mark} ${first}`);
  for (const line of rest) output.line(`    ${line}`);
  const paths =
    bind.cutPath === undefined
      ? [['', bind.path]]
      : [
          [bind.bytes, bind.path],
          [bind.cutBytes, bind.cutPath],
        ];
  for (const [bytes, path] of paths) {
    const label = bytes === '' ? '    ' : `    ${String(bytes).padEnd(5)}`;
    output.line(label + shorten(printable(String(path)), output.proseWidth - label.length, glyphs.ellipsis));
  }
}
