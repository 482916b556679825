import type { BoxRow, BoxStore } from '../../dist/runtime/index.js';
import { boxExists } from '../../dist/runtime/runtime-errors.js';

/** Rows that end with the process. */
export class MemoryBoxStore implements BoxStore {
  readonly #rows = new Map<string, BoxRow>();

  async get(id: string): Promise<BoxRow | undefined> {
    const row = this.#rows.get(id);
    return row === undefined ? undefined : { ...row };
  }

  async *pages(): AsyncGenerator<BoxRow[]> {
    yield [...this.#rows.values()].map((row) => ({ ...row }));
  }

  async insert(row: BoxRow): Promise<void> {
    if (this.#rows.has(row.id)) throw boxExists(row.id, 'a row of that id');
    this.#refuseTakenName(row);
    this.#rows.set(row.id, { ...row });
  }

  async update(row: BoxRow): Promise<boolean> {
    if (!this.#rows.has(row.id)) return false;
    this.#refuseTakenName(row);
    this.#rows.set(row.id, { ...row });
    return true;
  }

  async delete(id: string): Promise<boolean> {
    return this.#rows.delete(id);
  }

  async close(): Promise<void> {}

  #refuseTakenName({ id, name }: BoxRow): void {
    const taken = name !== null && [...this.#rows.values()].some((other) => other.name === name && other.id !== id);
    if (taken) throw boxExists(id, `a box named '${name}'`);
  }
}
