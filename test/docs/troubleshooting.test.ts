import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(__dirname, '..', '..');
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

it('docs/troubleshooting.md tells every code, each whole, so that it can be searched for', () => {
  const told = [...read('docs/troubleshooting.md').matchAll(/^\| `(ERR_BOX_SOCKETS_[A-Z_]+)` \|/gm)].map(
    ([, code]) => code,
  );
  const all = [...read('lib/errors.ts').matchAll(/^ {2}\| '(ERR_BOX_SOCKETS_[A-Z_]+)'/gm)].map(([, code]) => code);
  expect(all.length).toBeGreaterThan(25);
  expect(told.sort()).toEqual(all.sort());
});

it('no page names a code that there is not, or another page that there is not', () => {
  const pages = [
    'README.md',
    ...fs
      .readdirSync(path.join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const known =
    read('lib/errors.ts') +
    read('lib/cli/main.ts') +
    fs
      .readdirSync(path.join(root, 'lib/cli'))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`lib/cli/${name}`))
      .join('');
  for (const page of pages) {
    const text = read(page);
    for (const [code] of text.matchAll(/ERR_BOX_SOCKETS_[A-Z_]*[A-Z]/g)) expect(known, page).toContain(code);
    for (const [, link = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      expect(fs.existsSync(path.join(root, path.dirname(page), link)), `${page}: ${link}`).toBe(true);
    }
  }
});
