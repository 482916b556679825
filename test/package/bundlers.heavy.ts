// A small host, bundled as docs/bundling.md says, moved to another place with its sources gone, and run there.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { executable, installedProject, runOk, scratch, titled, whyNoRuntime, whyNoTools } from './installed.js';
import { type Recipe, recipes } from './recipes.js';
import { RUNTIMES, type Runtime } from './runtimes/runtimes.mjs';

const HOST = `
  import fs from 'node:fs';
  import net from 'node:net';
  import { BoxSockets } from 'boxsockets';
  import { buildPathAccess } from 'boxsockets/sandbox';

  const base = process.argv[2];
  fs.mkdirSync(base + '/home', { recursive: true });
  const box = new BoxSockets('b', base + '/home', { base });
  const server = net.createServer((socket) => socket.end('hello'));
  box.listen(server, 'box.sock').then(async () => {
    const socket = await box.connect('box.sock');
    for await (const data of socket) console.log(String(data), typeof buildPathAccess);
    server.close();
  });
`;

const bun = RUNTIMES.find(({ name }) => name === 'bun') as Runtime;
const nodes = RUNTIMES.filter(({ name }) => /^node\d+$/.test(name));
const whyNone = whyNoTools('bundlers');
let installed: string;

beforeAll(() => {
  installed = path.join(installedProject(), 'node_modules/boxsockets');
});

/** A project with the host, the package, and the bundlers as if they were installed in it. */
function project(files: Map<string, string>): string {
  const folder = scratch();
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  const tools = installPinned('bundlers');
  for (const name of fs.readdirSync(tools)) fs.symlinkSync(path.join(tools, name), path.join(modules, name));
  // A copy: the project is deleted before its output is run.
  fs.cpSync(installed, path.join(modules, 'boxsockets'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  fs.writeFileSync(path.join(folder, 'host.mjs'), HOST);
  for (const [name, text] of files) fs.writeFileSync(path.join(folder, name), text);
  return folder;
}

/** What the host prints, bundled by a recipe in a directory that is gone by then. */
async function bundleAndRun(recipe: Recipe, programs: string[]): Promise<string> {
  const folder = project(recipe.files);
  const path_ = [...programs.map(path.dirname), path.join(folder, 'node_modules/.bin'), '/usr/bin', '/bin'].join(':');
  const env = { PATH: path_, HOME: folder };
  await runOk('/bin/sh', ['-e', '-c', recipe.commands], { cwd: folder, env });
  const elsewhere = scratch();
  fs.renameSync(path.join(folder, 'out'), path.join(elsewhere, 'out'));
  fs.rmSync(folder, { recursive: true });
  fs.mkdirSync(folder);
  const base = path.join(elsewhere, 'b');
  fs.mkdirSync(base);
  return runOk('/bin/sh', ['-c', `${recipe.start} "$1"`, 'sh', base], { cwd: elsewhere, env });
}

for (const recipe of recipes().filter(({ name }) => !/^Node \d/.test(name))) {
  const needsBun = /\bbun\b/.test(recipe.commands);
  const reason = whyNone ?? (needsBun ? whyNoRuntime(bun) : undefined);

  test.skipIf(reason !== undefined)(titled(recipe.name, reason), async () => {
    const programs = [process.execPath, ...(needsBun ? [await executable(bun)] : [])];
    expect(await bundleAndRun(recipe, programs)).toBe('hello function\n');
  });
}

test.skipIf(whyNone !== undefined)(
  titled("a bundle that is an ES module keeps the imports of Node's modules, and needs no require", whyNone),
  async () => {
    const recipe = recipes().find(({ name }) => name === 'esbuild, ES modules') as Recipe;
    const show = { ...recipe, start: 'cat out/host.mjs #' };
    const code = await bundleAndRun(show, [process.execPath]);
    expect(code).toMatch(/^import .* from "node:fs";$/m);
    expect(recipe.commands).not.toMatch(/banner/);
  },
);

for (const node of nodes) {
  const major = node.name.replace('node', '');
  const recipe = recipes().find(({ name }) => /^Node \d/.test(name) && name.split(/\D+/).includes(major));
  const reason = whyNone ?? whyNoRuntime(node) ?? (process.arch === 'x64' ? undefined : 'the recipe names linux-x64');

  test.skipIf(reason !== undefined)(titled(`a single executable of ${node.name}`, reason), async () => {
    if (recipe === undefined) throw new Error(`docs/bundling.md has no recipe for ${node.name}`);
    expect(await bundleAndRun(recipe, [await executable(node)])).toBe('hello function\n');
  });
}

test.skipIf(whyNone !== undefined)(
  titled('a bundle that lost the file says so when it is first needed', whyNone),
  async () => {
    const recipe = recipes().find(({ name }) => name === 'Rollup') as Recipe;
    const lost = { ...recipe, commands: recipe.commands.replace(/^cp .*$/m, '') };
    await expect(bundleAndRun(lost, [process.execPath])).rejects.toThrow(
      /Tried:\n {2}- prebuilds\/linux-\w+\/boxsockets\.glibc\.node: Cannot find module .*useBinding\(\)/s,
    );
  },
);
