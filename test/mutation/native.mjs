// Mutation testing of the POSIX layer: puts in one fault at a time (mutants.mjs) and runs the unit
// tests that reach its line. What they do not find is listed, with file and line. Results are kept, and used again while
// the file and the test that found the fault stay as they are.

import { execFile, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import util from 'node:util';
import { buildDirectory, cmake } from '../../scripts/native/variants.mjs';
import { fail, need, root, run } from '../../scripts/tools/checkout.mjs';
import { EQUIVALENT } from './equivalent.mjs';
import { mutantsOf } from './mutants.mjs';
import { reachOfTests } from './reach.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */
/** @typedef {import('./reach.mjs').Test} Test */
/**
 * What became of a mutant.
 *
 * @typedef {object} Result
 * @property {string} [by] the test that found it
 * @property {string[]} asked the sums of the tests that did not, or of the one that did
 */

const plain = buildDirectory('plain');
const work = path.join(root, 'native/build/mutation');
const kept = path.join(work, 'results.json');
const exec = util.promisify(execFile);
/** What ninja would do for a program, by its name. @type {Map<string, string>} */
const linked = new Map();

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
  const { mutants: all, equivalent } = allMutants(files, sample === undefined);
  const mutants = chooseFrom(all, sample, seed);
  /** @type {Record<string, Result>} */
  const results = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, 'utf8')) : {};
  const headers = hash(...sourcesOf('.h'));
  /** @type {import('./run.mjs').Score['layers']} */
  const layers = new Map();
  /** @type {string[]} */
  const survivors = [];
  const queue = [...mutants];
  /** How many mutants each test has found: who found the last ones is asked first. @type {Map<string, number>} */
  const finds = new Map();
  const judge = async (/** @type {number} */ slot) => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const id = hash(mutant.text, headers);
      const known = results[id] ?? { asked: [] };
      const isKnown = known.by !== undefined && known.asked.includes(sums[known.by] ?? '');
      const reaching = tests.filter(({ reached }) => reached(mutant.file, mutant.from, mutant.to));
      // Who has looked for it in vain need not look again.
      const isNew = (/** @type {Test} */ { name }) => !known.asked.includes(sums[name] ?? '');
      if (!isKnown && (results[id] === undefined || reaching.some(isNew))) {
        const often = (/** @type {Test} */ { name }) => finds.get(name) ?? 0;
        const asked = reaching.filter((test) => known.by !== undefined || isNew(test));
        const by = await attempt(
          mutant,
          asked.toSorted((a, b) => often(b) - often(a)),
          slot,
        );
        if (by === false) continue; // it does not compile
        const sumOf = (/** @type {string} */ name) => sums[name] ?? '';
        if (by !== undefined) finds.set(by, (finds.get(by) ?? 0) + 1);
        results[id] =
          by === undefined ? { asked: reaching.map(({ name }) => sumOf(name)) } : { by, asked: [sumOf(by)] };
        fs.writeFileSync(kept, JSON.stringify(results));
      }
      const layer = layers.get(mutant.file) ?? { found: 0, missed: 0, equivalent: equivalent.get(mutant.file) ?? 0 };
      layers.set(mutant.file, layer);
      const isFound = results[id]?.by !== undefined;
      if (isFound) layer.found++;
      else layer.missed++;
      if (!isFound) survivors.push(`${mutant.file}:${mutant.line}: ${textOf(mutant)}`);
    }
  };
  // One more than there are processors: some tests wait.
  await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, (_, slot) => judge(slot)));
  return { layers, survivors: survivors.sort() };
}

/**
 * @param {string[]} files @param {boolean} whole whether all of them are put in, and not a sample that others take, too
 * @returns {{ mutants: Mutant[], equivalent: Map<string, number> }} those that are not known to change nothing, and how
 *   many of each file are
 */
function allMutants(files, whole) {
  const names = fs.readdirSync(path.join(root, 'native/posix')).filter((name) => name.endsWith('.cc'));
  const wanted = names.filter((name) => files.length === 0 || files.some((file) => path.basename(file) === name));
  /** @type {Map<string, number>} */
  const counts = new Map();
  const mutants = wanted.flatMap((name) => {
    const file = `native/posix/${name}`;
    const all = mutantsOf(file, fs.readFileSync(path.join(root, file), 'utf8'));
    const equivalent = EQUIVALENT[file] ?? {};
    const known = new Set(all.map(textOf));
    const stale = Object.keys(equivalent).filter((text) => !known.has(text));
    if (whole && stale.length > 0)
      fail(`equivalent.mjs names what is no mutant of ${file} any more: ${stale.join(' | ')}`);
    const left = all.filter((mutant) => equivalent[textOf(mutant)] === undefined);
    counts.set(file, all.length - left.length);
    return left;
  });
  return { mutants, equivalent: counts };
}

/** As it is told, and as equivalent.mjs names it. @param {Mutant} mutant */
function textOf({ before, after }) {
  return `${before}  =>  ${after}`;
}

/** By a hash of the mutant itself, so that a change elsewhere leaves the choice as it was. @param {Mutant[]} mutants @param {number | undefined} sample @param {string} seed */
function chooseFrom(mutants, sample, seed) {
  if (sample === undefined) return mutants;
  const order = new Map(mutants.map((mutant) => [mutant, hash(seed, mutant.file, mutant.before, mutant.after)]));
  return mutants.sort((a, b) => ((order.get(a) ?? '') < (order.get(b) ?? '') ? -1 : 1)).slice(0, sample);
}

// Each test in a process of its own, as ctest has it, up to the first that fails, which is the last that is named. 77: skipped.
const EACH =
  'program=$1; shift; for test; do echo "$test"; "$program" "$test" -aa=1 >/dev/null || [ $? = 77 ] || exit 1; done';

/**
 * @param {Mutant} mutant @param {Test[]} tests @param {number} slot
 * @returns {Promise<string | undefined | false>} the test that finds it; false where it does not compile
 */
async function attempt(mutant, tests, slot) {
  const folder = path.join(work, String(slot));
  fs.mkdirSync(folder, { recursive: true });
  if (!(await compile(mutant, folder))) return false;
  const isQuick = (/** @type {Test} */ { seconds }) => seconds < 0.5;
  for (const batch of [tests.filter(isQuick), tests.filter((test) => !isQuick(test))]) {
    for (const name of new Set(batch.map(({ program }) => program))) {
      const some = batch.filter(({ program }) => program === name);
      const program = path.join(folder, name);
      await link(name, program, folder);
      const names = some.map((test) => `-tc=${test.name.replaceAll(',', '\\,')}`);
      const limit = 5 + 5 * some.reduce((sum, { seconds }) => sum + seconds, 0);
      const { passed, output } = await runConfined(['sh', '-c', EACH, 'sh', program, ...names], limit);
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      if (!passed) return last.slice('-tc='.length).replaceAll('\\,', ',');
    }
  }
  return undefined;
}

/** @param {Mutant} mutant @param {string} folder @returns {Promise<boolean>} */
async function compile(mutant, folder) {
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
    await exec(program, args, { cwd: plain });
    return true;
  } catch {
    return false;
  }
}

/** Links a program of the tests as it was linked, the mutant before the library. @param {string} name @param {string} out @param {string} folder */
async function link(name, out, folder) {
  const commands = linked.get(name) ?? run('ninja', ['-C', plain, '-t', 'commands', name], { quiet: true });
  linked.set(name, commands);
  const command = (commands.trim().split('\n').at(-1) ?? '').split(' && ')[1] ?? '';
  const [program = '', ...args] = command.split(' ').filter((word) => word !== '');
  const at = args.indexOf('-o');
  args.splice(at, 2, '-Wl,-S', '-o', out, path.join(folder, 'mutant.o'));
  await exec(program, args, { cwd: plain });
}

/**
 * A mutant may remove anything and end anybody. It sees its own processes alone, an empty temporary directory, and the
 * rest of the files as they are.
 *
 * @param {string[]} command @param {number} seconds after which it is ended, and has failed
 * @param {{ env?: NodeJS.ProcessEnv, writable?: string[], isShown?: boolean }} [options] `writable`: directories that it may write after
 *   all; `isShown`: what it says is shown as it comes
 * @returns {Promise<{ passed: boolean, output: string }>}
 */
export function runConfined(command, seconds, { env = {}, writable = [], isShown = false } = {}) {
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
      if (isShown) process.stderr.write(data);
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
