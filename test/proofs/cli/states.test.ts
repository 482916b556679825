// What may be broken, as far as it takes another user or a mount; the rest is in test/cli/doctor/states.test.ts.

import { describe } from 'vitest';
import { BINDINGS } from '../../cli/doctor/binding-states.js';
import { HOMES, SOCKETS } from '../../cli/doctor/home-states.js';
import { MACHINES } from '../../cli/doctor/machine-states.js';
import { isSlow, tryState } from '../../cli/doctor/state.js';

describe.each([
  ['homes', HOMES],
  ['sockets', SOCKETS],
  ['bindings', BINDINGS],
  ['the machine', MACHINES],
] as const)('%s', (_, states) => {
  for (const state of states) if (isSlow(state)) tryState(state);
});
