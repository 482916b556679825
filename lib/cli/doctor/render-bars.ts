// One box drawn: its directory against the dead zone, each name through the binding and directly.

import type { Output } from '../output.js';
import { printable, shorten } from '../text.js';
import { bar, markColumn, type Scale, zoneBar } from './bars.js';
import type { BoxReport, SocketReport } from './report.js';

const BYTES = 5;
const VERDICT = 12;

/** The bars of a box. */
export function renderBars(box: BoxReport, output: Output): void {
  const { glyphs } = output;
  const limit = box.sockets[0]?.limit ?? 104;
  // Wider than 60 columns they tell nothing more; on a narrow screen the names make room.
  const label = Math.min(output.width < 60 ? 10 : 30, Math.max(12, ...box.sockets.map((socket) => socket.name.length)));
  const width = Math.max(8, Math.min(60, output.proseWidth - 4 - label - BYTES - VERDICT));
  const scale: Scale = { width, limit, glyphs };
  const row = (text: string, drawn: string, bytes: string, said: string) =>
    output.line(
      `  ${shorten(printable(text), label, glyphs.ellipsis).padEnd(label)}  ${drawn}${bytes.padStart(BYTES)} ${said}`.trimEnd(),
    );

  output.line();
  output.line(output.style('bold', shorten(`Box ${printable(box.id)}`, output.proseWidth, glyphs.ellipsis)));
  const room = output.width - 13;
  output.line(`  binding    ${shorten(printable(box.bindingDir), room, glyphs.ellipsis)}`);
  output.line(`  directory  ${shorten(printable(box.realDir), room, glyphs.ellipsis)}`);
  row('', `${' '.repeat(markColumn(scale) - 2)}${output.style('dim', String(limit))}`, '', '');
  const zone = deadZone(box, limit);
  const bytes = Buffer.byteLength(box.realDir);
  const warning = output.style('yellow', `${glyphs.warning} dead zone`);
  const said = box.deadZone ? warning : output.style('dim', `${glyphs.zone} ${zone.from}-${zone.to} dead`);
  row('directory', output.style('dim', zoneBar(bytes, zone, scale)), String(bytes), said);
  for (const socket of box.sockets) {
    const style = socket.fits && socket.probe?.ok !== false ? 'green' : 'red';
    row(socket.name, output.style(style, bar(socket.bytes, scale)), String(socket.bytes), outcome(socket, output));
    const direct = output.style('dim', socket.realFits ? 'fits' : 'too long');
    row('  directly', output.style('dim', bar(socket.realBytes, scale)), String(socket.realBytes), direct);
  }
}

function outcome(socket: SocketReport, output: Output): string {
  const { glyphs } = output;
  if (!socket.fits) return output.style('red', `${glyphs.bad} too long`);
  if (socket.probe === null) return output.style('dim', 'untried');
  if (socket.probe.ok) return output.style('green', `${glyphs.good} binds`);
  return output.style('red', `${glyphs.bad} ${(socket.probe.code ?? 'fails').replace('ERR_BOX_SOCKETS_', '')}`);
}

/** Lengths of a directory, in bytes, in which some of the box's names fit and others do not. */
function deadZone(box: BoxReport, limit: number): { from: number; to: number } {
  const names = box.sockets.map((socket) => Buffer.byteLength(socket.name));
  // A path is the directory, a slash and the name, and fits below the limit.
  return { from: limit - 1 - Math.max(...names), to: limit - 2 - Math.min(...names) };
}
