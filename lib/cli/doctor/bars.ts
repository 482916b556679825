// One box drawn: its directory against the dead zone, each name against the limit, through the binding and directly.

import type { Glyphs, Output } from '../output.js';
import { printable, shorten } from '../text.js';
import type { BoxReport } from './doctor-report.js';

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
