import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Interruption } from '../../../dist/cli/doctor/interruption.js';
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

describe('in this process, which is only told that it would die', () => {
  const dies = () => vi.spyOn(process, 'kill').mockImplementation(() => true);
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => process.listenerCount(signal));
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends it at once before a making, and after one',
    async (signal) => {
      const killed = dies();
      const before = count();
      for (const isAfter of [false, true]) {
        const interruption = new Interruption();
        if (isAfter) expect(await interruption.during(async () => 'made')).toBe('made');
        expect([interruption.received, killed.mock.calls]).toEqual([false, []]);
        process.emit(signal, signal);
        expect([interruption.received, killed.mock.calls]).toEqual([true, [[process.pid, signal]]]);
        // A second one is not held back.
        expect(count()).toEqual(before);
        killed.mockClear();
      }
    },
  );

  it('in a making it is held back until that is done, or has failed', async () => {
    vi.useFakeTimers();
    const killed = dies();
    for (const fails of [false, true]) {
      const interruption = new Interruption();
      let isOver = false;
      const made = interruption
        .during(async () => {
          process.emit('SIGTERM', 'SIGTERM');
          expect([interruption.received, killed.mock.calls]).toEqual([true, []]);
          if (fails) throw new Error('failed');
          return 'made';
        })
        .catch((error: Error) => error.message)
        .finally(() => {
          isOver = true;
        });
      await vi.advanceTimersByTimeAsync(999);
      // It says nothing more while it dies.
      expect([isOver, killed.mock.calls]).toEqual([false, [[process.pid, 'SIGTERM']]]);
      await vi.advanceTimersByTimeAsync(1);
      expect(await made).toBe(fails ? 'failed' : 'made');
      killed.mockClear();
    }
  });

  it('is told no signal: it goes on at once', async () => {
    const killed = dies();
    const interruption = new Interruption();
    await interruption.during(async () => undefined);
    interruption.release();
    process.emit('SIGUSR2', 'SIGUSR2');
    expect(killed).not.toHaveBeenCalled();
  });
});
