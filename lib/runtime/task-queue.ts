/** Runs what concerns one box one after another, and what concerns different boxes at the same time. */
export class TaskQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    // A task that failed does not keep the next one from running.
    const result = before.then(task, task);
    const ignored = () => undefined;
    const settled = result.then(ignored, ignored);
    this.#last.set(key, settled);
    settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    return result;
  }

  /** When every task that was given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
