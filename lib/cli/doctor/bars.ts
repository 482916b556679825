// Bytes drawn as bars against the limit.

import type { Glyphs } from '../output.js';

/** How a bar is drawn. */
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
  return glyphs.fill.repeat(filled) + glyphs.empty.repeat(mark - filled) + glyphs.limit;
}

/** A bar for a directory, with the zone shaded in which some names of it fit and others do not. */
export function zoneBar(bytes: number, zone: { from: number; to: number }, scale: Scale): string {
  const { glyphs } = scale;
  const [first, last] = [column(zone.from, scale), column(zone.to, scale)];
  const cells = [...bar(bytes, scale)];
  const filled = bytes >= scale.limit ? cells.length : column(bytes, scale);
  for (let at = first; at <= last; at++) {
    // What the bar covers stays visible as a bar, but where it ends within the zone the zone goes on.
    if (at >= filled && at < markColumn(scale)) cells[at] = glyphs.zone;
  }
  return cells.join('');
}

/** Where the limit's mark stands, counted from 0. */
export function markColumn(scale: Scale): number {
  return scale.width - 1 - scale.glyphs.beyond.length;
}

function column(bytes: number, scale: Scale): number {
  return Math.min(markColumn(scale) - 1, Math.floor((bytes / scale.limit) * markColumn(scale)));
}
