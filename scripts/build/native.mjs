#!/usr/bin/env node
// Builds the addon for this machine with node-gyp, in build/, and puts it where the loader looks for it:
// `npm run build:native`. What has not changed is not compiled again.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { need, root, run } from '../tools/checkout.mjs';
import { fileOfThisMachine } from './machine.mjs';

const require = createRequire(import.meta.url);
const nodeDirectory = path.join(root, 'build/node');

/** In place of Node's own, which is for building Node: how an addon is compiled, in gyp's words. */
const COMMON = {
  target_defaults: {
    default_configuration: 'Release',
    configurations: { Release: {} },
    cflags: ['-fPIC', '-pthread'],
    ldflags: ['-pthread'],
  },
};

need(
  'make',
  'strip',
  ...(process.env.CXX === undefined ? ['g++'] : []),
  ...(process.env.PYTHON === undefined ? ['python3'] : []),
);
writeHeaders();
run(process.execPath, [require.resolve('node-gyp/bin/node-gyp.js'), 'configure', 'build', '--force-process-config'], {
  quiet: true,
  env: {
    // Nothing is fetched; were it, then not into a folder of /tmp that anybody may have made.
    npm_config_nodedir: nodeDirectory,
    npm_config_devdir: path.join(root, 'build/node-gyp'),
    npm_config_jobs: 'max',
  },
});
install(path.join(root, 'build/Release/boxsockets.node'), path.join(root, fileOfThisMachine()));

/**
 * Node-API's headers, where node-gyp looks for Node's own: those do not come with every Node, and would be fetched.
 */
function writeHeaders() {
  const include = path.join(nodeDirectory, 'include/node');
  fs.mkdirSync(include, { recursive: true });
  const headers = path.join(path.dirname(require.resolve('node-api-headers/package.json')), 'include');
  // Their times stay, so that what was compiled with them is still fresh.
  fs.cpSync(headers, include, { recursive: true, preserveTimestamps: true });
  fs.writeFileSync(path.join(include, 'common.gypi'), JSON.stringify(COMMON));
}

/**
 * Replaces the file whole: a process that has the old one mapped keeps it.
 *
 * @param {string} built
 * @param {string} file
 */
function install(built, file) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.copyFileSync(built, `${file}.new`);
  run('strip', process.platform === 'darwin' ? ['-Sx', `${file}.new`] : [`${file}.new`]);
  fs.renameSync(`${file}.new`, file);
}
