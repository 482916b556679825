// What may be broken, as far as it takes a mount or root's rights; the rest is in test/cli/doctor/states.test.ts.

import { tryStates } from '../../cli/doctor/all-states.js';
import { needsMore, needsUser } from '../../cli/doctor/state.js';

tryStates((state) => !needsUser(state) && needsMore(state));
