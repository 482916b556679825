// Mutation testing of the TypeScript that is pure, or is tested in the process of its test: by StrykerJS, with the
// tests of vitest.mutation.config.mts. What it found before is used again where neither source nor test has changed.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, run } from '../../scripts/tools/checkout.mjs';
import { installPinned } from '../../scripts/tools/pinned.mjs';
import { hash, runConfined } from './native.mjs';

const FOLDERS = ['paths', 'krun', 'sandbox', 'box', 'cli', 'runtime'];
const HOURS = 4;
const work = path.join(root, 'build/mutation');
const report = path.join(work, 'report.json');

/**
 * @param {{ files: string[], sample: number | undefined, seed: string }} what `files`: of those alone that these are part of; `sample`: as
 *   many lines, chosen by `seed`
 * @returns {Promise<import('./run.mjs').Score>}
 */
export async function mutateTypeScript({ files, sample, seed }) {
  run(process.execPath, ['scripts/build/fresh.mjs']);
  // What a Node without SQLite of its own keeps rows with; where it is not to be had, those tests are left out.
  const sqlite = spawnSync(process.execPath, ['scripts/tools/sqlite.mjs'], { cwd: root, encoding: 'utf8' });
  if (sqlite.status !== 0) console.error(`without SQLite: ${sqlite.stderr.trim()}`);
  const modules = installPinned('mutation');
  fs.mkdirSync(work, { recursive: true });
  const names = FOLDERS.flatMap((folder) => sourcesIn(`lib/${folder}`));
  const wanted = names.filter((name) => files.length === 0 || files.some((file) => name.includes(file)));
  const config = path.join(work, 'stryker.json');
  fs.writeFileSync(
    config,
    JSON.stringify(settings(modules, sample ? chooseLines(wanted, sample, seed) : wanted, !sample)),
  );
  fs.rmSync(report, { force: true });
  const program = path.join(modules, '@stryker-mutator/core/bin/stryker.js');
  // Where vite puts what it makes of its configuration.
  const scratch = path.join(root, 'node_modules/.vite-temp');
  fs.mkdirSync(scratch, { recursive: true });
  const command = [process.execPath, program, 'run', config];
  const { output } = await runConfined(command, HOURS * 3600, { writable: [work, scratch], isShown: true });
  if (!fs.existsSync(report)) throw new Error(`StrykerJS ended without a report:\n${output}`);
  return readReport();
}

/** @param {string} folder @returns {string[]} */
function sourcesIn(folder) {
  const names = fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);
}

/** @param {string} modules @param {string[]} mutate @param {boolean} incremental */
function settings(modules, mutate, incremental) {
  return {
    mutate,
    testRunner: 'vitest',
    plugins: [path.join(modules, '@stryker-mutator/vitest-runner/dist/src/index.js')],
    vitest: { configFile: 'vitest.mutation.config.mts', related: false },
    tsconfigFile: 'none', // it would load a TypeScript of its own to rewrite the paths in ours
    coverageAnalysis: 'perTest',
    // Messages are held by the golden files of doctor, word by word, and nobody else reads them.
    mutator: { excludedMutations: ['StringLiteral'] },
    ignorePatterns: ['/native/build', '/build', '/coverage', '/test/proofs/*', '!/test/proofs/cli', '/test/package'],
    buildCommand: 'chmod 755 .', // some tests act as another user
    concurrency: os.availableParallelism(),
    timeoutMS: 20_000, // what is slow on a busy machine is not found by that
    incremental,
    incrementalFile: path.relative(root, path.join(work, 'incremental.json')),
    tempDirName: path.relative(root, path.join(work, 'sandbox')),
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: path.relative(root, report) },
    allowEmpty: true,
  };
}

/** By a hash of the line, so that a change elsewhere leaves the choice as it was. @param {string[]} files @param {number} sample @param {string} seed */
function chooseLines(files, sample, seed) {
  const lines = files.flatMap((file) =>
    fs
      .readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .map((text, at) => ({
        range: `${file}:${at + 1}:0-${at + 1}:${text.length}`,
        text,
        order: hash(seed, file, text),
      })),
  );
  const isCode = (/** @type {{ text: string }} */ { text }) => !/^\s*(?:\/\/|\/?\*|import\b|[{}()[\];,]*$)/.test(text);
  return lines
    .filter(isCode)
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, sample)
    .map(({ range }) => range);
}

/** @returns {import('./run.mjs').Score} */
function readReport() {
  /** @type {import('./run.mjs').Score['layers']} */
  const layers = new Map();
  const survivors = [];
  const { files } = JSON.parse(fs.readFileSync(report, 'utf8'));
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const lines = source.split('\n');
    const folder = path.dirname(file).split('/').slice(0, 3).join('/');
    const layer = layers.get(folder) ?? { found: 0, missed: 0, equivalent: 0 };
    layers.set(folder, layer);
    for (const { status, location, replacement, mutatorName } of mutants) {
      if (status === 'Killed' || status === 'Timeout') layer.found++;
      if (status !== 'Survived' && status !== 'NoCoverage') continue;
      layer.missed++;
      const { line, column } = location.start;
      const to = `${mutatorName} ${String(replacement).replace(/\s+/g, ' ').slice(0, 80)}`;
      survivors.push(`${file}:${line}:${column}: ${lines[line - 1]?.trim()}  =>  ${to}`);
    }
  }
  return { layers, survivors };
}
