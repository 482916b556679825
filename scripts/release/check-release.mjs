#!/usr/bin/env node
// Refuses a release that is not whole: `npm publish` runs it, and so does the release workflow.
//
//   node scripts/release/check-release.mjs                   everything but the tag
//   node scripts/release/check-release.mjs --tag v1.2.3   the tag, too

import path from 'node:path';
import util from 'node:util';

import { releaseFindings } from './findings.mjs';

const { values: options } = util.parseArgs({ options: { tag: { type: 'string' } } });

const findings = releaseFindings(path.resolve(import.meta.dirname, '../..'), options.tag);
for (const finding of findings) console.error(finding);
if (findings.length > 0) {
  console.error(`Not to be published: ${findings.length} finding${findings.length === 1 ? '' : 's'}.`);
  process.exit(1);
}
console.log('Fit for publishing.');
