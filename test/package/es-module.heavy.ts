// The ES module and the CommonJS build are one package: in one process they are the same code, with one state.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { installedProject, runOk, titled, whyNoRuntime } from './installed.js';
import { launch, RUNTIMES } from './runtimes/runtimes.mjs';

let project: string;

const ENTRIES = ['boxsockets', 'boxsockets/binding', 'boxsockets/box', 'boxsockets/runtime', 'boxsockets/sandbox'];

const BOTH = `
  import { createRequire } from 'node:module';
  const require = createRequire(import.meta.url);
  // Either may be loaded first.
  const first = process.argv.at(-1);
  const found = [];
  for (const entry of ${JSON.stringify(ENTRIES)}) {
    const required = first === 'require' ? require(entry) : undefined;
    const imported = await import(entry);
    const all = required ?? require(entry);
    const names = Object.keys(all).filter((name) => name !== 'default');
    found.push([names.length > 0, names.filter((name) => all[name] !== imported[name]), import.meta.resolve(entry)]);
  }
  const { sameInodeSync } = await import('boxsockets');
  if (!sameInodeSync('/', '/')) throw new Error('the addon does not work');
  console.log(JSON.stringify(found));
`;

beforeAll(() => {
  project = installedProject();
  fs.writeFileSync(path.join(project, 'both.mjs'), BOTH);
});

const runtimes = RUNTIMES.filter(({ name }) => ['node20', 'node24', 'bun', 'deno'].includes(name));

for (const runtime of runtimes) {
  const reason = whyNoRuntime(runtime);

  test.skipIf(reason !== undefined).each(['require', 'import'])(
    titled(`${runtime.name}: what is imported is what is required, %s first`, reason),
    async (first) => {
      const { command, args, env } = await launch(runtime);
      const options = { cwd: project, env: { ...(process.env as Record<string, string>), ...env } };
      const output = await runOk(command, [...args, 'both.mjs', first], options);
      const found = JSON.parse(output) as [boolean, string[], string][];
      expect(found.map(([some, different]) => [some, different])).toEqual(ENTRIES.map(() => [true, []]));
      expect(found.every(([, , resolved]) => resolved.endsWith('.mjs'))).toBe(true);
    },
  );
}
