// docs/security.md names a test for each attack. Whoever renames or removes one has to look at that page.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(__dirname, '..', '..');
const page = fs.readFileSync(path.join(root, 'docs', 'security.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('|') && !/^\| (attack|-)/.test(line));
const named = [...page.matchAll(/`((?:native\/)?test\/[^`]+)`(?: "([^"|]+)")?/g)].map(([, file = '', title]) => ({
  file,
  title,
}));

describe('docs/security.md', () => {
  it.each(named)('names a test that exists: $file $title', ({ file, title }) => {
    const text = fs.readFileSync(path.join(root, file), 'utf8').replaceAll("\\'", "'");
    expect(text.includes(title ?? '')).toBe(true);
  });

  it('names one for each attack', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) expect(row).toMatch(/`(native\/)?test\/\S+`[^|]*\|$|\| the same \|$/);
  });

  it('speaks of codes that exist', () => {
    const codes = fs.readFileSync(path.join(root, 'lib', 'errors.ts'), 'utf8');
    const spoken = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, code = '']) => code);
    const ours = spoken.filter((code) => codes.includes(`'ERR_BOX_SOCKETS_${code}'`));
    const systems = ['EADDRINUSE', 'ECONNRESET', 'ETIMEDOUT', 'O_NOFOLLOW', 'O_NONBLOCK', 'O_NOATIME', 'SO_PEERCRED'];
    expect(spoken.filter((code) => !ours.includes(code) && !systems.includes(code))).toEqual([]);
    expect(new Set(ours).size).toBeGreaterThan(6);
  });
});
