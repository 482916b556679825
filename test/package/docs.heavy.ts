// The README and the recipes, played from an empty directory with the packed package, as somebody new would.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { LEFT_OUT } from './golden.js';
import { installedProject, root, run, titled, whyNoTools } from './installed.js';

/** Why the machine's own /tmp cannot be spared; undefined where a program can be given one of its own. */
function whyNoPrivateTmp(): string | undefined {
  const { status } = spawnSync('bwrap', ['--dev-bind', '/', '/', '--tmpfs', '/tmp', 'true']);
  return status === 0 ? undefined : 'needs bubblewrap, for a /tmp of its own';
}

const missing = whyNoPrivateTmp();

/** Runs a program in the project, with an empty /tmp. */
function play(project: string, file: string) {
  const sandbox = [
    '--dev-bind',
    '/',
    '/',
    '--tmpfs',
    '/tmp',
    '--bind',
    project,
    '/tmp/project',
    '--chdir',
    '/tmp/project',
  ];
  return run('bwrap', [...sandbox, '--setenv', 'RUNTIME_DIRECTORY', '/tmp/project/run', process.execPath, file]);
}

interface Block {
  /** The heading that it stands under. */
  heading: string;
  /** What follows the language. */
  flags: string;
  text: string;
}

/** The JavaScript of a page. */
function blocks(page: string): Block[] {
  return fs
    .readFileSync(path.join(root, page), 'utf8')
    .split(/^(?=## )/m)
    .flatMap((section) => {
      const heading = /^## (.+)$/m.exec(section)?.[1] ?? '';
      return [...section.matchAll(/^```js ?([^\n]*)\n(.*?)^```$/gms)].map(([, flags = '', text = '']) => ({
        heading,
        flags,
        text,
      }));
    });
}

describe('the first example of the README', () => {
  const [example, ...further] = blocks('README.md');
  const commonJs = example?.text ?? '';
  const esm = commonJs
    .replace(/^const (.+) = require\('node:(.+)'\);$/gm, "import $1 from 'node:$2';")
    .replace(/^const (.+) = require\('boxsockets'\);$/gm, "import $1 from 'boxsockets';");

  it('is the only one, and has at most fifteen lines', () => {
    expect(further).toEqual([]);
    expect(commonJs.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(15);
  });

  it.skipIf(missing !== undefined)(titled('runs as it stands, and as an ES module', missing), async () => {
    const project = installedProject();
    for (const [file, text] of [
      ['first.cjs', commonJs],
      ['first.mjs', esm],
    ] as const) {
      fs.writeFileSync(path.join(project, file), text);
      const { status, stdout, stderr } = await play(project, file);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^hello from 3\d\d bytes down\n$/);
    }
  });

  it('and every link of the README, leads to what is packed', () => {
    const project = path.join(installedProject(), 'node_modules/boxsockets');
    const links = [...fs.readFileSync(path.join(project, 'README.md'), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)];
    expect(links.length).toBeGreaterThan(10);
    const dead = links.map(([, link = '']) => link).filter((link) => !fs.existsSync(path.join(project, link)));
    // Pages of the repository, which say so; what docs/api has is in the types that are packed.
    expect(dead.sort()).toEqual(['CONTRIBUTING.md', 'docs/api/README.md', ...LEFT_OUT]);
  });
});

const PRELUDE = `
const fs = require('node:fs');
const path = require('node:path');
const http = require('node:http');
const cluster = require('node:cluster');
const { spawn } = require('node:child_process');
const { setTimeout: sleep } = require('node:timers/promises');
const { BoxSockets, runtimeBase } = require('boxsockets');
const { BoxLayout, ShimProcess, waitForReady } = require('boxsockets/box');
const optional = (name) => { try { return require(name); } catch (error) { if (error.code !== 'MODULE_NOT_FOUND') throw error; } };
const [undici, express, ws, fastify] = ['undici', 'express', 'ws', 'fastify'].map(optional);
fs.mkdirSync('/tmp/project/run', { recursive: true, mode: 0o700 });
`;
// A client of whatever serves HTTP there, and the end.
const POSTLUDE = `
for (let i = 0; i < 200 && serves && cluster.isPrimary && !fs.existsSync(sockets.socket('http.sock')); i++) await sleep(50);
await sleep(300);
if (cluster.isPrimary && serves) {
  const answer = await new Promise((resolve, reject) => {
    http.get({ socketPath: sockets.socket('http.sock') }, (response) => response.setEncoding('utf8').on('data', resolve)).on('error', reject);
  });
  console.log('served', answer);
}
for (const worker of Object.values(cluster.workers ?? {})) worker.kill();
if (cluster.isPrimary) process.exit();
`;

const SAYS: Record<string, RegExp> = {
  http: /hello\n/,
  'undici, and fetch': /^hello\n/,
  express: /^served hello/,
  fastify: /^served hello/,
  ws: /^hello$/m,
  'A shim that says ready': /^ready after \d+ ms$/m,
  'A systemd service': /^$/,
  'pm2 and node:cluster': /^served hello/,
};

describe('docs/recipes.md', () => {
  const all = blocks('docs/recipes.md');
  const setup = all.find(({ flags }) => flags === 'setup')?.text ?? '';
  const recipes = all.filter(({ flags }) => flags.startsWith('run'));
  const why = missing ?? whyNoTools('recipes');

  it('says of every program what it does, or why it is not run', () => {
    expect(recipes.map(({ heading }) => heading)).toEqual(Object.keys(SAYS));
    const others = all.filter(({ flags }) => flags === '');
    for (const { text } of others) expect(text).toMatch(/^\/\/ not run here: /);
  });

  it.skipIf(why !== undefined).each(recipes)(titled('$heading', why), async ({ heading, text }) => {
    const project = installedProject();
    const modules = installPinned('recipes');
    for (const name of fs.readdirSync(modules)) {
      const link = path.join(project, 'node_modules', name);
      if (!fs.existsSync(link)) fs.symlinkSync(path.join(modules, name), link);
    }
    // Where a recipe makes its sockets in another way, its own are the ones.
    const own = text.includes('const sockets =') ? setup.replace(/^const sockets = .*$/m, '') : setup;
    const serves = SAYS[heading]?.source.startsWith('^served');
    const program = `const serves = ${serves};${PRELUDE}\n(async () => {\n${own}\n${text}\n${POSTLUDE}\n})();`;
    fs.writeFileSync(path.join(project, 'recipe.cjs'), program);
    const { status, stdout, stderr } = await play(project, 'recipe.cjs');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(SAYS[heading] ?? /never/);
  });
});
