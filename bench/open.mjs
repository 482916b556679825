// Claims: open() on a home with 10,000 boxes stays under 1.5 times the time of reading the directory and the rows, and does
// not block the event loop for more than 10 ms at a time.
//
//   node bench/open.mjs [boxes] [rounds]       prints JSON: medians in milliseconds, the ratio, the longest block

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { BoxSockets } from 'boxsockets';
import { BoxRuntime, SqliteBoxStore } from 'boxsockets/runtime';

const Database = createRequire(import.meta.url)('better-sqlite3');

const RATIO_LIMIT = 1.5;
const BLOCK_LIMIT = 10;
const boxes = Number(process.argv[2] ?? 10_000);
const rounds = Number(process.argv[3] ?? 15);
const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
process.on('exit', () => fs.rmSync(base, { recursive: true }));
const homeDir = path.join(base, 'home');
const file = path.join(homeDir, 'db', 'boxlite.db');

/** Rows of the size that BoxLite's have. */
async function fill() {
  await (await SqliteBoxStore.open(file)).close();
  const fixture = new URL('../test/fixtures/boxlite-rows.json', import.meta.url);
  const [row] = JSON.parse(fs.readFileSync(fixture, 'utf8'));
  const database = new Database(file);
  const insert = database.prepare('INSERT INTO box_config VALUES (?, ?, ?, ?)');
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
}

/** The directory and the rows, read and nothing else. */
async function readOnly() {
  const names = await fs.promises.readdir(path.join(homeDir, 'boxes'));
  const database = new Database(file);
  const rows = database.prepare('SELECT * FROM box_config').all();
  database.close();
  return names.length + rows.length;
}

/** Runs, and finds the longest time for which the event loop did not turn. */
async function watched(run) {
  let longest = 0;
  let last = performance.now();
  let watching = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(turn);
  };
  setImmediate(turn);
  await run();
  watching = false;
  turn();
  return longest;
}

async function open() {
  const runtime = await BoxRuntime.open({ homeDir, base });
  const { swept, orphans, failed } = runtime.recovery;
  if (swept.length + orphans.length + failed.length > 0) throw new Error('the home is not in order');
  return runtime;
}

await fill();
const times = { floor: [], open: [] };
const blocks = [];
for (let round = -2; round < rounds; round++) {
  // In turn, so that whatever else the machine does hits both.
  const began = performance.now();
  await readOnly();
  const between = performance.now();
  const runtime = await open();
  const ended = performance.now();
  await runtime.close();
  const block = await watched(async () => (await open()).close());
  if (round < 0) continue;
  times.floor.push(between - began);
  times.open.push(ended - between);
  blocks.push(block);
}

const median = (values) => Number(values.sort((a, b) => a - b)[values.length >> 1].toFixed(2));
const medians = { floor: median(times.floor), open: median(times.open), longestBlock: median(blocks) };
const ratio = Number((medians.open / medians.floor).toFixed(3));
const ok = ratio <= RATIO_LIMIT && medians.longestBlock <= BLOCK_LIMIT;
const limits = { ratio: RATIO_LIMIT, longestBlock: BLOCK_LIMIT };
console.log(JSON.stringify({ claim: 'open', unit: 'ms', boxes, rounds, medians, ratio, limits, ok }, null, 2));
