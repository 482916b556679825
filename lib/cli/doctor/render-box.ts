// One box as `doctor` draws it: its directory against the dead zone, each name through the binding and directly.

import type { Output } from '../output.js';
import { plural, printable, shorten } from '../text.js';
import { bar, markColumn, type Scale, zoneBar } from './bars.js';
import type { BindingReport, BoxReport, SocketReport } from './report.js';

const MARGIN = 2;
const BYTES = 5;
const VERDICT = 14;
const MOST_LISTED = 30;

/** A box in full. */
export function renderBox(box: BoxReport, output: Output): void {
  const limit = box.sockets[0]?.limit ?? 104;
  const label = Math.max(12, ...box.sockets.map((socket) => socket.name.length));
  // The bars get what the label, the bytes and the verdict leave; wider than 60 columns they tell nothing more.
  const width = Math.min(60, output.proseWidth - MARGIN - label - 2 - BYTES - VERDICT);
  const scale: Scale = { width, limit, glyphs: output.glyphs };
  const columns = (text: string, drawn: string, bytes: string, verdict: string) =>
    output.line(`${' '.repeat(MARGIN)}${text.padEnd(label)}  ${drawn}${bytes.padStart(BYTES)} ${verdict}`.trimEnd());

  renderHeading(box, output);
  columns('', `${' '.repeat(markColumn(scale) - 2)}${output.style('dim', String(limit))}`.padEnd(width), '', '');
  const zone = deadZone(box, limit);
  const bytes = Buffer.byteLength(box.realDir);
  columns('directory', output.style('dim', zoneBar(bytes, zone, scale)), String(bytes), zoneVerdict(box, zone, output));
  for (const socket of box.sockets) {
    const style = socket.fits && socket.probe?.ok !== false ? 'green' : 'red';
    columns(socket.name, output.style(style, bar(socket.bytes, scale)), String(socket.bytes), verdict(socket, output));
    const direct = socket.realFits ? output.style('dim', 'fits directly') : output.style('dim', 'too long');
    columns('  directly', output.style('dim', bar(socket.realBytes, scale)), String(socket.realBytes), direct);
  }
}

/** Boxes that are in order, a line each: the longest name through the binding, and what it would be directly. */
export function renderBriefly(boxes: BoxReport[], output: Output): void {
  output.line();
  output.line(output.style('bold', `${plural(boxes.length, 'box', 'boxes')} in order, the longest name of each`));
  const label = Math.min(Math.max(...boxes.map((box) => box.id.length)), output.proseWidth - 46);
  for (const box of boxes.slice(0, MOST_LISTED)) {
    const longest = Math.max(...box.sockets.map((socket) => socket.bytes));
    const direct = Math.max(...box.sockets.map((socket) => socket.realBytes));
    const scale: Scale = { width: 24, limit: box.sockets[0]?.limit ?? 104, glyphs: output.glyphs };
    const id = shorten(printable(box.id), label, output.glyphs.ellipsis).padEnd(label);
    const drawn = output.style('green', bar(longest, scale).trimEnd());
    output.line(`  ${id}  ${drawn}${String(longest).padStart(BYTES)} ${output.style('dim', `directly ${direct}`)}`);
  }
  if (boxes.length > MOST_LISTED) output.line(`  ${boxes.length - MOST_LISTED} more (all of them: --json)`);
}

function renderHeading(box: BoxReport, output: Output): void {
  const { glyphs } = output;
  const room = output.proseWidth - MARGIN - 11;
  output.line();
  const said = BINDING_SAID[box.binding.state];
  const title = shorten(`Box ${printable(box.id)}`, output.proseWidth - said.length - 2, glyphs.ellipsis);
  output.line(`${output.style('bold', title)}  ${output.style(bindingStyle(box.binding), said)}`);
  output.line(`  binding    ${shorten(printable(box.bindingDir), room, glyphs.ellipsis)}`);
  output.line(`  directory  ${shorten(printable(box.realDir), room, glyphs.ellipsis)}`);
  const { target, state } = box.binding;
  if (target !== null && state !== 'live' && state !== 'idle') {
    output.line(`  leads to   ${shorten(printable(target), room, glyphs.ellipsis)}`);
  }
}

const BINDING_SAID: Record<BindingReport['state'], string> = {
  live: 'live: its sockets are held',
  idle: 'bound, idle',
  missing: 'no binding',
  foreign: 'taken by another home',
  dangling: 'binding leads to nothing',
  unreadable: 'binding cannot be resolved',
  'not-a-symlink': 'something else at its binding',
  unknown: 'binding not known',
};

function bindingStyle({ state }: BindingReport): 'green' | 'yellow' | 'red' {
  if (state === 'live' || state === 'idle') return 'green';
  return state === 'missing' || state === 'dangling' || state === 'unknown' ? 'yellow' : 'red';
}

function verdict(socket: SocketReport, output: Output): string {
  const { glyphs } = output;
  if (!socket.fits) return output.style('red', `${glyphs.bad} too long`);
  if (socket.probe === null) return output.style('dim', 'fits, untried');
  if (socket.probe.ok) return output.style('green', `${glyphs.good} binds`);
  return output.style('red', `${glyphs.bad} ${(socket.probe.code ?? 'fails').replace('ERR_BOX_SOCKETS_', '')}`);
}

/** Lengths of a directory, in bytes, in which some of the box's names fit and others do not. */
export function deadZone(box: BoxReport, limit: number): { from: number; to: number } {
  const names = box.sockets.map((socket) => Buffer.byteLength(socket.name));
  // A path is the directory, a slash and the name, and fits below the limit.
  return { from: limit - 1 - Math.max(...names), to: limit - 2 - Math.min(...names) };
}

function zoneVerdict(box: BoxReport, zone: { from: number; to: number }, output: Output): string {
  if (box.deadZone) return output.style('yellow', `${output.glyphs.warning} dead zone`);
  return output.style('dim', `${output.glyphs.zone} dead ${zone.from}-${zone.to}`);
}
