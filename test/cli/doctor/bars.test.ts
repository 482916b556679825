import { describe, expect, it } from 'vitest';
import { bar, markColumn, zoneBar } from '../../../dist/cli/doctor/render.js';
import { Output } from '../../../dist/cli/output.js';

const silent = { write: () => true };
const ascii = new Output(silent, silent, {}, 'linux').glyphs;
const unicode = new Output(silent, silent, { LANG: 'C.UTF-8' }, 'linux').glyphs;

describe('a bar', () => {
  it.each([ascii, unicode])('tells what fits from what does not, at widths and lengths of all kinds', (glyphs) => {
    for (const width of [12, 13, 24, 25, 60, 110]) {
      const scale = { width, limit: 104, glyphs };
      for (let bytes = 1; bytes <= 130; bytes++) {
        const drawn = bar(bytes, scale);
        expect(drawn.includes(glyphs.crossing)).toBe(bytes >= 104);
        expect([...drawn].length).toBe(bytes >= 104 ? width : markColumn(scale) + 1);
        expect(drawn[markColumn(scale)]).toBe(bytes >= 104 ? glyphs.crossing : glyphs.limit);
        // What fits leaves a gap, or at the narrowest ends right before the mark.
        expect(drawn.split(glyphs.fill).length).toBeGreaterThan(1);
      }
    }
  });

  it('is never shorter for more bytes', () => {
    const scale = { width: 60, limit: 104, glyphs: ascii };
    const fills = Array.from({ length: 200 }, (_, bytes) => bar(bytes, scale).split('=').length);
    expect(fills).toEqual([...fills].sort((a, b) => a - b));
  });

  it('of a directory shades the dead zone where it does not cover it', () => {
    const scale = { width: 60, limit: 104, glyphs: ascii };
    const zone = { from: 85, to: 94 };
    expect(zoneBar(30, zone, scale)).toMatch(/^=+ +:+ +\|$/);
    expect(zoneBar(88, zone, scale)).toMatch(/^=+:+ +\|$/);
    expect(zoneBar(99, zone, scale)).toMatch(/^=+ +\|$/);
    expect(zoneBar(300, zone, scale)).toMatch(/^=+#=>$/);
    // One that ends at the limit: what crosses it covers it whole.
    const last = { from: 85, to: 104 };
    expect(zoneBar(88, last, scale)).toMatch(/^=+:+\|$/);
    expect(zoneBar(103, last, scale)).toMatch(/^=+:?\|$/);
    expect(zoneBar(104, last, scale)).toMatch(/^=+#=>$/);
  });
});
