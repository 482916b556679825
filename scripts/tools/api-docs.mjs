#!/usr/bin/env node
// docs/api, made from the types and their docstrings by typedoc: `node scripts/tools/api-docs.mjs`. With --check it changes
// nothing, and fails where the pages are not those of the types, or a public member has no docstring.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { fail, root } from './checkout.mjs';
import { installPinned } from './pinned.mjs';

const ENTRIES = ['index', 'box/index', 'sandbox/index', 'runtime/index', 'native/load'];
const pages = path.join(root, 'docs/api');
const check = process.argv.includes('--check');
const made = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
try {
  make(made);
  if (!check) {
    fs.rmSync(pages, { recursive: true, force: true });
    fs.cpSync(made, pages, { recursive: true });
  } else if (JSON.stringify(read(made)) !== JSON.stringify(read(pages))) {
    fail('docs/api is not what the types say: node scripts/tools/api-docs.mjs');
  }
} finally {
  fs.rmSync(made, { recursive: true });
}

/** @param {string} folder */
function make(folder) {
  const modules = installPinned('api-docs');
  const args = [
    ...['--plugin', path.join(modules, 'typedoc-plugin-markdown/dist/index.js')],
    ...['--tsconfig', path.join(root, 'tsconfig.json'), '--skipErrorChecking'],
    ...ENTRIES.flatMap((entry) => ['--entryPoints', path.join(root, `lib/${entry}.ts`)]),
    ...['--out', folder, '--readme', 'none', '--outputFileStrategy', 'modules', '--logLevel', 'Warn'],
    ...['--hideBreadcrumbs', '--hidePageHeader', '--disableSources', '--excludePrivate', '--excludeInternal'],
    ...['--validation.notDocumented', ...(check ? ['--treatValidationWarningsAsErrors'] : [])],
  ];
  const typedoc = path.join(modules, 'typedoc/bin/typedoc');
  const { status } = spawnSync(process.execPath, [typedoc, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail('typedoc: see above');
}

/** @param {string} folder */
function read(folder) {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const texts = files.filter((file) => file.endsWith('.md'));
  return texts.map((file) => [file, fs.readFileSync(path.join(folder, file), 'utf8')]);
}
