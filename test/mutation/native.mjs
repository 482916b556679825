// Mutation testing of the POSIX layer: puts in one fault at a time (mutants.mjs) and runs the unit
// tests that reach its line. What they do not find is listed, with file and line. Results are kept, and used again while
// the file and the test that found the fault stay as they are.

import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildDirectory, cmake } from '../../scripts/native/variants.mjs';
import { fail, need, root, run } from '../../scripts/tools/checkout.mjs';
import { EQUIVALENT } from './equivalent.mjs';
import { mutantsOf } from './mutants.mjs';
import { reachOfTests } from './reach.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */
/** @typedef {import('./reach.mjs').Test} Test */
/** What became of a mutant. @typedef {{ found: boolean, by?: string, key: string }} Result */

const plain = buildDirectory('plain');
const work = path.join(root, 'native/build/mutation');
const kept = path.join(work, 'results.json');

/**
 * @param {{ files: string[], sample: number | undefined, seed: string }} what `files`: of these names alone; `sample`: as
 *   many mutants, chosen by `seed`
 * @returns {Promise<import('./run.mjs').Score>}
 */
export async function mutateNative({ files, sample, seed }) {
  need('unshare', 'ninja', 'clang++');
  os.setPriority(10);
  fs.mkdirSync(work, { recursive: true });
  cmake('plain', 'build');
  const { tests, sums } = await reachOfTests(work);
  const mutants = chooseFrom(allMutants(files, sample === undefined), sample, seed);
  /** @type {Record<string, Result>} */
  const results = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, 'utf8')) : {};
  const headers = hash(...sourcesOf('.h'));
  const all = hash(...sourcesOf('.cc'), headers, ...Object.values(sums));
  /** @type {Map<string, { found: number, missed: number }>} */
  const layers = new Map();
  /** @type {string[]} */
  const survivors = [];
  const queue = [...mutants];
  const judge = async (/** @type {number} */ slot) => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const id = hash(mutant.text, headers);
      const known = results[id];
      const isKnown = known !== undefined && known.key === (known.found ? (sums[known.by ?? ''] ?? all) : all);
      if (!isKnown) {
        const end = await attempt(mutant, tests, slot);
        if (end === undefined) continue; // it does not compile
        results[id] = { ...end, key: end.found ? (sums[end.by ?? ''] ?? all) : all };
        fs.writeFileSync(kept, JSON.stringify(results));
      }
      const layer = layers.get(mutant.file) ?? { found: 0, missed: 0 };
      layers.set(mutant.file, layer);
      if (results[id]?.found) layer.found++;
      else layer.missed++;
      if (!results[id]?.found) survivors.push(`${mutant.file}:${mutant.line}: ${mutant.before}  =>  ${mutant.after}`);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, (_, slot) => judge(slot)));
  return { layers, survivors: survivors.sort() };
}

/**
 * @param {string[]} files @param {boolean} whole whether all of them are put in, and not a sample that others take, too
 * @returns {Mutant[]} those that are not known to change nothing
 */
function allMutants(files, whole) {
  const names = fs.readdirSync(path.join(root, 'native/posix')).filter((name) => name.endsWith('.cc'));
  const wanted = names.filter((name) => files.length === 0 || files.some((file) => path.basename(file) === name));
  return wanted.flatMap((name) => {
    const file = `native/posix/${name}`;
    const mutants = mutantsOf(file, fs.readFileSync(path.join(root, file), 'utf8'));
    const equivalent = EQUIVALENT[file] ?? {};
    const stale = Object.keys(equivalent).filter((text) => !mutants.some(({ after }) => after === text));
    if (whole && stale.length > 0)
      fail(`equivalent.mjs names what is no mutant of ${file} any more: ${stale.join(' | ')}`);
    return mutants.filter(({ after }) => equivalent[after] === undefined);
  });
}

/** By a hash of the mutant itself, so that a change elsewhere leaves the choice as it was. @param {Mutant[]} mutants @param {number | undefined} sample @param {string} seed */
function chooseFrom(mutants, sample, seed) {
  if (sample === undefined) return mutants;
  const order = new Map(mutants.map((mutant) => [mutant, hash(seed, mutant.file, mutant.before, mutant.after)]));
  return mutants.sort((a, b) => ((order.get(a) ?? '') < (order.get(b) ?? '') ? -1 : 1)).slice(0, sample);
}

// Each test in a process of its own, as ctest has it, up to the first that fails. 77: skipped.
const EACH = 'program=$1; shift; for test; do "$program" "$test" -aa=1 || [ $? = 77 ] || exit 1; done';

/**
 * @param {Mutant} mutant @param {Test[]} tests @param {number} slot
 * @returns {Promise<{ found: boolean, by?: string } | undefined>} `by` is the test, where it is known
 */
async function attempt(mutant, tests, slot) {
  const reaching = tests.filter(({ reached }) => reached(mutant.file, mutant.from, mutant.to));
  const folder = path.join(work, String(slot));
  fs.mkdirSync(folder, { recursive: true });
  if (!compile(mutant, folder)) return undefined;
  const isQuick = (/** @type {Test} */ { seconds }) => seconds < 0.5;
  for (const batch of [reaching.filter(isQuick), reaching.filter((test) => !isQuick(test))]) {
    for (const name of new Set(batch.map(({ program }) => program))) {
      const some = batch.filter(({ program }) => program === name);
      const program = path.join(folder, name);
      link(name, program, folder);
      const names = some.map((test) => `-tc=${test.name.replaceAll(',', '\\,')}`);
      const limit = 5 + 5 * some.reduce((sum, { seconds }) => sum + seconds, 0);
      const { passed, output } = await runConfined(['sh', '-c', EACH, 'sh', program, ...names], limit);
      const by = /^TEST CASE: {2}(.*)$/m.exec(output)?.[1];
      if (!passed) return { found: true, ...(by !== undefined && { by }) };
    }
  }
  return { found: false };
}

/** @param {Mutant} mutant @param {string} folder @returns {boolean} */
function compile(mutant, folder) {
  const source = path.join(folder, 'mutant.cc');
  fs.writeFileSync(source, mutant.text);
  const commands = JSON.parse(fs.readFileSync(path.join(plain, 'compile_commands.json'), 'utf8'));
  const command = commands.find((/** @type {{ file: string }} */ { file }) => file === path.join(root, mutant.file));
  const [program, ...flags] = command.command
    .replace(/ -o .*$/, '')
    .replace(' -g ', ' ')
    .split(' ');
  const once = ['-include', path.join(root, 'test/mutation/once.h'), '-iquote', path.join(root, 'native/posix')];
  try {
    const args = [...flags, '-w', '-Wno-error', ...once, '-o', path.join(folder, 'mutant.o'), '-c', source];
    execFileSync(program, args, { cwd: plain, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Links a program of the tests as it was linked, the mutant before the library. @param {string} name @param {string} out @param {string} folder */
function link(name, out, folder) {
  const commands = run('ninja', ['-C', plain, '-t', 'commands', name], { quiet: true }).trim().split('\n');
  const command = (commands.at(-1) ?? '').split(' && ')[1] ?? '';
  const [program = '', ...args] = command.split(' ').filter((word) => word !== '');
  const at = args.indexOf('-o');
  args.splice(at, 2, '-Wl,-S', '-o', out, path.join(folder, 'mutant.o'));
  execFileSync(program, args, { cwd: plain });
}

/**
 * A mutant may remove anything and end anybody. It sees its own processes alone, an empty temporary directory, and the
 * rest of the files as they are.
 *
 * @param {string[]} command @param {number} seconds after which it is ended, and has failed
 * @param {{ env?: NodeJS.ProcessEnv, writable?: string[] }} [options] `writable`: directories that it may write after all
 * @returns {Promise<{ passed: boolean, output: string }>}
 */
export function runConfined(command, seconds, { env = {}, writable = [] } = {}) {
  const kept = writable.map((directory) => `mount --bind '${directory}' '${directory}' && `).join('');
  const confine = `mount -t tmpfs -o mode=1777 tmpfs /tmp && ${kept} mount -o remount,bind,ro / && exec "$@"`;
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  const namespaces = [...user, '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return new Promise((resolve) => {
    const child = spawn('unshare', [...namespaces, 'sh', '-c', confine, 'sh', ...command], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...env },
      detached: true,
    });
    let output = '';
    child.stdout.on('data', (data) => {
      if (output.length < 100_000) output += data;
    });
    // All of its group, the first process of its namespace among them, with which every other ends.
    const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
    process.once('exit', end);
    const timer = setTimeout(end, seconds * 1000);
    // What it was: not all that holds its output has to end with it.
    child.once('exit', (status) => {
      clearTimeout(timer);
      process.off('exit', end);
      setImmediate(() => resolve({ passed: status === 0, output }));
    });
  });
}

/** @param {string} ending */
function sourcesOf(ending) {
  const directory = path.join(root, 'native/posix');
  const names = fs.readdirSync(directory).filter((name) => name.endsWith(ending));
  return names.map((name) => fs.readFileSync(path.join(directory, name), 'utf8'));
}

/** @param {...string} texts */
export function hash(...texts) {
  return crypto.createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
}
