#!/usr/bin/env node
// Checks the native code: `node scripts/native/lint.mjs`. Layout by clang-format, the layers by what they include, and the rest
// by clang-tidy (.clang-tidy), which reads the flags of every file from the lint variant's compile_commands.json.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { need, root, run } from '../tools/checkout.mjs';
import { buildDirectory, cmake } from './variants.mjs';

const DIRECTORIES = ['posix', 'glue', 'test', 'fuzz'];

need('clang-format', 'clang-tidy');
const files = DIRECTORIES.flatMap((directory) => list(path.join('native', directory)));
run('clang-format', ['--dry-run', '-Werror', ...files]);
const findings = files.filter((file) => file.startsWith('native/posix/')).flatMap(foreignIncludes);
for (const finding of findings) console.error(finding);

cmake('lint', 'configure');
// Where clangd looks for it.
fs.copyFileSync(
  path.join(buildDirectory('lint'), 'compile_commands.json'),
  path.join(root, 'native/build/compile_commands.json'),
);
const sources = files.filter((file) => file.endsWith('.cc'));
const failures = await tidy(sources);
console.log(`${files.length} files laid out, ${sources.length} sources tidied, ${failures + findings.length} findings`);
process.exitCode = failures + findings.length === 0 ? 0 : 1;

/** @param {string} directory */
function list(directory) {
  const names = fs.existsSync(path.join(root, directory)) ? fs.readdirSync(path.join(root, directory)) : [];
  return names.filter((name) => /\.(cc|h)$/.test(name)).map((name) => path.posix.join(directory, name));
}

/**
 * The POSIX layer knows no JavaScript: it includes the system's headers and its own, and no other.
 *
 * @param {string} file
 */
function foreignIncludes(file) {
  const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    const included = line.match(/^\s*#\s*include\s*["<]([^">]+)/)?.[1];
    const foreign = included !== undefined && /(^|\/)(napi|node|js_native|uv|v8)|\.\./.test(included);
    return foreign ? [`${file}:${index + 1}: the POSIX layer includes ${included}`] : [];
  });
}

/**
 * Runs clang-tidy over the sources, as many at once as there are processors.
 *
 * @param {string[]} sources
 * @returns {Promise<number>} how many of them had findings
 */
async function tidy(sources) {
  const queue = [...sources];
  let failures = 0;
  const worker = async () => {
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      const { status, output } = await capture('clang-tidy', ['--quiet', '-p', buildDirectory('lint'), file]);
      if (status === 0) continue;
      failures++;
      console.error(output);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  return failures;
}

/**
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<{ status: number | null, output: string }>}
 */
function capture(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}
