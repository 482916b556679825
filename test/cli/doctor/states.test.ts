// What may be broken; what needs another user or a mount is in test/proofs/cli/states.test.ts.

import { describe, expect, it } from 'vitest';
import { BINDINGS } from './binding-states.js';
import { HOMES, SOCKETS } from './home-states.js';
import { MACHINES } from './machine-states.js';
import { isSlow, tryState } from './state.js';

describe.each([
  ['homes', HOMES],
  ['sockets', SOCKETS],
  ['bindings', BINDINGS],
  ['the machine', MACHINES],
] as const)('%s', (_, states) => {
  for (const state of states) if (!isSlow(state)) tryState(state);
});

it('more than forty broken states are known', () => {
  expect([...HOMES, ...SOCKETS, ...BINDINGS, ...MACHINES].length).toBeGreaterThan(40);
});
