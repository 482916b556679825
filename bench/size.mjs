// The binary is small.

import fs from 'node:fs';
import path from 'node:path';
import { TARGETS } from '../scripts/release/targets.mjs';

const root = path.dirname(import.meta.dirname);

/** What the compiler of this machine makes, without optimising across files, may be so much larger than what ships. */
const BUILT_HERE = 1.05;

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'size',
  async run() {
    const built = TARGETS.filter(({ file }) => fs.existsSync(path.join(root, file)));
    const rows = built.map(({ file, name, maxBytes }) => {
      const kib = fs.statSync(path.join(root, file)).size / 1024;
      return {
        name,
        unit: 'KiB',
        median: kib,
        p25: kib,
        p75: kib,
        atMost: maxBytes / 1024,
        guard: (maxBytes / 1024) * BUILT_HERE,
      };
    });
    return {
      title: 'Binaries',
      setting:
        'Stripped, as npm run prebuilds makes them; that of this machine as npm run build does, if it came later.',
      rows: rows.map(({ atMost: _, guard: __, ...row }) => row),
      targets: rows.map(({ name, ...row }) => ({ what: name, ...row })),
    };
  },
};
