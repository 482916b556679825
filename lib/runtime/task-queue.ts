/** Runs what concerns one box one after another, and what concerns different boxes at the same time. */
export class TaskQueue {
  readonly #last = new Map<string, Promise<void>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(task);
    const leave = () => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    };
    // It is never rejected: a task that failed does not keep the next one from running.
    const settled: Promise<void> = result.then(leave, leave);
    this.#last.set(key, settled);
    return result;
  }

  /** When every task that was given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
