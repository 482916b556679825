// Opening a home with many boxes costs little more than reading the directory and the rows, and does not block the event
// loop for long.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { BoxSockets } from '../dist/index.js';
import { BoxRuntime, SqliteBoxStore } from '../dist/runtime/index.js';
import { compare } from './lib/contenders.mjs';
import { longestBlock } from './lib/event-loop.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

/** @type {any} */
let Database;

const BOXES = 10_000;
const SMALL = 1000;
const LARGE = 100_000;

/** @typedef {{ base: string, homeDir: string, file: string, boxes: number }} Home */

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'open',
  missing: missingDatabase,
  async run({ rounds, quick }) {
    const boxes = quick ? BOXES / 10 : BOXES;
    const some = Math.ceil(rounds / 8);
    const home = await makeHome(boxes);
    const samples = await compare(
      [
        { name: 'directory and rows', round: () => timed(() => readOnly(home)) },
        { name: 'BoxRuntime.open', round: () => timedOpen(home) },
      ],
      some,
    );
    const large = await openLarge(quick, Math.ceil(rounds / 32));
    return {
      title: `Opening a home of ${boxes.toLocaleString('en')} boxes`,
      setting: 'All in order: rows, directories and bindings. Rows of the size that BoxLite writes.',
      rows: [...toRows(samples, 'ms'), ...large.rows],
      targets: [
        times(samples, 'BoxRuntime.open', 'directory and rows', { atMost: 1.5, guard: 4 }),
        // A machine that is busy with something else blocks every loop: no guard.
        { ...(await blocks(home, some)), atMost: 10, guard: Infinity },
        ...large.targets,
      ],
    };
  },
};

/**
 * Many more boxes take no more of the processor each, nor of the event loop, nor much memory.
 *
 * @param {boolean} quick
 * @param {number} rounds
 * @returns {Promise<Pick<import('./lib/outcome.mjs').Outcome, 'rows' | 'targets'>>}
 */
async function openLarge(quick, rounds) {
  const few = await makeHome(quick ? SMALL / 5 : SMALL);
  const many = await makeHome(quick ? LARGE / 50 : LARGE);
  const name = (/** @type {Home} */ { boxes }) => `${boxes.toLocaleString('en')} boxes`;
  const contender = (/** @type {Home} */ home) => ({
    name: name(home),
    round: async () => (await timedOpen(home)) / home.boxes,
  });
  const samples = await compare([contender(few), contender(many)], rounds);
  const memory = Array.from({ length: 3 }, () => memoryOf(many));
  const block = await blocks(many, rounds);
  return {
    rows: toRows(samples, 'µs').map((row) => ({ ...row, name: `BoxRuntime.open, ${row.name}, each` })),
    targets: [
      times(samples, name(many), name(few), {
        what: `one of ${name(many)} / one of ${name(few)}`,
        atMost: 1.2,
        guard: 2,
      }),
      { ...block, what: `${block.what}, ${name(many)}`, atMost: 10, guard: Infinity },
      { what: `memory, ${name(many)}`, unit: 'MiB', ...summarize(memory), atMost: 64 },
    ],
  };
}

/**
 * @param {Home} home
 * @param {number} rounds
 */
async function blocks(home, rounds) {
  const found = [];
  for (let i = 0; i < rounds; i++) found.push(await longestBlock(async () => (await open(home)).close()));
  return { what: 'longest block of the event loop', unit: 'ms', ...summarize(found) };
}

/** @param {Home} home */
function memoryOf({ homeDir, base }) {
  const child = path.join(import.meta.dirname, 'lib/open-memory.cjs');
  return Number(execFileSync(process.execPath, ['--expose-gc', child, homeDir, base]));
}

/** @returns {string | null} */
function missingDatabase() {
  const script = path.join(import.meta.dirname, '../scripts/tools/sqlite.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  if (status !== 0) return stderr.trim();
  // Where the store finds it, too.
  process.env.NODE_PATH = stdout.trim();
  /** @type {any} */ (Module)._initPaths();
  Database = createRequire(import.meta.url)('better-sqlite3');
  return null;
}

/**
 * @param {number} boxes
 * @returns {Promise<Home>}
 */
async function makeHome(boxes) {
  const base = scratch(IN_MEMORY);
  const homeDir = path.join(base, 'home');
  const file = path.join(homeDir, 'db', 'boxlite.db');
  await (await SqliteBoxStore.open(file)).close();
  const fixture = path.join(import.meta.dirname, '../test/fixtures/boxlite-rows.json');
  const [row] = JSON.parse(fs.readFileSync(fixture, 'utf8'));
  const database = new Database(file);
  const insert = database.prepare('INSERT INTO box_config VALUES (?, ?, ?, ?)');
  /** @type {BoxSockets[]} */
  const sockets = [];
  database.transaction(() => {
    for (let i = 0; i < boxes; i++) {
      // Spread as random ids are.
      const id = `${((i * 2_654_435_761) % 2 ** 32).toString(36)}${i}`.padStart(12, 'x');
      const json = row.json.replaceAll(row.id, id).replaceAll('@HOME@', homeDir);
      insert.run(id, `box-${i}`, row.created_at, json);
      const realDir = path.join(homeDir, 'boxes', id, 'sockets');
      fs.mkdirSync(realDir, { recursive: true });
      sockets.push(new BoxSockets(id, realDir, { base }));
    }
  })();
  database.close();
  await BoxSockets.ensureAll(sockets);
  return { base, homeDir, file, boxes };
}

/** @param {Home} home */
async function readOnly({ homeDir, file }) {
  const names = await fs.promises.readdir(path.join(homeDir, 'boxes'));
  const database = new Database(file);
  const rows = database.prepare('SELECT * FROM box_config').all();
  database.close();
  if (names.length !== rows.length) throw new Error('the home is not in order');
}

/** @param {Home} home */
async function open({ homeDir, base }) {
  const runtime = await BoxRuntime.open({ homeDir, base });
  const { swept, orphans, failed } = runtime.recovery;
  if (swept.length + orphans.length + failed.length > 0) throw new Error('the home is not in order');
  return runtime;
}

/** @param {Home} home */
async function timedOpen(home) {
  const start = process.hrtime.bigint();
  const runtime = await open(home);
  const took = Number(process.hrtime.bigint() - start);
  await runtime.close();
  return took;
}

/** @param {() => Promise<unknown>} work */
async function timed(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start);
}
