import { describe, expect, it } from 'vitest';
import { TaskQueue } from '../../dist/runtime/task-queue.js';

/** A task that ends when it is told to. */
function task(began: string[], name: string) {
  let end = () => {};
  let fail = (_: Error) => {};
  const run = () => {
    began.push(name);
    return new Promise<string>((resolve, reject) => {
      end = () => resolve(name);
      fail = reject;
    });
  };
  return { run, end: () => end(), fail: (error: Error) => fail(error) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('TaskQueue', () => {
  it('runs what is of one key in order, and what is of others meanwhile', async () => {
    const began: string[] = [];
    const queue = new TaskQueue();
    const [a, b, other] = ['a', 'b', 'other'].map((name) => task(began, name)) as ReturnType<typeof task>[];
    const results = [
      queue.run('k', a?.run as never),
      queue.run('k', b?.run as never),
      queue.run('l', other?.run as never),
    ];
    await turn();
    expect(began).toEqual(['a', 'other']);
    a?.end();
    await turn();
    expect(began).toEqual(['a', 'other', 'b']);
    b?.end();
    other?.end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'other']);
  });

  it('goes on after a task that failed, or threw', async () => {
    const began: string[] = [];
    const queue = new TaskQueue();
    const [a, c] = ['a', 'c'].map((name) => task(began, name)) as ReturnType<typeof task>[];
    const failing = queue.run('k', a?.run as never);
    const throwing = queue.run('k', () => {
      throw new Error('b');
    });
    const last = queue.run('k', c?.run as never);
    for (const one of [failing, throwing]) one.catch(() => undefined);
    await turn();
    a?.fail(new Error('a'));
    await expect(failing).rejects.toThrow('a');
    await expect(throwing).rejects.toThrow('b');
    await turn();
    c?.end();
    expect(await last).toBe('c');
  });

  it('is idle when all that was given has ended, however it ended', async () => {
    const began: string[] = [];
    const queue = new TaskQueue();
    await queue.idle();
    const [a, b] = ['a', 'b'].map((name) => task(began, name)) as ReturnType<typeof task>[];
    const results = [queue.run('k', a?.run as never), queue.run('k', b?.run as never)];
    for (const one of results) one.catch(() => undefined);
    let isIdle = false;
    const idle = queue.idle().then(() => {
      isIdle = true;
    });
    await turn();
    a?.end();
    await turn();
    expect([isIdle, began]).toEqual([false, ['a', 'b']]);
    b?.fail(new Error('b'));
    await idle;
    // What has ended is forgotten: the next of its key begins at once.
    await turn();
    const next = task(began, 'c');
    const last = queue.run('k', next.run);
    await Promise.resolve();
    expect(began).toEqual(['a', 'b', 'c']);
    next.end();
    await last;
  });
});
