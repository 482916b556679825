// Claim: prepare() costs no more than 1.3 times the bare mkdir calls plus one ensure.
//
//   node bench/prepare.mjs [rounds]            prints JSON: medians in microseconds, and the ratios

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { BoxSockets } from 'boxsockets';
import { BoxLayout } from 'boxsockets/box';

const LIMIT = 1.3;
const rounds = Number(process.argv[2] ?? 400);
const base = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
process.on('exit', () => fs.rmSync(base, { recursive: true }));
const NAMES = ['', 'sockets', 'tmp', 'disks', 'mounts', 'shared', 'logs', 'bin'];

let count = 0;
/** A box that is not there yet; what is above its home is. */
const next = () => {
  const id = `b${count++}`;
  return { id, home: path.join(base, id) };
};

const contenders = {
  floorSync: ({ id, home }) => {
    for (const name of NAMES) fs.mkdirSync(name === '' ? home : `${home}/${name}`, { mode: 0o700 });
    new BoxSockets(id, `${home}/sockets`, { base }).ensureSync();
  },
  prepareSync: ({ home }) => new BoxLayout(home, { base }).prepareSync(),
  floor: async ({ id, home }) => {
    for (const name of NAMES) await fs.promises.mkdir(name === '' ? home : `${home}/${name}`, { mode: 0o700 });
    await new BoxSockets(id, `${home}/sockets`, { base }).ensure();
  },
  prepare: ({ home }) => new BoxLayout(home, { base }).prepare(),
};

const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = -20; round < rounds; round++) {
  // In turn, so that whatever else the machine does hits all of them.
  for (const [name, run] of Object.entries(contenders)) {
    const box = next();
    const began = performance.now();
    await run(box);
    const took = performance.now() - began;
    if (round >= 0) times[name].push(took * 1000);
    fs.rmSync(box.home, { recursive: true });
    fs.rmSync(path.join(base, `bl-${process.getuid()}`, box.id));
  }
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const medians = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, Math.round(median(values))]));
const ratios = {
  sync: Number((medians.prepareSync / medians.floorSync).toFixed(3)),
  async: Number((medians.prepare / medians.floor).toFixed(3)),
};
const ok = ratios.sync <= LIMIT && ratios.async <= LIMIT;
console.log(JSON.stringify({ claim: 'prepare', unit: 'µs', rounds, medians, ratios, limit: LIMIT, ok }, null, 2));
