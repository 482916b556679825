#!/usr/bin/env node
// Installs the runtimes that the package is tested in, into the user's cache (1.5 GB in all): `node scripts/tools/install-runtimes.mjs`.
//
//   node scripts/tools/install-runtimes.mjs                     all that can run on this machine
//   node scripts/tools/install-runtimes.mjs bun deno         some

import { launch, RUNTIMES, whyNot } from './runtimes.mjs';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !RUNTIMES.some((runtime) => runtime.name === name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are: ${RUNTIMES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
for (const runtime of RUNTIMES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const reason = whyNot(runtime);
  if (reason !== undefined) {
    console.log(`${runtime.name}: left out: ${reason}`);
    continue;
  }
  const { command, args, env } = await launch(runtime);
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  console.log(`${runtime.name}: ${[...settings, command, ...args].join(' ')}`);
}
