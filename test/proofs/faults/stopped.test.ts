// A process of our own that is stopped in the middle of an operation, the lock in its hands.

import * as fs from 'node:fs';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { holderOf } from '../../helpers/flock.js';
import { ownUid, promise, rejection, twins } from '../../helpers.js';
import { logOf, missingStrace, type Struck, strikeOperation, traceOperation, withBase } from './strace.js';

// By the word of strace: to the kernel, it is also stopped for a moment at each call that strace looks at.
const isStopped = (base: string) => fs.readFileSync(logOf(base), 'utf8').includes('stopped by SIGSTOP');

interface Stopped {
  readonly base: string;
  readonly pid: number;
  /** Lets it go on, and answers with what became of it. */
  goOn(): Promise<Struck>;
}

/** A link that leads nowhere: to replace it takes the lock, as to make one does not. */
function stale(base: string, id: string): void {
  fs.symlinkSync('/nonexistent', `${base}/bl-${ownUid}/${id}`);
}

/** An ensure() that has just replaced its link, stopped before it lets go of the lock, while `use` runs. */
async function withStopped(use: (stopped: Stopped) => Promise<void>): Promise<void> {
  const { calls } = await traceOperation('replace');
  const call = calls.find(({ kernel }) => kernel.startsWith('renameat'));
  if (call === undefined) throw new Error('replace renames no link');
  await withBase(async (base) => {
    const struck = strikeOperation({ base, operation: 'replace' }, { call, effect: 'signal=SIGSTOP' });
    let pid: number | null = null;
    while (pid === null || !isStopped(base)) {
      await sleep(5);
      pid = holderOf(`${base}/bl-${ownUid}/.lock`);
    }
    const holder = pid;
    let stands = true;
    const goOn = () => {
      if (stands) process.kill(holder, 'SIGCONT');
      stands = false;
      return struck;
    };
    try {
      await use({ base, pid, goOn });
    } finally {
      await goOn();
    }
  });
}

const LOCK_TIMEOUT = 500;

for (const twin of twins) {
  promise(missingStrace, `a stopped holder of the lock delays ${twin.name} calls by their deadline, and is named`, () =>
    withStopped(async ({ base, pid }) => {
      stale(base, 'gone');
      stale(base, 'other');
      const box = new BoxSockets('other', `${base}/b`, { base });
      const options = { lockTimeout: LOCK_TIMEOUT };
      for (const operation of [
        () => twin.ensure(box, options),
        () => twin.remove(new BoxSockets('gone', `${base}/b`, { base }), options),
        () => twin.sweepStale({ base, ...options }),
        () => box.listen(net.createServer(), 'box.sock', options),
      ]) {
        const begin = performance.now();
        const error = await rejection(operation());
        const waited = performance.now() - begin;
        expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', owner: pid });
        expect(waited).toBeGreaterThanOrEqual(LOCK_TIMEOUT);
        // Far less than two deadlines one after the other, on a machine that does nothing else.
        expect(waited).toBeLessThan(10 * LOCK_TIMEOUT);
      }
    }),
  );
}

promise(missingStrace, 'a hundred calls that wait for a stopped holder wait side by side, and block no thread', () =>
  withStopped(async ({ base, pid }) => {
    const boxes = Array.from({ length: 100 }, (_, i) => new BoxSockets(`w${i}`, `${base}/b`, { base }));
    for (const { boxId } of boxes) stale(base, boxId);
    // Long, so that a busy machine has time to ask the questions below.
    const lockTimeout = 6 * LOCK_TIMEOUT;
    const begin = performance.now();
    let settled = 0;
    const errors = boxes.map(async (box) => {
      const error = await rejection(box.ensure({ lockTimeout }));
      settled++;
      return error;
    });
    // The pool has four threads: four calls that waited in it would leave none for these.
    for (let i = 0; i < 20; i++) await fs.promises.stat(base);
    expect(settled).toBe(0);
    for (const error of await Promise.all(errors)) {
      expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT', owner: pid });
    }
    // Four at a time would take 25 times the deadline.
    expect(performance.now() - begin).toBeLessThan(20 * lockTimeout);
  }),
);

promise(missingStrace, 'a stopped holder that goes on ends its work, and the others do theirs', () =>
  withStopped(async ({ base, goOn }) => {
    const other = new BoxSockets('other', `${base}/b`, { base });
    stale(base, 'other');
    const waiting = other.ensure({ lockTimeout: 60_000 });
    const { report } = await goOn();
    expect(report?.first).toMatchObject({ result: { status: 'replaced' } });
    expect(await waiting).toMatchObject({ status: 'replaced' });
    expect(new BoxSockets('b1', `${base}/b`, { base }).ensureSync()).toMatchObject({ status: 'unchanged' });
    expect(fs.readdirSync(`${base}/bl-${ownUid}`).sort()).toEqual(['.lock', 'b1', 'other']);
  }),
);
