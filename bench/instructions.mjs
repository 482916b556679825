// What a call makes of the processor in user space: the same number each time, on a busy machine too.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { missingTool } from './lib/missing.mjs';
import { BASE, deepDirectory, scratch, strangeUid } from './lib/scene.mjs';

const STEADY = 'ensureSync, steady';
const IDENTITY = 'node:fs, identity';

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'instructions',
  missing: () => missingTool('valgrind'),
  async run() {
    const counts = count();
    const rows = Object.entries(counts).map(([name, value]) => {
      return { name, unit: 'instructions', median: value, p25: value, p75: value };
    });
    const share = (counts[STEADY] ?? Number.NaN) / (counts[IDENTITY] ?? Number.NaN);
    return {
      title: 'Instructions in user space',
      setting: 'Counted by callgrind in one process (node --predictable), of a call after thousands of others.',
      rows,
      targets: [{ what: `${STEADY} / ${IDENTITY}`, unit: '×', median: share, p25: share, p75: share, atMost: 1 / 3 }],
    };
  },
};

/** @returns {Record<string, number>} by contender, of one call */
export function count() {
  const directory = scratch(os.tmpdir());
  const realDir = deepDirectory(scratch(os.tmpdir()), 180, 9);
  const output = path.join(directory, 'counts');
  // The marker's own function begins a part of the profile: they are warm-up and count by turns.
  const arguments_ = [
    ...[
      '--tool=callgrind',
      '--smc-check=all-non-file',
      '--dump-before=uv_os_getpriority',
      `--callgrind-out-file=${output}`,
    ],
    ...[process.execPath, '--predictable', path.join(import.meta.dirname, 'lib/instructions.cjs')],
    ...[BASE, String(strangeUid()), realDir],
  ];
  const printed = execFileSync('valgrind', arguments_, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const measured = /** @type {{ name: string, calls: number }[]} */ (JSON.parse(printed));
  const empty = measured.findIndex(({ name }) => name === 'an empty function');
  const perCall = measured.map(({ calls }, i) => totalOf(`${output}.${2 * i + 2}`) / calls);
  const loop = perCall[empty] ?? 0;
  return Object.fromEntries(
    measured.flatMap(({ name }, i) => (i === empty ? [] : [[name, Math.round((perCall[i] ?? Number.NaN) - loop)]])),
  );
}

/**
 * @param {string} part
 * @returns {number}
 */
function totalOf(part) {
  return Number(/^summary: (\d+)/m.exec(fs.readFileSync(part, 'utf8'))?.[1]);
}
