#!/usr/bin/env node
// Checks the native code: `node scripts/native/lint.mjs`. Layout by clang-format, the layers by what they include, and the rest
// by clang-tidy (.clang-tidy), which reads the flags of every file from the lint variant's compile_commands.json.

import fs from 'node:fs';
import path from 'node:path';
import { capture, inParallel, need, root, run } from '../tools/checkout.mjs';
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
let failures = 0;
await inParallel(sources, async (file) => {
  const { passed, output } = await capture(['clang-tidy', '--quiet', '-p', buildDirectory('lint'), file]);
  if (passed) return;
  failures++;
  console.error(output);
});
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
