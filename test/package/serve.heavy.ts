// What listen, connect and hold promise beyond the plain case, in the runtimes of this processor and libc.

import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root, runIn, titled, whyNoRuntime } from './installed.js';
import { RUNTIMES } from './runtimes/runtimes.mjs';

interface Outcome {
  check: string;
  ok: boolean;
  code: string | null;
  message?: string;
}

/** The rows `| runtime | check | … |` of docs/runtimes.md about these checks. */
function stated(runtime: string): string[] {
  const [, section = ''] = fs
    .readFileSync(path.join(root, 'docs/runtimes.md'), 'utf8')
    .split('\n## What listen, connect and hold do otherwise\n');
  const rows = (section.split('\n## ')[0] ?? '').split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  return rows.filter((cells) => cells[1] === runtime).map((cells) => cells[2] ?? '');
}

for (const runtime of RUNTIMES.filter(({ arch, libc }) => arch === process.arch && libc === 'glibc')) {
  const reason = process.platform === 'linux' ? whyNoRuntime(runtime) : 'not Linux';
  const name = `${runtime.name} listens, dials and holds as Node does, but for what docs/runtimes.md lists`;

  test.skipIf(reason !== undefined)(titled(name, reason), async () => {
    const script = [path.join(__dirname, 'serve.cjs'), path.join(root, 'dist/index.js')];
    const { stdout, stderr } = await runIn(runtime, script);
    expect(stderr).toBe('');
    const outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome);
    expect(outcomes.length).toBeGreaterThan(15);
    const failed = outcomes.filter(({ ok }) => !ok);
    expect(failed.filter(({ check }) => !stated(runtime.name).includes(check))).toEqual([]);
    expect(failed.map(({ check }) => check)).toEqual(stated(runtime.name));
  });
}
