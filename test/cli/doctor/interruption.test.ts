import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { boxsockets, scratch } from '../run.js';

const test = scratch();

const INTERRUPTION = path.join(__dirname, '../../../dist/cli/doctor/interruption.js');

/** How a process ends that is sent the signal where the word stands, in the last step of a making or in the pause after. */
function endOf(signal: NodeJS.Signals, where: { making?: boolean; pause?: boolean }): [number | null, string | null] {
  const program = `
    const { Interruption } = require(${JSON.stringify(INTERRUPTION)});
    const interruption = new Interruption();
    const raise = (does) => does && process.kill(process.pid, ${JSON.stringify(signal)});
    (async () => {
      // What Node was told in the last step reaches its handlers a turn later.
      await interruption.during(async () => raise(${where.making}));
      raise(${where.pause});
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 20));
      interruption.release();
    })();`;
  const { status, signal: died } = spawnSync(process.execPath, ['-e', program]);
  return [status, died];
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  it(`${signal} in the last step of a making is not lost: the process dies of it before the next one`, () => {
    expect(endOf(signal, { making: true })).toEqual([null, signal]);
  });
}

it('a signal between two makings ends the process', () => {
  expect(endOf('SIGTERM', { pause: true })).toEqual([null, 'SIGTERM']);
});

it('without a signal nothing is ended', () => {
  expect(endOf('SIGTERM', {})).toEqual([0, null]);
});

it('a doctor that was not interrupted leaves no handler of its own', async () => {
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => process.listenerCount(signal));
  const before = count();
  await boxsockets(['doctor', '--quiet', '--base', test.base]);
  expect(count()).toEqual(before);
});
