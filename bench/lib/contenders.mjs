// What is compared: functions of this process, and floors, which are processes of their own.

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {() => Promise<number>} round nanoseconds that one operation took
 */

const WARM_UP_ROUNDS = 3;

/**
 * A function, called in a loop of its own: the loop is compiled for it alone, so that no contender inherits what the
 * engine has learnt of another.
 *
 * @param {string} name
 * @param {() => unknown} operation
 * @param {number} count operations a round
 * @returns {Contender}
 */
export function calls(name, operation, count) {
  const loop = new Function('operation', 'count', 'for (let i = 0; i < count; i++) operation();');
  return { name, round: async () => time(() => loop(operation, count), count) };
}

/**
 * An asynchronous function, called again when the last call has settled, by so many callers at a time.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} operation
 * @param {{ count: number, callers: number }} load
 * @returns {Contender}
 */
export function asyncCalls(name, operation, { count, callers }) {
  const caller = async () => {
    for (let i = 0; i < count / callers; i++) await operation();
  };
  const round = async () => {
    const start = process.hrtime.bigint();
    await Promise.all(Array.from({ length: callers }, caller));
    return Number(process.hrtime.bigint() - start) / count;
  };
  return { name, round };
}

/**
 * @param {() => unknown} work
 * @param {number} count operations that it makes
 * @returns {number}
 */
export function time(work, count) {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / count;
}

/**
 * Runs the contenders by turns, each round in another order.
 *
 * @param {readonly Contender[]} contenders
 * @param {number} rounds
 * @param {() => void} [prepare] called before each round of each
 * @returns {Promise<Map<string, number[]>>} nanoseconds an operation, by name and round
 */
export async function compare(contenders, rounds, prepare = () => {}) {
  /** @type {Map<string, number[]>} */
  const samples = new Map(contenders.map(({ name }) => [name, []]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round + WARM_UP_ROUNDS) % contenders.length];
      if (contender === undefined) continue;
      prepare();
      const took = await contender.round();
      if (round >= 0) samples.get(contender.name)?.push(took);
    }
  }
  return samples;
}
