// The public API, in every runtime, from the installed package.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bareEnvironment, installedProject, root, runIn, titled, whyNoRuntime } from './installed.js';
import { launch, RUNTIMES } from './runtimes/runtimes.mjs';

interface Outcome {
  check: string;
  ok: boolean;
  code?: string | null;
  message?: string;
}

const document = `\n${fs.readFileSync(path.join(root, 'docs/runtimes.md'), 'utf8')}`;
let project: string;

beforeAll(() => {
  project = installedProject();
  fs.copyFileSync(path.join(__dirname, 'conformance.cjs'), path.join(project, 'conformance.cjs'));
});

/** The cells of the rows of the table below a heading. */
function table(heading: string): string[][] {
  const [, section = ''] = document.split(`\n${heading}\n`);
  const [own = ''] = section.split('\n## ');
  const rows = own.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return cells.slice(2);
}

test('docs/runtimes.md names the runtimes that are run, and no others', () => {
  const stated = table('# Runtimes')
    .slice(0, RUNTIMES.length)
    .map((row) => row.slice(0, 4));
  expect(stated).toEqual(RUNTIMES.map(({ name, version, arch, libc }) => [name, version, arch, libc]));
});

for (const runtime of RUNTIMES) {
  const reason = whyNoRuntime(runtime);
  const name = `${runtime.name} does all of the public API, but for what docs/runtimes.md lists`;

  test.skipIf(reason !== undefined)(titled(name, reason), async () => {
    const { command, args } = await launch(runtime);
    const { stdout, stderr, status } = await runIn(runtime, ['conformance.cjs', command, ...args], {
      cwd: project,
      env: bareEnvironment(),
    });
    // Node 22 itself says so of its SQLite, once, and docs/runtimes.md says that it does.
    const warning = /^\(node:\d+\) ExperimentalWarning: SQLite .*\n\(Use `node --trace-warnings .*\n/;
    expect(runtime.name === 'node22' ? stderr.replace(warning, '') : stderr).toBe('');
    expect(status).toBe(0);
    const outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome);
    expect(outcomes.length).toBeGreaterThan(20);
    const cannot = table('## What one of them cannot do').filter(([which]) => which === runtime.name);
    const failed = outcomes.filter(({ ok }) => !ok);
    expect(failed.filter(({ check }) => !cannot.some(([, stated]) => stated === check))).toEqual([]);
    expect(failed.map(({ check }) => check)).toEqual(cannot.map(([, check]) => check));
  });

  // Emulated, it takes longer than it tells.
  if (runtime.arch !== process.arch) continue;
  test.skipIf(reason !== undefined)(titled(`${runtime.name} runs the command line`, reason), async () => {
    const main = path.join('node_modules/boxsockets/dist/cli/main.js');
    const options = { cwd: project, env: bareEnvironment() };
    expect((await runIn(runtime, [main, '--version'], options)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { stdout } = await runIn(runtime, [main, 'doctor', '--base', fs.realpathSync('/tmp'), '--json'], options);
    const report = JSON.parse(stdout) as { findings: { severity: string; code: string }[]; limit: unknown };
    expect(report.limit).toEqual({ declared: 108, measured: 108, portable: 103 });
    expect(report.findings.map(({ code }) => code)).not.toContain('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
  });
}
