// One body for an operation that exists twice: it is a generator which yields each call to the file system, and the
// synchronous and the asynchronous twin differ in how they answer.

/** A call to the file system, in both its forms. */
export interface Call<T> {
  sync(): T;
  async(): Promise<T>;
}

/** An operation made of calls. */
export type Steps<T> = Generator<Call<unknown>, T, unknown>;

/** Makes one call within an operation: `const text = yield* step(call)`. */
export function* step<T>(call: Call<T>): Steps<T> {
  // The two runners below answer a call with its own result, and nobody else resumes the generator.
  return (yield call) as T;
}

/** Makes a call of two functions that take the same, and answer it at once and later. */
export function both<Args extends unknown[], Result>(
  atOnce: (...args: Args) => Result,
  onThread: (...args: Args) => Promise<Result>,
  ...args: Args
): Steps<Result> {
  return step({ sync: () => atOnce(...args), async: () => onThread(...args) });
}

/** The outcome of an operation, or null where what it is about is not there. */
export function* orNull<T>(steps: Steps<T>): Steps<T | null> {
  try {
    return yield* steps;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** What a call returns; where it throws, the answer that its failure is. */
export function attempt<T>(call: () => T, otherwise: T): T {
  try {
    return call();
  } catch {
    return otherwise;
  }
}

/** Runs an operation at once. */
export function runSync<T>(steps: Steps<T>): T {
  let state = steps.next();
  while (state.done !== true) {
    let answer: unknown;
    try {
      answer = state.value.sync();
    } catch (error) {
      state = steps.throw(error);
      continue;
    }
    state = steps.next(answer);
  }
  return state.value;
}

/** Runs an operation whose calls go through the thread pool. */
export async function runAsync<T>(steps: Steps<T>): Promise<T> {
  let state = steps.next();
  while (state.done !== true) {
    let answer: unknown;
    try {
      answer = await state.value.async();
    } catch (error) {
      state = steps.throw(error);
      continue;
    }
    state = steps.next(answer);
  }
  return state.value;
}

/** Runs an operation at once where nothing that it asks may hang, and else through the thread pool. */
export async function run<T>(steps: Steps<T>, atOnce: boolean): Promise<T> {
  return atOnce ? runSync(steps) : runAsync(steps);
}

/** Runs operations of which none waits for another, in a twin that can all at a time; all have ended when one has failed. */
export function together(operations: readonly (() => Steps<void>)[]): Steps<void> {
  return step({
    sync: () => {
      for (const operation of operations) runSync(operation());
    },
    async: async () => {
      const outcomes = await Promise.allSettled(operations.map((operation) => runAsync(operation())));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
  });
}
