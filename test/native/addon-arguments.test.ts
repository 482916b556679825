// What the addon answers to a caller who does not keep to its contract: the facade never passes such arguments, but who
// calls it directly must not bring the process down.

import * as path from 'node:path';
import { expect, it } from 'vitest';
import { dist } from '../helpers.js';

const { native } = require(path.join(path.dirname(dist), 'native', 'load.js')) as { native(): Record<string, unknown> };
const functions = Object.entries(native()).filter(([, value]) => typeof value === 'function') as [
  name: string,
  call: (...args: unknown[]) => unknown,
][];

it.each(functions)('%s refuses what is not of its types', async (_, call) => {
  for (const args of [[], Array(16).fill(Symbol('x')), Array(16).fill({})]) {
    const outcome = await (async () => call(...args))().catch((error: Error) => error);
    expect(outcome).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  }
});
