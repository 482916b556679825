// What may be broken; what needs a mount is in test/proofs/cli/mounts.test.ts, and another user in states.test.ts there.

import { expect, it } from 'vitest';
import { STATES, tryStates } from './all-states.js';
import { needsMore, needsUser } from './state.js';

tryStates((state) => !needsUser(state) && !needsMore(state));

it('more than forty broken states are known', () => {
  expect(STATES.length).toBeGreaterThan(40);
});
