#!/usr/bin/env node
// Refuses a release that is not whole: `npm publish` runs it, and so does the release workflow. Whether the binaries are
// those of these sources is check-prebuilds.mjs' to say.
//
//   node scripts/release/check-release.mjs                everything but the tag
//   node scripts/release/check-release.mjs --tag v1.2.3   the tag, too

import fs from 'node:fs';
import path from 'node:path';
import util from 'node:util';

import { fail, root } from '../tools/checkout.mjs';

/**
 * @param {{ manifest: { version: string, repository?: { url?: string } | string }, changelog: string, tag?: string | undefined }} release
 * @returns {string[]} a sentence for each rule that is broken
 */
export function releaseFindings({ manifest: { version, repository }, changelog, tag = `v${version}` }) {
  const findings = [];
  if (tag !== `v${version}`) findings.push(`the tag is ${tag}, and package.json has version ${version}`);
  const url = typeof repository === 'object' ? repository.url : repository;
  if (url === undefined || /example|placeholder/.test(url)) {
    findings.push("package.json names no repository, which npm compares with the provenance: set 'repository'");
  }
  // The newest entry is the first.
  const [title = '', ...body] = (changelog.split(/^## /m)[1] ?? '').split('\n');
  const [, named, date = ''] = /^(\S+) \((.+)\)$/.exec(title) ?? [];
  if (named !== version) findings.push(`CHANGELOG.md: the newest entry is '${title}', not one of ${version}`);
  else if (Number.isNaN(Date.parse(date))) findings.push(`CHANGELOG.md: ${version} needs its date, and has (${date})`);
  else if (body.join('').trim() === '') findings.push(`CHANGELOG.md: ${version} says nothing`);
  return findings;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = util.parseArgs({ options: { tag: { type: 'string' } } });
  const read = (/** @type {string} */ file) => fs.readFileSync(path.join(root, file), 'utf8');
  const release = { manifest: JSON.parse(read('package.json')), changelog: read('CHANGELOG.md'), tag: values.tag };
  const findings = releaseFindings(release);
  if (findings.length > 0) fail(`${findings.join('\n')}\nNot to be published.`);
  console.log('Fit for publishing.');
}
