// Every block of code in README and docs: who runs it, or why nobody does. One that is added fails here until it says so.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { boxsockets, MAIN } from '../cli/run.js';

const root = path.join(__dirname, '../..');
const HERE = 'test/docs/blocks.test.ts';
const README = 'test/package/docs.heavy.ts';
const RECIPES = README;
const BUNDLERS = 'test/package/bundlers.heavy.ts';
const USAGE = 'test/cli/usage.test.ts';
const SANDBOX = 'test/docs/sandbox.test.ts';

/** How a block begins, and the test that runs it; or `not: `, and why. */
type Row = [begins: string, how: string];

const bundled = (...begins: string[]): Row[] => begins.map((each) => [each, BUNDLERS]);
const usage = (...commands: string[]): Row[] => commands.map((command) => [`boxsockets ${command} [options]`, USAGE]);
const transcript = (command: string): Row => [`$ boxsockets ${command}`, HERE];

const PAGES: Record<string, Row[]> = {
  'README.md': [
    ['104   108', 'not: a drawing'],
    ['/tmp/bl-<uid>/<boxId>', 'not: a shape, and no command'],
    [
      'npm install boxsockets',
      'not: it is not published yet; test/package/managers.heavy.ts installs the tarball by name',
    ],
    ["const fs = require('node:fs');", README],
    ['npx boxsockets doctor', 'test/package/conformance.heavy.ts'],
    ['npm ci', 'not: the steps of the gate itself, .ci/steps.mjs'],
  ],
  'docs/benchmarks.md': [
    ['npm run bench', 'not: it takes an hour; the gate runs `npm run bench -- --check`, .ci/steps.mjs'],
  ],
  'docs/boxes.md': [
    ['// A host of machines', 'test/docs/boxes.test.ts'],
    ['$ npm ci && node examples/machine/run.mjs', 'test/docs/boxes.test.ts'],
  ],
  'docs/bundling.md': [
    ...bundled('esbuild host.mjs', 'esbuild host.mjs', 'esbuild host.mjs'),
    ['export default { serverExternalPackages', 'test/package/hosts.heavy.ts'],
    ...bundled('module.exports', 'webpack', 'module.exports', 'webpack', 'module.exports', 'rspack'),
    ...bundled('import commonjs', 'rollup', 'export default', 'rolldown', 'export default', 'vite', 'ncc'),
    ...bundled('import fs', 'node trace.mjs', 'bun build', 'bun build', 'bun build', 'import fs'),
    ...bundled('{', 'esbuild sea.mjs', '{', 'esbuild sea.mjs'),
  ],
  'docs/cleaners.md': [
    ['using hold', HERE],
    ['# /etc/tmpfiles.d', 'test/proofs/cleaners.test.ts'],
    [
      'TMPREAPER_PROTECT_EXTRA',
      "not: a line of Debian's cron job; test/proofs/cleaners.test.ts passes what it stands for",
    ],
  ],
  'docs/cli.md': [
    ...usage('doctor'),
    transcript('doctor --home'),
    ['{', HERE],
    ['boxsockets doctor --home ~/.boxes --json | jq', HERE],
    ['x /tmp/bl-*', 'test/proofs/cleaners.test.ts'],
    ...usage('ensure'),
    transcript('ensure Qe5yTn1cHj6u'),
    transcript('ensure b1 /srv/none --json'),
    ['cd "$(boxsockets ensure --quiet', HERE],
    ...usage('list'),
    transcript('list'),
    ...usage('probe'),
    transcript('probe boxes'),
    ...usage('pin'),
    transcript('pin libkrun'),
    ...usage('policy'),
    transcript('policy b1'),
    ...usage('completion', 'version'),
  ],
  'docs/programs.md': [['const dir = path.resolve', HERE]],
  'docs/recipes.md': [
    ["const directory = path.resolve('deep/'", RECIPES],
    ['const server = http.createServer', RECIPES],
    ['const server = http.createServer', RECIPES],
    ['const app = express()', RECIPES],
    ['const app = fastify()', RECIPES],
    ['const server = http.createServer()', RECIPES],
    ['const shim = ', RECIPES],
    ['# /etc/systemd/system/boxes.service', 'not: a unit of a running systemd, which no container has'],
    ['const base = runtimeBase()', RECIPES],
    ['spec:', 'not: a pod of a cluster'],
    ['if (cluster.isPrimary)', RECIPES],
    ['// not run here', 'not: each belongs to its own runtime, and says so itself'],
  ],
  'docs/runtimes.md': [['deno run --allow-ffi', 'test/package/failures.heavy.ts']],
  'docs/sandbox.md': [
    ['const { spawnSync }', SANDBOX],
    ['const { seatbeltPolicy }', SANDBOX],
    ['const boxHome = await canonicalizeKeepingLeaf', "not: it starts macOS's sandbox-exec, and no Mac was at hand"],
  ],
  'docs/vendor-pin.md': [
    ['import { assertKrunPin, BoxSockets, checkKrunPin }', HERE],
    ['import { assertKrunPin }', HERE],
  ],
};

interface Block {
  page: string;
  text: string;
}

/** Fenced, or indented after an empty line. */
function blocksOf(page: string): Block[] {
  const text = fs.readFileSync(path.join(root, page), 'utf8');
  const found = text.matchAll(/^```[^\n]*\n(.*?)^```$|(?<=\n\n)((?: {4}[^\n]*\n|\n(?= {4}))+)/gms);
  return Array.from(found, ([, fenced, indented = '']) => ({
    page,
    text: fenced ?? indented.replaceAll(/^ {4}/gm, ''),
  }));
}

const pages = [
  'README.md',
  ...fs
    .readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const all = pages.flatMap(blocksOf);
const rows = pages.flatMap((page) => PAGES[page] ?? []);
const own = all.filter((_, index) => rows[index]?.[1] === HERE);
const blockOf = (begins: string): string => own.find(({ text }) => text.trimStart().startsWith(begins))?.text ?? '';

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bs-')));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Runs a program that begins with some declarations, and returns what it prints. */
function play(before: string, text: string, after: string): string {
  const imported = text.replaceAll(
    /^import (\{.*\}) from 'boxsockets';$/gm,
    `const $1 = require('${root}/dist/index.js');`,
  );
  const whole = `(async () => {\n${before}\n${imported}\n${after}\n})();`;
  // The types and `using` of newer ones, for the Node at hand. A process of its own: within this one it would stay.
  const esbuild = path.join(root, 'node_modules/.bin/esbuild');
  const code = execFileSync(esbuild, ['--loader=ts', '--target=node20'], { input: whole, encoding: 'utf8' });
  return execFileSync(process.execPath, ['-e', code], { cwd: folder, encoding: 'utf8' });
}

const LIBRARY = `const fs = require('node:fs'), path = require('node:path');
  const { BoxSockets } = require('${root}/dist/index.js');
  const base = ${JSON.stringify(folder)};`;

/** Runs lines of a shell that finds the program, over a base of its own. */
function shell(lines: string): string {
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin, { recursive: true });
  fs.writeFileSync(path.join(bin, 'boxsockets'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, BOXSOCKETS_BASE: folder, HOME: folder };
  return execFileSync('sh', ['-e', '-c', lines], { cwd: folder, env, encoding: 'utf8' });
}

it('every block is in the table, in its order, and each is run or says why not', () => {
  expect(Object.keys(PAGES).filter((page) => !pages.includes(page))).toEqual([]);
  for (const page of pages) {
    const begins = (PAGES[page] ?? []).map(([start]) => start);
    const texts = blocksOf(page).map(({ text }) => text.trimStart());
    expect(
      texts.map((text, index) => text.slice(0, begins[index]?.length ?? 40)),
      page,
    ).toEqual(begins);
  }
  for (const [, how] of rows) expect(how.startsWith('not: ') || fs.existsSync(path.join(root, how)), how).toBe(true);
  expect(rows.filter(([, how]) => how.startsWith('not: ')).length).toBeLessThan(12);
});

describe('run here', () => {
  it('docs/programs.md: a binding for any directory, in three lines', () => {
    const text = blockOf('const dir').replace('standardNames', `base: ${JSON.stringify(folder)}, standardNames`);
    const path_ = play(
      "const fs = require('node:fs'), path = require('node:path');" +
        `const { BoxSockets } = require('${root}/dist/index.js');`,
      text,
      'console.log(fs.realpathSync(sockets.bindingDir) === fs.realpathSync(dir));',
    );
    expect(path_).toBe('true\n');
  });

  it('docs/cleaners.md: a hold that ends with its block', () => {
    const before = `${LIBRARY}\nSymbol.dispose ??= Symbol('dispose'); Symbol.asyncDispose ??= Symbol('asyncDispose');
      const sockets = new BoxSockets('held', base, { base });\n{`;
    expect(play(before, blockOf('using hold'), "console.log('held'); }")).toBe('held\n');
  });

  it('docs/vendor-pin.md: what is found follows into the budget, and what changed fails a test', () => {
    const fixtures = path.join(root, 'test/fixtures/krun');
    const [found = '', expected = ''] = own.filter(({ page }) => page === 'docs/vendor-pin.md').map(({ text }) => text);
    const library = JSON.stringify(path.join(folder, 'libkrun.so.1'));
    fs.writeFileSync(path.join(folder, 'libkrun.so.1'), 'x'.repeat(100));
    const ids = `const id = 'a', realDir = '/r';`;
    const print = 'console.log(krun.scheme);';
    // What says nothing is 'unknown', and no box is made of it.
    expect(() => play(ids, found.replace("'/usr/lib64/libkrun.so.1'", library), print)).toThrow(
      /this pin is 'unknown'/,
    );
    const source = found.replace("{ library: '/usr/lib64/libkrun.so.1' }", `{ source: '${fixtures}/suffix' }`);
    expect(play(ids, source, `${print} console.log(box.budget().longest.name)`)).toBe('suffix\nnet.sock-krun.sock\n');
    const runs = "const test = (name, call) => call().then(() => console.log('passed'));";
    const vendored = expected.replaceAll(/\{ (?:source|library): '.*?' \}/g, `{ source: '${fixtures}/suffix' }`);
    expect(play(runs, vendored, '')).toBe('passed\n');
  });

  it('docs/cli.md: a shell goes where a short path leads', () => {
    fs.mkdirSync(path.join(folder, 'run'));
    expect(shell(`${blockOf('cd "$(boxsockets')}pwd -P`).trim()).toBe(path.join(folder, 'run'));
  });

  const whyNoJq = (process.env.PATH ?? '').split(':').some((each) => fs.existsSync(path.join(each, 'jq')))
    ? ''
    : ' (skipped: jq is missing)';
  it.skipIf(whyNoJq !== '')(`docs/cli.md: jq reads what doctor found${whyNoJq}`, () => {
    fs.mkdirSync(path.join(folder, '.boxes/boxes/b1/sockets'), { recursive: true });
    expect(shell(blockOf('boxsockets doctor --home ~/.boxes --json'))).toMatch(/^(?:info|warning) [\w-]+: /);
  });

  it('docs/cli.md: doctor --json has the members that the page shows, and no others', async () => {
    const text = blockOf('{');
    const { stdout } = await boxsockets(['doctor', '--base', folder, '--json']);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    const members = [...text.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
    expect(Object.keys(report).sort()).toEqual(members.sort());
  });

  it.each(
    own.flatMap(({ text }) =>
      [...text.matchAll(/^\$ boxsockets (\w+)(.*)$/gm)].map(([, command = '', rest = '']) => [command, rest] as const),
    ),
  )('docs/cli.md: %s%s is a command with these options', async (command, rest) => {
    const { stdout } = await boxsockets([command, '--help']);
    expect((rest.match(/--[a-z-]+/g) ?? []).filter((option) => !stdout.includes(option))).toEqual([]);
    expect(stdout).toContain(`boxsockets ${command}`);
  });
});
