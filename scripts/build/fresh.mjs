#!/usr/bin/env node
// Builds what is older than its sources. Tests and lint begin with it, so that none looks at yesterday's build; and
// `npm run watch` does so at every change.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { root } from '../tools/checkout.mjs';
import { fileOfThisMachine } from './machine.mjs';

/**
 * @typedef {object} Part
 * @property {string} script that builds it
 * @property {string} built last, and newer than its sources where they have not changed since
 * @property {readonly string[]} sources
 */

/** @type {readonly Part[]} */
const PARTS = [
  {
    script: 'native.mjs',
    built: fileOfThisMachine(),
    sources: ['binding.gyp', 'native/posix', 'native/glue', 'scripts/build/native.mjs'],
  },
  {
    script: 'typescript.mjs',
    built: 'dist/.built',
    sources: [
      'lib',
      'tsconfig.json',
      'scripts/build/typescript.mjs',
      'scripts/build/bundle.mjs',
      'scripts/build/es-modules.mjs',
    ],
  },
];
// Another addon is to be tested: the published one, or one with sanitizers.
const KEEPS_ADDON = process.env.BOXSOCKETS_KEEP_ADDON !== undefined;

/** What vitest calls before the tests, and before it runs some again. @param {import('vitest/node').TestProject} project */
export function setup(project) {
  buildStale();
  project.onTestsRerun(buildStale);
}

/** @throws where it does not build; the compilers have said why */
export function buildStale() {
  for (const { script, built, sources } of PARTS) {
    if (newest(sources) < timeOf(built) || (KEEPS_ADDON && script === 'native.mjs')) continue;
    const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, script)], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`this checkout does not build (${script}: see above)`);
  }
}

/**
 * @param {readonly string[]} sources
 * @returns {number}
 */
function newest(sources) {
  const within = (/** @type {string} */ source) =>
    fs.statSync(path.join(root, source)).isDirectory()
      ? fs
          .readdirSync(path.join(root, source), { recursive: true, encoding: 'utf8' })
          .map((name) => `${source}/${name}`)
      : [];
  // A directory's own time tells of what was removed.
  return Math.max(...sources.flatMap((source) => [source, ...within(source)]).map(timeOf));
}

/**
 * @param {string} file
 * @returns {number} of its last change, in milliseconds; 0 where it is not there
 */
function timeOf(file) {
  return fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function watch() {
  /** @type {NodeJS.Timeout | undefined} */
  let soon;
  const build = () => {
    try {
      buildStale();
      console.log('built; lib/ and native/ are watched');
    } catch (error) {
      console.error(String(error));
    }
  };
  for (const folder of ['lib', 'native/posix', 'native/glue']) {
    // Once for all that an editor writes.
    fs.watch(path.join(root, folder), { recursive: true }, () => {
      clearTimeout(soon);
      soon = setTimeout(build, 100);
    });
  }
  build();
}

if (process.argv[1] === import.meta.filename) process.argv.includes('--watch') ? watch() : buildStale();
