// The page that `doctor` prints: the verdict, a line for each box, each finding with what to do, and the rest on demand:
// the machine, and each box drawn, its directory against the dead zone and each name against the limit.

import type { Glyphs, Output } from '../output.js';
import { packageVersion, plural, printable, shorten } from '../text.js';
import type { BoxReport, DoctorReport, Finding } from './doctor-report.js';
import { isReached } from './home-boxes.js';
import type { DirectBind, SelfCheck } from './self-check.js';

// Boxes in order that get a line; what is not gets one whatever the number.
const MOST_IN_ORDER = 20;
const MOST_LINES = 6;
const MOST_DRAWN = 3;
const COLOURS = { error: 'red', warning: 'yellow', info: 'dim', ok: 'green', broken: 'red', lost: 'yellow' } as const;

export function renderReport(report: DoctorReport, check: SelfCheck | null, verbose: boolean, output: Output): void {
  output.line(verdict(report, output));
  if (verbose || check !== null) renderMachine(report, output);
  if (check !== null) renderDirect(check, output);
  renderBoxes(report.boxes, verbose, output);
  // The direct bind is shown above, and there is nothing to be done about it.
  const findings = report.findings.filter((finding) => finding.code !== 'direct-bind');
  for (const finding of findings) renderFinding(finding, verbose, output);
  const drawn = verbose ? report.boxes : report.boxes.filter((box) => box.sockets.some(isBroken)).slice(0, MOST_DRAWN);
  for (const box of drawn) renderBars(box, output);
  if (check !== null) output.line(`\n${output.style('dim', 'Next: boxsockets doctor --home DIR')}`);
}

/** The first line, which says it all. */
export function verdict({ ok, boxes, findings }: DoctorReport, output: Output): string {
  const count = (severity: Finding['severity']) => findings.filter((one) => one.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const all = plural(boxes.length, 'box', 'boxes');
  if (ok) return output.style('green', `${output.glyphs.good} All is well: ${all} checked.`);
  const broken = boxes.filter((box) => stateOf(box).word !== 'ok').length;
  const counts = [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : ''];
  const text = `${broken > 0 ? `${broken} of ${all} not in order` : `${all} checked`}: ${counts.filter(Boolean).join(', ')}.`;
  return output.style(errors > 0 ? 'red' : 'yellow', `${output.glyphs[errors > 0 ? 'bad' : 'warning']} ${text}`);
}

function renderBoxes(boxes: BoxReport[], verbose: boolean, output: Output): void {
  const idWidth = Math.min(output.width < 60 ? 14 : 30, Math.max(...boxes.map(({ id }) => printable(id).length)));
  const room = output.width - 10 - idWidth;
  let inOrder = 0;
  if (boxes.length > 0) output.line();
  for (const box of boxes) {
    const { word, said } = stateOf(box);
    if (word === 'ok' && ++inOrder > MOST_IN_ORDER && !verbose) continue;
    const most = (of: 'bytes' | 'realBytes') => Math.max(...box.sockets.map((one) => one[of]));
    let text = shorten(said, room, output.glyphs.ellipsis);
    for (const part of [`${most('bytes')} of 103 bytes, ${most('realBytes')} directly`, printable(box.realDir)]) {
      if (`${text}  ${part}`.length <= room) text += `  ${part}`;
    }
    const id = shorten(printable(box.id), idWidth, output.glyphs.ellipsis).padEnd(idWidth);
    output.line(`${output.style(COLOURS[word], word.padEnd(6))}  ${id}  ${text}`);
  }
  const hidden = verbose ? 0 : inOrder - MOST_IN_ORDER;
  if (hidden > 0) output.line(`${hidden} more in order (all of them: --verbose, --json)`);
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

function stateOf({ binding, sockets }: BoxReport): { word: 'ok' | 'broken' | 'lost'; said: string } {
  const failed = sockets.find(isBroken);
  const why = failed?.fits === true ? `does not bind, ${failed.probe?.code}` : 'is too long';
  if (failed !== undefined) return { word: 'broken', said: `${failed.name} ${why}` };
  const said = BINDING_SAID[binding.state];
  if (binding.state === 'live' || binding.state === 'idle') return { word: 'ok', said };
  if (isReached(binding)) return { word: 'ok', said: 'it cannot be told whether it lives' };
  return { word: ['missing', 'dangling', 'unknown'].includes(binding.state) ? 'lost' : 'broken', said };
}

function renderFinding({ severity, code, message, remedy }: Finding, verbose: boolean, output: Output): void {
  output.line(`\n${output.style(COLOURS[severity], severity)}  ${output.style('bold', code)}`);
  for (const part of message.split('\n')) output.prose(printable(part), '  ', '  ');
  const lines = remedy.split('\n').map(printable);
  const shown = verbose || lines.length <= MOST_LINES + 1 ? lines : lines.slice(0, MOST_LINES);
  for (const line of shown) {
    // A command stays whole, however long: it is there to be pasted.
    if (line.startsWith('# ')) output.prose(line.slice(2), '    # ', '    # ');
    else output.line(`    ${output.style('cyan', line)}`);
  }
  if (shown.length < lines.length) output.line(`    # ${lines.length - shown.length} more lines: --verbose, --json`);
}

function renderMachine({ limit, base, parent, cleaner, platform }: DoctorReport, output: Output): void {
  const row = (label: string, text: string) =>
    output.prose(printable(text), output.style('bold', label.padEnd(10)), ' '.repeat(10));
  const described = ({ path, state, owner, mode }: DoctorReport['parent']): string =>
    `${path}, ${state}${owner === null ? '' : ` (uid ${owner}, mode ${mode})`}`;
  output.line();
  row('Host', `${process.platform} ${process.arch}, Node ${process.version}, boxsockets ${packageVersion()}`);
  const { declared, measured, portable } = limit;
  row('Limit', `an address holds ${declared} bytes here (measured: ${measured}); ${portable} and a NUL fit everywhere`);
  row('Base', `${described(base)}${base.isPrivate === true ? ', private to this process' : ''}`);
  row('Parent', described(parent));
  for (const { name, active, takesLink, age, reason } of cleaner.cleaners) {
    const takes =
      takesLink === null ? 'may take a link' : takesLink ? `takes a link after ${age}` : 'takes no link here';
    row('Cleaner', `${name} ${takes} (${active ? '' : 'not active: '}${reason})`);
  }
  if (platform === 'linux') row('Protect', `in /etc/tmpfiles.d: ${cleaner.tmpfilesLine}`);
}

function renderDirect({ direct, through, native }: SelfCheck, output: Output): void {
  if (direct === null) return;
  output.line();
  output.prose('A socket in a home made for this, by net.Server.listen(path):');
  const mark = (isGood: boolean) =>
    `  ${output.style(isGood ? 'green' : 'red', output.glyphs[isGood ? 'good' : 'bad'])} `;
  const show = (how: string, { outcome, path: asked, cutPath, code }: DirectBind): void => {
    const said = {
      bound: 'binds',
      cut: '"listening", but at a cut path',
      lost: '"listening", and no socket is to be found',
      refused: `fails, ${code}`,
    };
    output.prose(`${how}, ${Buffer.byteLength(asked)} bytes: ${said[outcome]}`, mark(outcome === 'bound'), '    ');
    for (const path of cutPath === undefined ? [asked] : [asked, cutPath]) {
      const label = `    ${String(Buffer.byteLength(path)).padEnd(5)}`;
      output.line(label + shorten(printable(path), output.proseWidth - 9, output.glyphs.ellipsis));
    }
  };
  show('directly', direct);
  if (native !== null) output.prose(`by a bind that cuts nothing: ${native}`, mark(native === 'binds'), '    ');
  if (through !== null) show('through its binding', through);
}

export interface Scale {
  /** Columns of the whole bar; the limit's mark and what goes beyond it included. */
  width: number;
  /** Bytes at the mark: a path fits that is shorter. */
  limit: number;
  glyphs: Glyphs;
}

/**
 * A bar for a path: a fill up to its bytes, the mark of the limit, and an arrow where it goes beyond. What fits never
 * touches the mark, and what does not always crosses it.
 */
export function bar(bytes: number, scale: Scale): string {
  const { glyphs } = scale;
  const mark = markColumn(scale);
  if (bytes >= scale.limit) return glyphs.fill.repeat(mark) + glyphs.crossing + glyphs.beyond;
  const filled = Math.max(1, column(bytes, scale));
  return glyphs.fill.repeat(filled) + ' '.repeat(mark - filled) + glyphs.limit;
}

/** A bar for a directory, with the zone shaded in which some names of it fit and others do not. */
export function zoneBar(bytes: number, zone: { from: number; to: number }, scale: Scale): string {
  const [first, last] = [column(zone.from, scale), column(zone.to, scale)];
  const filled = bytes >= scale.limit ? markColumn(scale) : column(bytes, scale);
  // What the bar covers stays visible as a bar, but where it ends within the zone the zone goes on.
  return Array.from(bar(bytes, scale), (cell, at) =>
    at >= Math.max(first, filled) && at <= last ? scale.glyphs.zone : cell,
  ).join('');
}

/** Where the limit's mark stands, counted from 0. */
export function markColumn(scale: Scale): number {
  return scale.width - 1 - scale.glyphs.beyond.length;
}

function column(bytes: number, scale: Scale): number {
  return Math.min(markColumn(scale) - 1, Math.floor((bytes / scale.limit) * markColumn(scale)));
}

export function renderBars(box: BoxReport, output: Output): void {
  const { glyphs } = output;
  const limit = box.sockets[0]?.limit ?? 104;
  // Wider than 60 columns they tell nothing more; on a narrow screen the names make room.
  const label = Math.min(output.width < 60 ? 10 : 30, Math.max(12, ...box.sockets.map((socket) => socket.name.length)));
  const scale: Scale = { width: Math.max(8, Math.min(60, output.proseWidth - 21 - label)), limit, glyphs };
  const row = (text: string, drawn: string, bytes: number, said: string) => {
    const name = shorten(printable(text), label, glyphs.ellipsis).padEnd(label);
    output.line(`  ${name}  ${drawn}${String(bytes).padStart(5)} ${said}`);
  };
  output.line(`\n${output.style('bold', shorten(`Box ${printable(box.id)}`, output.proseWidth, glyphs.ellipsis))}`);
  for (const [what, path] of [['binding  ', box.bindingDir] as const, ['directory', box.realDir] as const]) {
    output.line(`  ${what}  ${shorten(printable(path), output.width - 13, glyphs.ellipsis)}`);
  }
  const names = box.sockets.map((socket) => Buffer.byteLength(socket.name));
  // A path is the directory, a slash and the name, and fits below the limit.
  const zone = { from: limit - 1 - Math.max(...names), to: limit - 2 - Math.min(...names) };
  const said = box.deadZone
    ? output.style('yellow', `${glyphs.warning} dead zone`)
    : `${glyphs.zone} ${zone.from}-${zone.to} dead`;
  output.line(`${String(limit).padStart(label + 6 + markColumn(scale))}`);
  row('directory', zoneBar(Buffer.byteLength(box.realDir), zone, scale), Buffer.byteLength(box.realDir), said);
  const dim = (text: string) => output.style('dim', text);
  for (const { name, bytes, fits, probe, realBytes, realFits } of box.sockets) {
    const isGood = fits && probe?.ok !== false;
    const code = (probe?.code ?? 'fails').replace('ERR_BOX_SOCKETS_', '');
    const outcome = !fits ? 'too long' : probe === null ? 'untried' : probe.ok ? 'binds' : code;
    const mark = probe === null && fits ? '' : `${glyphs[isGood ? 'good' : 'bad']} `;
    const style = isGood ? 'green' : 'red';
    row(name, output.style(style, bar(bytes, scale)), bytes, output.style(style, mark + outcome));
    row('  directly', dim(bar(realBytes, scale)), realBytes, dim(realFits ? 'fits' : 'too long'));
  }
}
