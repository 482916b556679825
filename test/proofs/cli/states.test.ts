// What may be broken, as another user meets it; the rest is in test/cli/doctor/states.test.ts.

import { tryStates } from '../../cli/doctor/all-states.js';
import { needsUser } from '../../cli/doctor/state.js';

tryStates(needsUser);
