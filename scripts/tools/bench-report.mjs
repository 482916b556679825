#!/usr/bin/env node
// Makes docs/benchmarks.md and its plots of what `npm run bench` has found: `npm run bench:report`.

import fs from 'node:fs';
import path from 'node:path';
import { ORDER, PLOTTED, writePage } from '../../bench/lib/page.mjs';
import { drawRows, drawTargets } from '../../bench/lib/plots.mjs';
import { loadResults } from '../../bench/lib/results.mjs';

const docs = path.resolve(import.meta.dirname, '../../docs');
const plots = path.join(docs, 'benchmarks');

const results = loadResults();
fs.mkdirSync(plots, { recursive: true });
fs.writeFileSync(path.join(plots, 'targets.svg'), await drawTargets(ORDER.flatMap((name) => results.get(name) ?? [])));
for (const name of PLOTTED) {
  const result = results.get(name);
  if (result !== undefined) fs.writeFileSync(path.join(plots, `${name}.svg`), await drawRows(result));
}
fs.writeFileSync(path.join(docs, 'benchmarks.md'), writePage(results));
