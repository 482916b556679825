// A doctor of many boxes takes little more than its probes, grows with them alone, and soon says something.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { BoxSockets } from '../dist/index.js';
import { compare } from './lib/contenders.mjs';
import { missingTool } from './lib/missing.mjs';
import { times, toRows } from './lib/outcome.mjs';
import { IN_MEMORY, scratch } from './lib/scene.mjs';
import { summarize } from './lib/statistics.mjs';

const BOXES = 1000;
const SHARE = 4;
const DOCTOR = path.join(import.meta.dirname, '../dist/cli/main.js');
const PROBES = path.join(import.meta.dirname, 'lib/probe-all.cjs');

/** @typedef {{ home: string, base: string, boxes: number }} Home */

/** @type {import('./lib/outcome.mjs').Claim} */
export const claim = {
  name: 'doctor',
  missing: () => missingTool('script'),
  async run({ rounds, quick }) {
    const all = await makeHome(quick ? BOXES / 5 : BOXES);
    const quarter = await makeHome(all.boxes / SHARE);
    const some = Math.ceil(rounds / 16);
    const samples = await compare(
      [
        { name: 'the probes', round: async () => (await run(node(PROBES, all.home, all.base))).whole },
        { name: 'doctor', round: async () => (await run(doctor(all))).whole },
        { name: 'doctor of a quarter', round: async () => (await run(doctor(quarter))).whole },
      ],
      some,
    );
    const firstLines = [];
    for (let i = 0; i < some; i++) firstLines.push((await run(onTerminal(doctor(all)))).first / 1e6);
    const boxes = all.boxes.toLocaleString('en');
    return {
      title: `doctor --home of ${BOXES.toLocaleString('en')} boxes`,
      setting: `Whole processes; all in order. The probes: a script that probes the ${boxes} boxes one after another.`,
      rows: toRows(samples, 'ms', { 'doctor of a quarter': `doctor of ${quarter.boxes} boxes` }),
      targets: [
        times(samples, 'doctor', 'the probes', { what: 'doctor / the probes', atMost: 1.5, guard: 3 }),
        times(samples, 'doctor', 'doctor of a quarter', {
          what: `doctor / doctor of ${quarter.boxes} boxes`,
          atMost: SHARE,
          guard: 1.5 * SHARE,
        }),
        // How fast a machine starts Node is its own affair: no guard.
        {
          what: 'until its first line on a terminal',
          unit: 'ms',
          ...summarize(firstLines),
          atMost: 200,
          guard: Infinity,
        },
      ],
    };
  },
};

/**
 * @param {number} boxes
 * @returns {Promise<Home>}
 */
async function makeHome(boxes) {
  const base = scratch(IN_MEMORY);
  const home = path.join(base, 'home');
  const sockets = Array.from({ length: boxes }, (_, i) => {
    const id = `box${i}`.padEnd(12, 'x');
    const realDir = path.join(home, 'boxes', id, 'sockets');
    fs.mkdirSync(realDir, { recursive: true, mode: 0o700 });
    return new BoxSockets(id, realDir, { base });
  });
  await BoxSockets.ensureAll(sockets);
  return { home, base, boxes };
}

/** @param {string[]} args */
const node = (...args) => [process.execPath, ...args];

/** @param {Home} home */
const doctor = ({ home, base }) => node(DOCTOR, 'doctor', '--home', home, '--base', base);

/** @param {string[]} command of words that a shell takes as they are */
const onTerminal = (command) => ['script', '-qefc', command.join(' '), '/dev/null'];

/**
 * Runs a program to its end.
 *
 * @param {string[]} command
 * @returns {Promise<{ first: number, whole: number }>} nanoseconds until the first output, and until the end
 */
async function run([program = '', ...args]) {
  const start = process.hrtime.bigint();
  const since = () => Number(process.hrtime.bigint() - start);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let first = 0;
  let said = '';
  child.stdout.on('data', (chunk) => {
    first ||= since();
    said += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${said}`);
  return { first, whole: since() };
}
