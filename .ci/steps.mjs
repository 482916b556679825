// The steps of the gate, one after another, and the sum of what they ran.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'gate-'));
const total = { passed: 0, failed: 0, skipped: 0 };

/**
 * A step whose success is its exit status counts as one. `counts` reads more out of what it printed or wrote.
 *
 * @typedef {{ passed: number, failed: number, skipped: number, failures?: string[] }} Counts
 * @typedef {{ name: string, command: string[], counts?: (output: string) => Counts | undefined }} Step
 */

/** @type {Step[]} */
const STEPS = [
  check('npm', 'ci'),
  check('npm', 'start'),
  // Which compiles SQLite for a Node that has none of its own; those that come after find it.
  vitest('npm', 'run', 'test:all', '--', 'test/proofs'),
  vitest('npm', 'test', '--'),
  { name: 'examples/machine', command: ['node', 'examples/machine/run.mjs'], counts: readLastLine },
  check('npm', 'run', 'lint'),
  check('node', 'scripts/tools/api-docs.mjs', '--check'),
  check('node', 'scripts/native/lint.mjs'),
  { name: 'npm run test:native', command: ['npm', 'run', 'test:native'], counts: readLastLine },
  {
    name: 'npm run test:native -- valgrind',
    command: ['npm', 'run', 'test:native', '--', 'valgrind'],
    counts: readLastLine,
  },
  // After the native tests, whose build it takes its own from.
  { name: 'npm run mutate', command: ['npm', 'run', 'mutate', '--', '--check'], counts: readLastLine },
  vitest('node', 'scripts/native/sanitized.mjs', '--quick'),
  check('node', 'scripts/native/fuzz.mjs', '--runs', '1000000'),
  check('npm', 'run', 'prebuilds', '--', '--check'),
  { name: 'npm run test:darwin', command: ['npm', 'run', 'test:darwin'], counts: readLastLine },
  vitest('npm', 'run', 'test:package', '--'),
  check('npm', 'run', 'bench', '--', '--check'),
];

/** @param {string[]} command */
function check(...command) {
  return { name: command.join(' '), command };
}

/** @param {string[]} command that hands its further arguments to vitest */
function vitest(...command) {
  const report = path.join(scratch, `${command.join('-').replaceAll('/', '-')}.json`);
  const flags = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return {
    name: command.join(' '),
    command: [...command, ...flags],
    counts: () => {
      if (!fs.existsSync(report)) return undefined;
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites, testResults } =
        JSON.parse(fs.readFileSync(report, 'utf8'));
      // A file that does not even load has no failed test, and has failed all the same.
      const failed = Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
      const failures = testResults.flatMap(failuresOf);
      return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests, failures };
    },
  };
}

/** What failed in a file of tests. @param {any} suite @returns {string[]} */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((/** @type {any} */ test) => test.status === 'failed');
  const lines = failed.map((/** @type {any} */ test) => `${test.fullName}: ${test.failureMessages.join(' ')}`);
  if (lines.length === 0 && status === 'failed') lines.push(message);
  return lines.map((/** @type {string} */ line) => `${path.relative('.', name)}: ${line.slice(0, 1000)}`);
}

/** The last line of the form `N passed, N failed, N skipped`. @param {string} output */
function readLastLine(output) {
  const found = [...output.matchAll(/(\d+) passed, (\d+) failed, (\d+) skipped/g)].at(-1);
  if (found === undefined) return undefined;
  const [passed = 0, failed = 0, skipped = 0] = found.slice(1).map(Number);
  return { passed, failed, skipped };
}

/** @param {Step} step @returns {Promise<{ status: number, output: string }>} */
function run({ command: [file = '', ...args] }) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      process.stdout.write(data);
      output += data;
    });
    child.once('error', (error) => resolve({ status: 1, output: String(error) }));
    child.once('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** What tests of this project make in the temporary directory, and must have removed. @returns {Set<string>} */
function leftovers() {
  const own = /^(bs|bsn|bl)-/;
  return new Set(
    ['/tmp', os.tmpdir()].flatMap((directory) => fs.readdirSync(directory)).filter((name) => own.test(name)),
  );
}

const before = leftovers();
const ends = [];
/** @type {string[]} what is to be read where only the end of a log is */
const failures = [];
for (const step of STEPS) {
  console.log(`\n==> ${step.name}`);
  const started = Date.now();
  const { status, output } = await run(step);
  const counts = step.counts?.(output) ?? { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
  // A step that failed has failed, whatever it counted.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.failed > 0) {
    failures.push(
      `${step.name}:`,
      ...(counts.failures?.length ? counts.failures : output.trim().split('\n').slice(-12)),
    );
  }
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
  const seconds = Math.round((Date.now() - started) / 1000);
  ends.push(`${step.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)`);
  if (step.name === 'npm ci' && status !== 0) break;
}
const left = [...leftovers()].filter((name) => !before.has(name));
total[left.length === 0 ? 'passed' : 'failed']++;
ends.push(`left behind in the temporary directory: ${left.length === 0 ? 'nothing' : left.join(', ')}`);
fs.rmSync(scratch, { recursive: true });
if (failures.length > 0) console.log(`\nWhat failed\n\n${failures.join('\n')}`);
console.log(`\n${ends.join('\n')}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
