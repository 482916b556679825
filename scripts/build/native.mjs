#!/usr/bin/env node
// Builds the addon for this machine with node-gyp, under the name that the loader looks for: `npm run build:native`.
// prebuildify's own command would tag macOS binaries as glibc's, and take every Linux but Alpine for one with glibc.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';

const prebuildify = createRequire(import.meta.url)('prebuildify');

// Most installations bring Node's headers along; node-gyp would fetch them all the same.
const prefix = path.resolve(process.execPath, '../..');
if (fs.existsSync(path.join(prefix, 'include/node/node_api.h'))) process.env.npm_config_nodedir ??= prefix;

await util.promisify(prebuildify)({
  cwd: path.resolve(import.meta.dirname, '../..'),
  napi: true,
  strip: true,
  // The Node that runs this; prebuildify's default is another version, whose headers would have to be fetched.
  targets: [`node@${process.versions.node}`],
  tagLibc: process.platform === 'linux',
  libc: hasGlibc() ? 'glibc' : 'musl',
});

/**
 * @returns {boolean}
 */
function hasGlibc() {
  const report = /** @type {{ header: Record<string, unknown> }} */ (process.report.getReport());
  return 'glibcVersionRuntime' in report.header;
}
