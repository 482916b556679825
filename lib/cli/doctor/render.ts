// The page that `doctor` prints: the machine, each box with its names as bars, and at the end what to do.

import type { Cleaner } from '../cleaner.js';
import type { Output } from '../output.js';
import { plural, printable, shorten, wrap } from '../text.js';
import { packageVersion } from '../version.js';
import type { DirectBind } from './direct-bind.js';
import { renderBox, renderBriefly } from './render-box.js';
import type { BaseReport, BoxReport, DoctorReport, Finding, ParentReport } from './report.js';
import type { SelfCheck } from './self-check.js';

const LABEL = 10;
// As many boxes are drawn whether or not there is anything wrong with them.
const DRAWN_ANYWAY = 3;
// When the parent is gone, every box of a home has the same thing wrong with it.
const MOST_DRAWN = 6;
const MOST_OF_A_CODE = 6;

/** Prints the report. */
export function renderReport(report: DoctorReport, selfCheck: SelfCheck | null, output: Output): void {
  renderMachine(report, output);
  if (selfCheck !== null) renderDirect(selfCheck, output);
  const brief = report.boxes.length > DRAWN_ANYWAY ? report.boxes.filter(isInOrder) : [];
  if (brief.length > 0) renderBriefly(brief, output);
  const drawn = report.boxes.filter((candidate) => !brief.includes(candidate));
  for (const box of drawn.slice(0, MOST_DRAWN)) renderBox(box, output);
  if (drawn.length > MOST_DRAWN) {
    output.line();
    output.line(`${plural(drawn.length - MOST_DRAWN, 'more box', 'more boxes')} not drawn (all of them: --json)`);
  }
  // Drawn above, and nothing to be done about.
  renderFindings({ ...report, findings: report.findings.filter((finding) => finding.code !== 'direct-bind') }, output);
  if (selfCheck !== null) output.line(output.style('dim', 'Your own boxes: boxsockets doctor --home DIR'));
}

function measuredLimit({ declared, measured }: DoctorReport['limit']): string {
  if (measured === null) return 'not measured';
  // XNU: its programs keep to what is declared.
  return measured > declared ? `the kernel takes ${measured}, programs do not` : `${measured} measured`;
}

function renderMachine(report: DoctorReport, output: Output): void {
  const { limit, base, parent, cleaner } = report;
  const { platform, arch, version } = process;
  row(output, 'Host', `${platform} ${arch}, Node ${version}, boxsockets ${packageVersion()}`);
  row(
    output,
    'Limit',
    `a socket address holds ${limit.declared} bytes here (${measuredLimit(limit)}); ${limit.portable} and a NUL fit everywhere`,
  );
  row(output, 'Base', `${base.path}, ${described(base)}`);
  row(output, 'Parent', `${parent.path}, ${described(parent)}`);
  const cleaners = cleaner.cleaners.length > 0 ? cleaner.cleaners.map(cleanerLine) : ['none found'];
  cleaners.forEach((line, index) => {
    row(output, index === 0 ? 'Cleaner' : '', line);
  });
  if (cleaner.cleaners.every((one) => one.takesLink !== true) && report.platform === 'linux')
    row(output, '', `to be sure, in /etc/tmpfiles.d: ${cleaner.tmpfilesLine}`);
}

function row(output: Output, label: string, text: string): void {
  wrap(printable(text), output.proseWidth - LABEL).forEach((line, index) => {
    output.line(`${output.style('bold', (index === 0 ? label : '').padEnd(LABEL))}${line}`);
  });
}

const STATES: Record<BaseReport['state'] | ParentReport['state'], string> = {
  fine: 'in order',
  missing: 'not there yet',
  unreadable: 'cannot be looked at',
  'not-a-directory': 'not a directory',
  foreign: 'not yours',
  'not-sticky': 'not sticky',
  open: 'open to others',
};

function described(directory: BaseReport | ParentReport): string {
  const isPrivate = 'isPrivate' in directory && directory.isPrivate === true ? ', private to this process' : '';
  const owner = directory.owner === null ? '' : ` (uid ${directory.owner}, mode ${directory.mode})`;
  return `${STATES[directory.state]}${isPrivate}${owner}`;
}

function cleanerLine({ name, active, takesLink, age, reason }: Cleaner): string {
  const takes =
    takesLink === null ? 'may take a link' : takesLink ? `takes a link after ${age}` : 'takes no links here';
  return `${name} ${takes} (${active ? '' : 'not active: '}${reason})`;
}

function renderDirect({ direct, through, native }: SelfCheck, output: Output): void {
  if (direct === null) return;
  output.line();
  output.line(output.style('bold', 'A socket in a home made for this, by net.Server.listen(path)'));
  renderBind('directly', direct, output);
  if (native !== null) {
    const mark = output.style(native === 'binds' ? 'green' : 'red', output.glyphs[native === 'binds' ? 'good' : 'bad']);
    output.line(`  ${mark} the same by a bind that cuts nothing: ${native}`);
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
  output.line(`  ${mark} ${how}, ${bind.bytes} bytes: ${outcomes[bind.outcome]}`);
  const line = (label: string, text: string) =>
    output.line(`    ${label}${shorten(printable(text), output.proseWidth - 4 - label.length, glyphs.ellipsis)}`);
  if (bind.cutPath === undefined) {
    line('', bind.path);
  } else {
    line(`${bind.bytes}    `, bind.path);
    line(`${bind.cutBytes}    `, bind.cutPath);
  }
}

function isInOrder(box: BoxReport): boolean {
  const reached = box.binding.state === 'live' || box.binding.state === 'idle';
  return reached && !box.deadZone && box.sockets.every((socket) => socket.fits && socket.probe?.ok === true);
}

const MARKS = { error: 'bad', warning: 'warning', info: 'info' } as const;
const COLOURS = { error: 'red', warning: 'yellow', info: 'dim' } as const;

function renderFindings(report: DoctorReport, output: Output): void {
  const order = ['error', 'warning', 'info'] as const;
  const sorted = order.flatMap((severity) => report.findings.filter((finding) => finding.severity === severity));
  if (sorted.length > 0) {
    output.line();
    output.line(output.style('bold', 'Findings'));
  }
  for (const code of new Set(sorted.map((finding) => finding.code))) {
    const alike = sorted.filter((finding) => finding.code === code);
    const most = alike[0]?.severity === 'info' ? 1 : MOST_OF_A_CODE;
    for (const finding of alike.slice(0, most)) renderFinding(finding, output);
    if (alike.length > most) output.line(`    ${alike.length - most} more of ${code} (all of them: --json)`);
  }
  output.line();
  output.line(summary(report, output));
}

function renderFinding(finding: Finding, output: Output): void {
  const { severity, code, message, remedy } = finding;
  output.line();
  output.line(
    `  ${output.style(COLOURS[severity], `${output.glyphs[MARKS[severity]]} ${severity}`)}  ${output.style('bold', code)}`,
  );
  for (const part of message.split('\n')) {
    for (const text of wrap(printable(part), output.proseWidth - 4)) output.line(`    ${text}`);
  }
  // A command stays whole, however long: it is there to be pasted. A sentence is one.
  const isSentence = /^[A-Z].*\.$/s.test(remedy);
  const lines = isSentence ? wrap(printable(remedy), output.proseWidth - 4) : [printable(remedy)];
  for (const line of remedy === '' ? [] : lines) output.line(`    ${output.style('cyan', line)}`);
}

function summary(report: DoctorReport, output: Output): string {
  const count = (severity: Finding['severity']) => report.findings.filter((one) => one.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const boxes = plural(report.boxes.length, 'box', 'boxes');
  if (report.ok) return output.style('green', `${output.glyphs.good} All is well: ${boxes} checked.`);
  const counts = [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : ''];
  const text = `${boxes} checked: ${counts.filter((part) => part !== '').join(', ')}.`;
  return output.style(errors > 0 ? 'red' : 'yellow', `${output.glyphs[errors > 0 ? 'bad' : 'warning']} ${text}`);
}
