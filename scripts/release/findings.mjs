// What a release must be. Each rule that is broken is a sentence.

import fs from 'node:fs';
import path from 'node:path';

import { compareSums, parseSums, sha256 } from './checksums.mjs';
import { TARGETS } from './targets.mjs';

/**
 * @param {string} root of the checkout
 * @param {string} [tag] that is published, `v1.2.3`
 * @returns {string[]}
 */
export function releaseFindings(root, tag) {
  const manifest = JSON.parse(read(root, 'package.json') ?? '{}');
  return [
    ...versionFindings(root, manifest, tag),
    ...changelogFindings(read(root, 'CHANGELOG.md'), manifest.version),
    ...binaryFindings(root),
  ];
}

/**
 * @param {string} root
 * @param {{ version?: string, private?: boolean, repository?: { url?: string } | string }} manifest
 * @param {string | undefined} tag
 * @returns {string[]}
 */
function versionFindings(root, { version = '', private: isPrivate, repository }, tag) {
  const findings = [];
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) findings.push(`package.json: '${version}' is no version`);
  if (tag !== undefined && tag !== `v${version}`) {
    findings.push(`the tag is ${tag}, and package.json has version ${version}: the tag must be v${version}`);
  }
  const locked = JSON.parse(read(root, 'package-lock.json') ?? '{}').version;
  if (locked !== version)
    findings.push(`package-lock.json has version ${locked}, package.json ${version}: npm install`);
  if (isPrivate === true) findings.push('package.json: private packages are not published');
  if (repository === undefined) {
    findings.push("package.json names no repository, which npm compares with the provenance: set 'repository'");
  }
  return findings;
}

/**
 * @param {string | undefined} text
 * @param {string} version
 * @returns {string[]}
 */
function changelogFindings(text, version) {
  if (text === undefined) return ['CHANGELOG.md is missing'];
  // The newest entry is the first.
  const [title = '', ...body] = (text.split(/^## /m)[1] ?? '').split('\n');
  const [, named, date] = /^(\S+) \((.+)\)$/.exec(title) ?? [];
  if (named !== version) return [`CHANGELOG.md: the newest entry is '${title}', not one of ${version}`];
  const findings = [];
  if (date === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(Date.parse(date))) {
    findings.push(`CHANGELOG.md: ${version} needs its date, (YYYY-MM-DD), and has (${date})`);
  }
  if (body.join('').trim() === '') findings.push(`CHANGELOG.md: ${version} says nothing`);
  return findings;
}

/**
 * @param {string} root
 * @returns {string[]}
 */
function binaryFindings(root) {
  const present = TARGETS.filter(({ file }) => fs.existsSync(path.join(root, file)));
  const missing = TARGETS.filter((target) => !present.includes(target));
  const findings = missing.map(({ file }) => `${file} is missing: npm run prebuilds`);
  const sums = read(root, 'prebuilds/SHA256SUMS');
  if (sums === undefined) return [...findings, 'prebuilds/SHA256SUMS is missing: npm run prebuilds'];
  const found = present.map(
    ({ file }) => /** @type {const} */ ([file, sha256(fs.readFileSync(path.join(root, file)))]),
  );
  const absent = missing.map(({ file }) => file);
  const differences = compareSums(parseSums(sums), new Map(found));
  // What is missing has been said.
  return [...findings, ...differences.filter((line) => !absent.some((file) => line.startsWith(`${file}: stated`)))];
}

/**
 * @param {string} root
 * @param {string} file
 * @returns {string | undefined}
 */
function read(root, file) {
  const whole = path.join(root, file);
  return fs.existsSync(whole) ? fs.readFileSync(whole, 'utf8') : undefined;
}
